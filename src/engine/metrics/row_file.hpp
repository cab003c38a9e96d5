#pragma once
// The rows of a test's series: the newest in memory, the others in a file, so that an engine is as large after an hour as
// after a minute.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gauntlet::engine::metrics {

/// A list of texts that only grows. The file has no name: it is gone with the process. It lies in $TMPDIR, or in /var/tmp,
/// which unlike /tmp is a disk everywhere. Where none can be made or written, everything stays in memory.
class RowFile {
 public:
  /// Bytes in memory before they are written; their row may be longer.
  static constexpr std::size_t kHeldBytes = std::size_t{16} << 10U;

  RowFile() = default;
  ~RowFile();
  RowFile(RowFile&& other) noexcept;
  RowFile& operator=(RowFile&& other) noexcept;

  void append(std::string_view row);
  std::size_t size() const { return rows_; }
  /// Bytes that are in the file and not in memory.
  std::uint64_t file_bytes() const { return file_bytes_; }

  /// Goes through the rows from the first. The file must not change meanwhile.
  class Reader {
   public:
    explicit Reader(const RowFile& file) : file_(file) {}
    /// False after the last row. Where the disk does not give back what it was given, those in memory follow. `row` is valid until the next
    /// call.
    bool next(std::string_view& row);

   private:
    bool load();

    const RowFile& file_;
    std::string loaded_;      // of the file: what begins at at_
    std::uint64_t read_ = 0;  // bytes of the file that were loaded
    std::size_t at_ = 0;      // in loaded_, or in what the file holds in memory
    bool in_memory_ = false;
  };

 private:
  void write_held();

  int file_ = -1;
  bool has_failed_ = false;
  std::size_t rows_ = 0;
  std::uint64_t file_bytes_ = 0;
  std::string held_;  // rows behind those in the file, each after its length
};

}  // namespace gauntlet::engine::metrics
