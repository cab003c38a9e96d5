#pragma once
// What the live page is told: once of the run, once a second of its state, once of its end. As JSON texts, which the
// server sends and the report keeps (web/src/document.ts reads them).
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/metrics/snapshot.hpp"
#include "engine/metrics/thresholds.hpp"
#include "engine/results/progress.hpp"
#include "engine/results/summary.hpp"
#include "engine/sinks/page/dashboard_options.hpp"

namespace gauntlet::engine::dashboard {

/// Known before the first request.
struct RunFacts {
  std::string script;
  std::string version;                                         ///< of gauntlet
  std::vector<std::pair<std::string, std::string>> scenarios;  ///< name and what it does
  std::chrono::nanoseconds max_duration{0};
  std::int64_t max_vus = 0;
  std::size_t threads = 0;
  std::size_t cores = 0;
  std::chrono::system_clock::time_point started;
};

/// The generator's own process.
struct GeneratorUse {
  double cpu_cores = 0;  ///< over the last second
  std::uint64_t resident_bytes = 0;
};

/// What a state is made of; everything lives as long as the call.
struct Moment {
  const metrics::Snapshot& snapshot;
  const metrics::Thresholds& thresholds;
  const results::Summary& summary;  ///< of this snapshot, with trend_stats()
  const results::RunProgress& progress;
  GeneratorUse generator;
};

struct Ending {
  int exit_code = 0;
  std::string reason;  ///< why it was not 0, as the log says it
};

/// The statistics of trends that state_json() wants in Moment::summary.
std::vector<std::string> trend_stats();

/// Facts with those of the machine: name, kernel, memory.
std::string run_json(const RunFacts& facts, const RunPart& part);
std::string state_json(const Moment& moment);
std::string end_json(const Ending& ending);

}  // namespace gauntlet::engine::dashboard
