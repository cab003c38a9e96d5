#pragma once
// The results of a test as its end-of-test outputs show them: plain numbers, taken from a snapshot once, from which the
// terminal summary, handleSummary's data and the exported files are rendered (summary_text.hpp, summary_json.hpp).
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "engine/metrics/metric.hpp"
#include "engine/metrics/snapshot.hpp"
#include "engine/metrics/thresholds.hpp"
#include "engine/output/generator_verdict.hpp"

namespace gauntlet::engine::output {

struct ThresholdResult {
  std::string source;       ///< "p(95)<500"
  std::string aggregation;  ///< "p(95)"
  double value = 0;
  bool ok = true;
};

/// A metric or submetric.
struct MetricResult {
  std::string name;    ///< "http_req_duration", "http_req_duration{name:list}"
  std::string suffix;  ///< of a submetric, "name:list"; else empty
  bool submetric = false;
  metrics::MetricType type = metrics::MetricType::counter;
  metrics::ValueKind contains = metrics::ValueKind::plain;
  bool custom = false;
  bool past_k6 = false;
  /// counter: count, rate; gauge: value, min, max; rate: rate, passes, fails; trend: the configured statistics.
  std::vector<std::pair<std::string, double>> values;
  std::vector<ThresholdResult> thresholds;
  /// Trends: what the machine-readable summary wants whatever is configured.
  double avg = 0, min = 0, med = 0, max = 0, p90 = 0, p95 = 0;

  double value(std::string_view name) const;  ///< 0 when it has none of that name
  bool ok() const;                            ///< all its thresholds held
};

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

/// Requests by method and name, over all outcomes.
struct EndpointResult {
  std::string method;
  std::string name;
  std::uint64_t count = 0;
  std::uint64_t failed = 0;
  double per_second = 0;
  double p50 = 0, p95 = 0, p99 = 0, max = 0;  ///< milliseconds
  /// Outcomes and how often, most frequent first: "200", "500", "timeout (1050)"; gRPC statuses by name.
  std::vector<std::pair<std::string, std::uint64_t>> outcomes;
};

/// Latency as a user that does not wait for the generator meets it: from when an iteration was due.
struct OpenModelResult {
  double service_p50 = 0, service_p95 = 0, service_p99 = 0, service_max = 0;      ///< iteration_duration
  double intended_p50 = 0, intended_p95 = 0, intended_p99 = 0, intended_max = 0;  ///< from the intended start
  std::uint64_t iterations = 0;
  std::uint64_t dropped = 0;
};

/// How well the generator itself kept up.
struct GeneratorHealth {
  std::optional<double> cpu_share;        ///< of the cores it may use, 0..1; given by the run
  std::optional<double> loop_lag_p99_ms;  ///< from the snapshot
  std::uint64_t samples_dropped = 0;      ///< single samples that outputs could not take; given by the run
  std::uint64_t interrupted = 0;          ///< iterations; given by the run
  // From the snapshot:
  std::uint64_t scheduled = 0;  ///< iterations that had an intended start
  std::uint64_t late = 0;       ///< of these, started more than kLateMs after it
  double slip_p99_ms = 0;
  double slip_max_ms = 0;
  std::uint64_t dropped = 0;
  std::uint64_t tag_sweeps = 0;

  static constexpr double kLateMs = 10;
  static constexpr double kBusyShare = 0.95;
  /// Whether the generator was not the limit in the snapshot's last window, in which it used this share of its cores.
  static bool kept_up(const metrics::Snapshot& snapshot, double cpu_share);
  GeneratorVerdict verdict() const;
};

struct SummaryOptions {
  std::vector<std::string> trend_stats = {"avg", "min", "med", "max", "p(90)", "p(95)"};
  std::string time_unit;  ///< "", "s", "ms", "us"
  bool no_color = false;
  bool stdout_is_tty = false;
  bool stderr_is_tty = false;
  /// The script (or a flag) named its scenarios; without, the full summary shows groups only.
  bool explicit_scenarios = true;
  std::string setup_data_json;  ///< what setup() returned; empty when nothing
  GeneratorHealth health;       ///< the members that are given by the run
};

struct Summary {
  SummaryOptions options;
  double duration_s = 0;  ///< test's, from before setup to after teardown
  double duration_ms = 0;
  /// Sorted by name, each followed by its submetrics. Metrics without samples only if they have thresholds.
  std::vector<MetricResult> metrics;
  std::vector<CheckResult> checks;  ///< by name in the order first seen, over all groups
  GroupResult root;
  std::vector<PartResult> groups;         ///< outside of scenarios; full summary
  std::vector<PartResult> scenarios;      ///< sorted by name; full summary
  std::vector<EndpointResult> endpoints;  ///< most frequent first
  /// Outcomes of failed requests over all endpoints, most frequent first; named as EndpointResult::outcomes are.
  std::vector<std::pair<std::string, std::uint64_t>> failures;
  std::optional<OpenModelResult> open_model;
  GeneratorHealth health;

  const MetricResult* find(std::string_view name) const;
};

/// Fails when a name is not avg, min, med, max, count or p(N); the error is k6's text.
base::Expected<void> check_trend_stats(const std::vector<std::string>& names);

/// After the run: `thresholds` evaluated at its end.
Summary summarize(const metrics::Snapshot& snapshot, const metrics::Thresholds& thresholds, SummaryOptions options);

}  // namespace gauntlet::engine::output
