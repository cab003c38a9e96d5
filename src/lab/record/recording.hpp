#pragma once
// What the monitors of a run saw: each table as FOLDER/<table>.csv for people and spreadsheets, and all of them in
// FOLDER/monitor.sqlite for questions across tables.
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "lab/record/sqlite_file.hpp"

namespace gauntlet::lab {

/// One row of a table with the names of its columns. Every row of a table has the same columns in the same order.
struct Observation {
  std::string table;
  std::vector<std::pair<const char*, Cell>> values;
};

/// Tables appear with their first row. One thread.
class Recording {
 public:
  /// Makes the folder; a recording that is there is replaced.
  static base::Expected<Recording> create(const std::filesystem::path& folder);

  /// Writes rows that were seen at `unix_s`, which becomes the first column `time_s`. After each call the files hold
  /// whole rows only, whatever ends this process.
  base::Expected<void> add(double unix_s, const std::vector<Observation>& rows);

  static std::filesystem::path database_of(const std::filesystem::path& folder) { return folder / "monitor.sqlite"; }

 private:
  Recording(std::filesystem::path folder, SqliteFile database) : folder_(std::move(folder)), database_(std::move(database)) {}
  struct Table {
    std::string insert;
    std::unique_ptr<std::FILE, int (*)(std::FILE*)> csv{nullptr, &std::fclose};
  };
  base::Expected<Table*> table_for(const Observation& row);

  std::filesystem::path folder_;
  SqliteFile database_;
  std::map<std::string, Table> tables_;
};

/// A field of a CSV file (RFC 4180): quoted when it holds a comma, a quote or a line feed.
std::string csv_field(const std::string& text);

}  // namespace gauntlet::lab
