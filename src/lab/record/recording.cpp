#include "lab/record/recording.hpp"

#include <fmt/format.h>

#include <cerrno>

#include "base/system_error.hpp"

namespace gauntlet::lab {

namespace fs = std::filesystem;

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out += '"';
}

base::Expected<Recording> Recording::create(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return tl::unexpected(base::system_error(error.value(), "cannot make " + folder.string()));
  fs::remove(database_of(folder), error);
  auto database = TRY(SqliteFile::open(database_of(folder)));
  // A monitor must not make the disk busy that it watches: a crash of the machine may cost the file, nothing else does.
  TRY(database.run("PRAGMA synchronous=OFF"));
  return Recording(folder, std::move(database));
}

base::Expected<Recording::Table*> Recording::table_for(const Observation& row) {
  if (const auto found = tables_.find(row.table); found != tables_.end()) return &found->second;
  std::string columns = "time_s";
  std::string marks = "?";
  for (const auto& [name, value] : row.values) {
    columns += fmt::format(",{}", name);
    marks += ",?";
  }
  TRY(database_.run(fmt::format("CREATE TABLE {} ({})", row.table, columns)));
  Table table;
  table.insert = fmt::format("INSERT INTO {} VALUES ({})", row.table, marks);
  const fs::path file = folder_ / (row.table + ".csv");
  table.csv.reset(std::fopen(file.c_str(), "we"));
  if (!table.csv) return tl::unexpected(base::system_error(errno, "cannot write " + file.string()));
  fmt::print(table.csv.get(), "{}\n", columns);
  return &tables_.emplace(row.table, std::move(table)).first->second;
}

base::Expected<void> Recording::add(double unix_s, const std::vector<Observation>& rows) {
  if (auto begun = database_.run("BEGIN"); !begun) return begun;
  std::map<Table*, std::string> lines;
  base::Expected<void> outcome;
  for (const auto& row : rows) {
    auto table = table_for(row);
    if (!table) {
      outcome = tl::unexpected(table.error());
      break;
    }
    std::vector<Cell> cells{unix_s};
    std::string line = fmt::format("{:.3f}", unix_s);
    for (const auto& [name, value] : row.values) {
      cells.push_back(value);
      line += ',' + csv_field(to_text(value));
    }
    lines[*table] += line + '\n';
    if (auto added = database_.query((*table)->insert, cells); !added) {
      outcome = tl::unexpected(added.error());
      break;
    }
  }
  if (!outcome) {
    (void)database_.run("ROLLBACK");
    return outcome;
  }
  for (const auto& [table, text] : lines) {
    // One write a table, so that a reader (and a kill) finds whole lines.
    if (std::fwrite(text.data(), 1, text.size(), table->csv.get()) != text.size() || std::fflush(table->csv.get()) != 0)
      return tl::unexpected(base::system_error(errno, "cannot write to " + folder_.string()));
  }
  return database_.run("COMMIT");
}

}  // namespace gauntlet::lab
