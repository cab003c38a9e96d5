#pragma once
// Comma-separated values (RFC 4180) with the rules and error texts of Go's encoding/csv, which k6's scripts see.
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace gauntlet::engine::api {

class CsvReader {
 public:
  /// Reads from `text`, which must outlive this; a byte order mark at its beginning is none of its data. `delimiter` is one UTF-8
  /// character.
  explicit CsvReader(std::string_view text, std::string delimiter = ",");

  using Row = std::vector<std::string>;
  /// The next row; empty lines are skipped; nothing at the end. Rows must have as many fields as the first one.
  base::Expected<std::optional<Row>> next();
  /// Bytes read so far.
  std::size_t offset() const { return at_; }

 private:
  base::Expected<std::string> quoted_field();
  base::Expected<std::string> plain_field();
  bool at_line_end() const;
  void skip_line_end();
  base::Error malformed(const char* what) const;

  std::string_view text_;
  std::string delimiter_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  std::size_t line_start_ = 0;
  std::size_t fields_ = 0;  // of the first row
};

}  // namespace gauntlet::engine::api
