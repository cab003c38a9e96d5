#include "lab/record/sqlite_file.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

#include <cmath>
#include <cstdlib>
#include <optional>
#include <utility>

namespace gauntlet::lab {
namespace {

using base::ErrorKind;

constexpr int kPatienceMs = 10'000;

ErrorKind kind_of(int code) {
  switch (code & 0xff) {
    case SQLITE_FULL: return ErrorKind::resource_exhausted;
    case SQLITE_CANTOPEN: return ErrorKind::not_found;
    case SQLITE_READONLY:
    case SQLITE_PERM: return ErrorKind::permission_denied;
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT: return ErrorKind::invalid_argument;
    case SQLITE_BUSY: return ErrorKind::unavailable;
    default: return ErrorKind::internal;
  }
}

void bind(sqlite3_stmt* statement, int index, const Cell& cell) {
  switch (cell.kind()) {
    case Cell::Kind::whole: sqlite3_bind_int64(statement, index, cell.whole()); break;
    case Cell::Kind::real: sqlite3_bind_double(statement, index, cell.real()); break;
    case Cell::Kind::text: sqlite3_bind_text64(statement, index, cell.text().data(), cell.text().size(), SQLITE_STATIC, SQLITE_UTF8); break;
    case Cell::Kind::null: sqlite3_bind_null(statement, index); break;
  }
}

Cell column(sqlite3_stmt* statement, int index) {
  switch (sqlite3_column_type(statement, index)) {
    case SQLITE_INTEGER: return std::int64_t{sqlite3_column_int64(statement, index)};
    case SQLITE_FLOAT: return sqlite3_column_double(statement, index);
    case SQLITE_NULL: return {};
    default: {
      const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, index));
      return std::string(text, static_cast<std::size_t>(sqlite3_column_bytes(statement, index)));
    }
  }
}

}  // namespace

std::string to_text(const Cell& cell) {
  switch (cell.kind()) {
    case Cell::Kind::whole: return std::to_string(cell.whole());
    case Cell::Kind::text: return cell.text();
    case Cell::Kind::null: return "";
    case Cell::Kind::real: break;
  }
  if (!std::isfinite(cell.real())) return "";
  std::string out = fmt::format("{:.6f}", cell.real());
  out.erase(out.find_last_not_of('0') + 1);
  if (out.back() == '.') out.pop_back();
  return out;
}

double to_number(const Cell& cell) {
  switch (cell.kind()) {
    case Cell::Kind::whole: return static_cast<double>(cell.whole());
    case Cell::Kind::real: return cell.real();
    case Cell::Kind::text: return std::strtod(cell.text().c_str(), nullptr);
    case Cell::Kind::null: break;
  }
  return 0;
}

base::Expected<SqliteFile> SqliteFile::open(const std::filesystem::path& path) {
  return open_with(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
}

base::Expected<SqliteFile> SqliteFile::open_existing(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return base::fail(ErrorKind::not_found, path.string() + ": no such file");
  return open_with(path, SQLITE_OPEN_READWRITE);
}

base::Expected<SqliteFile> SqliteFile::open_with(const std::filesystem::path& path, int flags) {
  SqliteFile file(path);
  if (const int code = sqlite3_open_v2(path.c_str(), &file.database_, flags, nullptr); code != SQLITE_OK) {
    auto error = file.failure("cannot open");
    return tl::unexpected(std::move(error));
  }
  sqlite3_busy_timeout(file.database_, kPatienceMs);
  return file;
}

SqliteFile::~SqliteFile() {
  for (auto& [sql, statement] : prepared_) sqlite3_finalize(statement);
  sqlite3_close(database_);
}

SqliteFile::SqliteFile(SqliteFile&& other) noexcept
    : path_(std::move(other.path_)), database_(std::exchange(other.database_, nullptr)), prepared_(std::exchange(other.prepared_, {})) {}

SqliteFile& SqliteFile::operator=(SqliteFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(database_, other.database_);
  std::swap(prepared_, other.prepared_);
  return *this;
}

base::Error SqliteFile::failure(const std::string& what) const {
  return {kind_of(sqlite3_errcode(database_)), fmt::format("{}: {}: {}", path_.string(), what, sqlite3_errmsg(database_))};
}

base::Expected<void> SqliteFile::run(const std::string& sql) {
  if (sqlite3_exec(database_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) return tl::unexpected(failure(sql));
  return {};
}

base::Expected<std::vector<std::vector<Cell>>> SqliteFile::query(const std::string& sql, const std::vector<Cell>& values) {
  auto& statement = prepared_[sql];
  if (statement == nullptr && sqlite3_prepare_v2(database_, sql.c_str(), -1, &statement, nullptr) != SQLITE_OK)
    return tl::unexpected(failure(sql));
  for (std::size_t i = 0; i < values.size(); ++i) bind(statement, static_cast<int>(i) + 1, values[i]);
  std::vector<std::vector<Cell>> rows;
  int code = 0;
  while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
    std::vector<Cell> row;
    for (int i = 0; i < sqlite3_column_count(statement); ++i) row.push_back(column(statement, i));
    rows.push_back(std::move(row));
  }
  std::optional<base::Error> failed;
  if (code != SQLITE_DONE) failed = failure(sql);
  sqlite3_reset(statement);
  sqlite3_clear_bindings(statement);
  if (failed) return tl::unexpected(std::move(*failed));
  return rows;
}

}  // namespace gauntlet::lab
