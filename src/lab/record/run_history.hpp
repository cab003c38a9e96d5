#pragma once
// Which runs there were: .gauntlet/runs.sqlite of the project, one row a run. The figures stay in the result files.
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "lab/record/sqlite_file.hpp"

namespace gauntlet::lab {

struct RunEntry {
  std::int64_t id = 0;
  double started_s = 0;  // Unix time
  double seconds = 0;
  std::string kind;  // "campaign", "limit", "ab"
  std::string script;
  std::string level;   // "500 RPS", "TARGET_RPS=812"
  std::string state;   // "held", "failed"
  std::string result;  // its file
  double p95_ms = 0;   // 0: not measured
  double throughput_per_s = 0;
};

/// One thread; several processes may share the file.
class RunHistory {
 public:
  /// Makes file and folder where they are missing.
  static base::Expected<RunHistory> open(const std::filesystem::path& project);

  base::Expected<std::int64_t> add(const RunEntry& run);
  /// Newest first.
  base::Expected<std::vector<RunEntry>> list(std::int64_t most);
  base::Expected<std::optional<RunEntry>> find(std::int64_t id);
  /// Forgets the run; its files stay unless `with_files`. not_found when there is no such run.
  base::Expected<void> remove(std::int64_t id, bool with_files);

 private:
  explicit RunHistory(SqliteFile database) : database_(std::move(database)) {}
  SqliteFile database_;
};

}  // namespace gauntlet::lab
