#pragma once
// One short run at one level, judged from the per-second series in its result file. Pure.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "engine/results/run_result.hpp"

namespace gauntlet::lab {

/// A threshold of the script, second by second.
struct ThresholdSeries {
  std::string metric;
  std::string expression;  // "p(95)<2000"
  double bound = 0;
  bool must_be_below = true;
  bool held_overall = true;    // as the engine judged the whole run, warm-up included
  std::vector<double> values;  // one a second; empty when the expression has no value of its own each second
};

struct Trial {
  double level = 0;
  double seconds = 0;         // of the series
  double wanted_per_s = 0;    // iterations due; achieved + dropped
  double achieved_per_s = 0;  // iterations done
  double dropped_per_s = 0;
  double mean_service_s = 0;  // of requests and calls
  double mean_iteration_s = 0;
  double requests_per_s = 0, calls_per_s = 0;
  double throughput_per_s = 0;                       // requests and calls
  double most_vus = 0;                               // virtual users that the generator could use
  double generator_cores = 0;                        // CPU that the generator used
  double machine_idle_cores = 0;                     // what nobody used
  engine::results::GeneratorVerdict generator;       // the engine's own
  std::vector<engine::results::AgentResult> agents;  // that made the load; empty when one process of this machine did
  std::vector<ThresholdSeries> thresholds;

  /// Requests in the system at a time, by Little's law.
  double concurrency() const { return throughput_per_s * mean_service_s; }
  /// So much of the load that was asked for was made that the level counts as applied.
  bool load_was_applied() const { return achieved_per_s >= 0.97 * wanted_per_s; }
  bool thresholds_held() const;
};

/// invalid_argument when the result has no series.
base::Expected<Trial> trial_of(const engine::results::RunResult& result);

/// How sure it is that the level holds: the least sure of its thresholds, each over the steady part of the window with
/// its autocorrelation honoured; 0 when the load was not applied.
double probability_of_holding(const Trial& trial);

/// Whether the trial says nothing about the system because the generator could not make the load: from the CPU that was left
/// and the virtual users that were busy, where the engine's own verdict has its threads and its schedule. Of agents, whose machines
/// only the engine sees, its verdict counts as well.
engine::results::GeneratorVerdict generator_verdict(const Trial& trial);

}  // namespace gauntlet::lab
