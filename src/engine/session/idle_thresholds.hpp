#pragma once
// Thresholds that no sample of a test can reach, told from the script without running it.
#include <string>
#include <vector>

#include "engine/metrics/metric.hpp"
#include "engine/plan/options.hpp"

namespace gauntlet::engine::session {

/// What is known of a script after its init.
struct LoadedScript {
  const plan::Options& options;
  const std::vector<plan::Scenario>& scenarios;
  std::vector<std::string> modules;  ///< that it imports, as "k6/http"
  std::string text;                  ///< of all its source files, see without_threshold_keys()
};

/// What a threshold names is not thereby made.
std::string without_threshold_keys(std::string text, const plan::Options& options);

/// Why the threshold `key`, as 'http_req_duration{name:list}', never gets a sample; empty when one is possible. Says nothing of
/// tags and metrics that may come about while the script runs.
std::string why_idle(const std::string& key, const metrics::MetricRegistry& registry, const LoadedScript& script);

}  // namespace gauntlet::engine::session
