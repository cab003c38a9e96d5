#pragma once
// One SQLite database file: the form in which the lab keeps rows that people and programs ask questions of.
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/error.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace gauntlet::lab {

/// A value of a row: nothing (NULL), a whole number, a real one or text. (Not a std::variant: g++ 12 takes moves of one
/// that holds a string for uses of uninitialised memory.)
class Cell {
 public:
  enum class Kind { null, whole, real, text };
  Cell() = default;
  Cell(std::int64_t value) : kind_(Kind::whole), whole_(value) {}
  Cell(double value) : kind_(Kind::real), real_(value) {}
  Cell(std::string value) : kind_(Kind::text), text_(std::move(value)) {}
  Cell(const char* value) : Cell(std::string(value)) {}

  Kind kind() const { return kind_; }
  std::int64_t whole() const { return whole_; }
  double real() const { return real_; }
  const std::string& text() const { return text_; }

 private:
  Kind kind_ = Kind::null;
  std::int64_t whole_ = 0;
  double real_ = 0;
  std::string text_;
};

/// A cell as CSV and tables show it: NULL is empty, doubles have up to six significant digits after what is exact.
std::string to_text(const Cell& cell);
/// 0 for NULL and for text that is no number.
double to_number(const Cell& cell);

/// Movable; one thread at a time, several processes may share the file. Each call that fails says which file and why.
class SqliteFile {
 public:
  /// Makes the file where it is missing. Writers wait for each other, 10 s at most.
  static base::Expected<SqliteFile> open(const std::filesystem::path& path);
  /// For reading what a run has recorded; not_found when the file is missing.
  static base::Expected<SqliteFile> open_existing(const std::filesystem::path& path);
  ~SqliteFile();
  SqliteFile(SqliteFile&&) noexcept;
  SqliteFile& operator=(SqliteFile&&) noexcept;

  /// Runs statements without values or answer.
  base::Expected<void> run(const std::string& sql);
  /// Runs one statement with its ?-values and answers its rows. Statements are prepared once and kept.
  base::Expected<std::vector<std::vector<Cell>>> query(const std::string& sql, const std::vector<Cell>& values = {});

 private:
  explicit SqliteFile(std::filesystem::path path) : path_(std::move(path)) {}
  static base::Expected<SqliteFile> open_with(const std::filesystem::path& path, int flags);
  base::Error failure(const std::string& what) const;

  std::filesystem::path path_;
  sqlite3* database_ = nullptr;
  std::map<std::string, sqlite3_stmt*> prepared_;
};

}  // namespace gauntlet::lab
