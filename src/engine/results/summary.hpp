#pragma once
// The results of a test as its end-of-test outputs show them: plain numbers, taken from a snapshot once, from which the
// terminal summary, handleSummary's data and the exported files are rendered (summary_text.hpp, summary_json.hpp).
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "engine/metrics/snapshot.hpp"
#include "engine/metrics/thresholds.hpp"
#include "engine/results/progress.hpp"
#include "engine/results/run_result.hpp"

namespace gauntlet::engine::results {

struct CheckResult {
  std::string name;
  std::string path;  ///< "::group::name"
  std::uint64_t passes = 0;
  std::uint64_t fails = 0;
};

struct GroupResult {
  std::string name;
  std::string path;
  std::vector<GroupResult> groups;
  std::vector<CheckResult> checks;
};

/// A scenario or a group in the full summary.
struct PartResult {
  std::string name;
  std::vector<MetricResult> metrics;
  std::vector<CheckResult> checks;  ///< by name, over all groups within
  std::uint64_t check_passes = 0;
  std::uint64_t check_fails = 0;
  std::vector<PartResult> groups;
};

/// A run's result with what else its end-of-test outputs show.
struct Summary : RunResult {
  double duration_s = 0;            ///< test's, from before setup to after teardown
  std::vector<CheckResult> checks;  ///< by name in the order first seen, over all groups
  GroupResult root;
  std::vector<PartResult> groups;      ///< outside of scenarios; full summary
  std::vector<PartResult> scenarios;   ///< sorted by name; full summary
  std::vector<ScenarioProgress> load;  ///< what each scenario did
  /// Outcomes of failed requests over all endpoints, most frequent first; named as EndpointResult::outcomes are.
  std::vector<std::pair<std::string, std::uint64_t>> failures;
};

/// Fails when a name is not avg, min, med, max, count or p(N); the error is k6's text.
base::Expected<void> check_trend_stats(const std::vector<std::string>& names);

/// After the run: `thresholds` evaluated at its end.
Summary summarize(const metrics::Snapshot& snapshot, const metrics::Thresholds& thresholds, SummaryOptions options);

}  // namespace gauntlet::engine::results
