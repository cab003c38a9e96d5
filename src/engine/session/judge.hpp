#pragma once
// What comes of a test: its thresholds, what went wrong, and the exit code that says so. Belongs to the control thread.
#include <optional>
#include <string>
#include <utility>

#include "base/error.hpp"
#include "engine/metrics/metric.hpp"
#include "engine/metrics/snapshot.hpp"
#include "engine/metrics/thresholds.hpp"
#include "engine/plan/options.hpp"
#include "engine/results/gathered.hpp"
#include "engine/results/generator_verdict.hpp"
#include "engine/session/exit_code.hpp"
#include "engine/session/verdict.hpp"

namespace gauntlet::engine::session {

class Judge {
 public:
  /// The thresholds of the options; fails on one that cannot be understood.
  base::Expected<void> take_thresholds(const plan::Options& options, metrics::MetricRegistry& registry);

  /// Of several verdicts the first one counts.
  void give(Verdict verdict);
  /// exec.test.fail(): counts in the end, unless something else has by then.
  void mark_failed() { is_marked_failed_ = true; }

  /// While the test runs: what ends it when a threshold is crossed that is to do so.
  std::optional<Verdict> look(const metrics::Snapshot& snapshot);
  /// In the end.
  void judge(const metrics::Snapshot& snapshot);
  /// So are a check that failed and a threshold without a sample. After judge().
  void require_all(const metrics::Snapshot& snapshot);
  /// A generator that could not keep up is a failure of the test.
  void require(const results::GeneratorVerdict& generator);

  const std::optional<Verdict>& verdict() const { return verdict_; }
  const metrics::Thresholds& thresholds() const { return thresholds_; }
  /// As the options have them.
  const results::ThresholdSpecs& specs() const { return specs_; }

 private:
  metrics::Thresholds thresholds_;
  results::ThresholdSpecs specs_;
  bool is_marked_failed_ = false;
  std::optional<Verdict> verdict_;
};

}  // namespace gauntlet::engine::session
