#include "lab/record/run_history.hpp"

#include <fmt/format.h>

#include <tuple>

#include "base/system_error.hpp"

namespace gauntlet::lab {
namespace {

namespace fs = std::filesystem;

constexpr const char* kColumns = "id, started_s, seconds, kind, script, level, state, result, p95_ms, throughput_per_s";

RunEntry entry_of(const std::vector<Cell>& row) {
  return {static_cast<std::int64_t>(to_number(row[0])),
          to_number(row[1]),
          to_number(row[2]),
          to_text(row[3]),
          to_text(row[4]),
          to_text(row[5]),
          to_text(row[6]),
          to_text(row[7]),
          to_number(row[8]),
          to_number(row[9])};
}

}  // namespace

base::Expected<RunHistory> RunHistory::open(const fs::path& project) {
  const fs::path folder = project / ".gauntlet";
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return tl::unexpected(base::system_error(error.value(), "cannot make " + folder.string()));
  auto database = TRY(SqliteFile::open(folder / "runs.sqlite"));
  if (auto made = database.run("CREATE TABLE IF NOT EXISTS run (id INTEGER PRIMARY KEY AUTOINCREMENT, started_s REAL, "
                               "seconds REAL, kind TEXT, script TEXT, level TEXT, state TEXT, result TEXT, "
                               "p95_ms REAL, throughput_per_s REAL)");
      !made)
    return tl::unexpected(made.error());
  return RunHistory(std::move(database));
}

base::Expected<std::int64_t> RunHistory::add(const RunEntry& run) {
  auto added = TRY(database_.query(
      "INSERT INTO run (started_s, seconds, kind, script, level, state, result, p95_ms, throughput_per_s) VALUES (?, "
      "?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
      {run.started_s, run.seconds, run.kind, run.script, run.level, run.state, run.result, run.p95_ms, run.throughput_per_s}));
  return static_cast<std::int64_t>(to_number(added[0][0]));
}

base::Expected<std::vector<RunEntry>> RunHistory::list(std::int64_t most) {
  auto rows = TRY(database_.query(fmt::format("SELECT {} FROM run ORDER BY id DESC LIMIT ?", kColumns), {most}));
  std::vector<RunEntry> runs;
  for (const auto& row : rows) runs.push_back(entry_of(row));
  return runs;
}

base::Expected<std::optional<RunEntry>> RunHistory::find(std::int64_t id) {
  auto rows = TRY(database_.query(fmt::format("SELECT {} FROM run WHERE id = ?", kColumns), {id}));
  if (rows.empty()) return std::nullopt;
  return entry_of(rows.front());
}

base::Expected<void> RunHistory::remove(std::int64_t id, bool with_files) {
  auto run = TRY(find(id));
  if (!run) return base::fail(base::ErrorKind::not_found, fmt::format("there is no run {}: gauntlet runs ls lists them", id));
  std::ignore = TRY(database_.query("DELETE FROM run WHERE id = ?", {id}));
  if (!with_files) return {};
  const fs::path result = run->result;
  std::error_code error;
  fs::remove(result, error);
  fs::remove(fs::path(result).replace_extension(".log"), error);
  fs::remove_all(fs::path(result).replace_extension(".monitor"), error);
  return {};
}

}  // namespace gauntlet::lab
