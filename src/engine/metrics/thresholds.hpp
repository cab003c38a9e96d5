#pragma once
// Pass or fail criteria of a test: k6's grammar and rules (https://grafana.com/docs/k6/latest/using-k6/thresholds/).
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "engine/metrics/metric.hpp"
#include "engine/metrics/snapshot.hpp"

namespace gauntlet::engine::metrics {

/// "p(95) < 500" taken apart.
struct ThresholdExpression {
  enum class Operator : std::uint8_t { less, less_equal, greater, greater_equal, equal, strict_equal, not_equal };

  std::string source;       ///< as written
  std::string aggregation;  ///< count, rate, value, avg, min, max, med, p(95)
  Operator op = Operator::less;
  double limit = 0;

  bool holds(double value) const;
};
/// Fails with k6's words, which name what could not be read.
base::Expected<ThresholdExpression> parse_threshold(std::string_view text);

struct Threshold {
  ThresholdExpression expression;
  bool abort_on_fail = false;
  std::chrono::nanoseconds delay_abort_eval{0};
  bool ok = true;                    ///< of the last evaluation
  bool has_samples = true;           ///< then
  std::optional<double> last_value;  ///< what it compared; nothing while the metric has no samples
};

/// The thresholds on one metric or submetric.
struct ThresholdGroup {
  std::string name;  ///< of the metric or submetric: "http_req_duration{name:list}"
  MetricId metric{};
  std::optional<std::size_t> submetric;  ///< index into MetricInfo::submetrics
  std::vector<Threshold> thresholds;

  bool ok() const;
};

class Thresholds {
 public:
  Thresholds() = default;

  /// Reads one key of `options.thresholds`, checks that the metric exists and has these aggregations, and registers
  /// the submetric. After the script's init (its own metrics are known then), before the first sample. The error is
  /// k6's text; the exit code for it is 104.
  base::Expected<void> add(MetricRegistry& registry, std::string_view key, const std::vector<ThresholdSpec>& specs);

  bool empty() const { return groups_.empty(); }
  const std::vector<ThresholdGroup>& groups() const { return groups_; }

  /// During the run (k6: every two seconds): metrics without samples are left out.
  /// After the run: a metric without samples is compared as its zero, except that a Rate without samples passes.
  enum class When : std::uint8_t { during_run, at_end };
  void evaluate(const Snapshot& snapshot, When when);
  /// True when in an evaluation a threshold failed that asks to abort the test, and its delay had passed.
  bool should_abort() const { return should_abort_; }
  /// Names of the metrics with a failed threshold, sorted.
  std::vector<std::string> crossed() const;
  /// "thresholds on metrics 'a, b' have been crossed", or with `aborted` that the test was stopped because of them.
  std::string crossed_message(bool aborted) const;
  /// The thresholds on this metric or submetric, or nullptr.
  const ThresholdGroup* find(MetricId metric, std::optional<std::size_t> submetric) const;

 private:
  std::vector<ThresholdGroup> groups_;  // sorted by name
  bool should_abort_ = false;
};

}  // namespace gauntlet::engine::metrics
