#pragma once
// The result of a run in figures: what the results file (`--out json=FILE.json`) holds. It is written to JSON and read from
// it here and nowhere else; a new figure is a member of its struct and a line of that struct's table in run_result.cpp.
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "engine/metrics/metric.hpp"
#include "engine/metrics/series.hpp"
#include "engine/results/generator_verdict.hpp"

namespace gauntlet::engine::results {

class JsonWriter;

/// A threshold as it was judged over the whole run.
struct ThresholdResult {
  std::string source;       ///< "p(95)<500"
  std::string aggregation;  ///< "p(95)"
  double value = 0;
  bool ok = true;
  bool has_samples = true;  ///< without, `ok` says nothing of the target
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

  const double* find(std::string_view name) const;  ///< nullptr when it has none of that name
  double value(std::string_view name) const;        ///< 0 then
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
  struct Latencies {
    double p50 = 0, p95 = 0, p99 = 0, max = 0;
  };
  Latencies service;   ///< iteration_duration
  Latencies intended;  ///< from the intended start
  std::uint64_t iterations = 0;
  std::uint64_t dropped = 0;
};

/// How one of several agents fared that ran a test together.
struct AgentResult {
  std::string name;
  std::string host;
  std::string version;
  std::uint64_t cores = 0;       ///< that it may use
  std::uint64_t open_files = 0;  ///< that it may have
  double share = 0;              ///< of the test, 0..1
  double cpu_share = 0;          ///< of its cores that it used
  std::uint64_t iterations = 0;
  double slip_p99_ms = 0;
  double loop_lag_p99_ms = 0;
  double round_trip_ms = 0;    ///< of the fastest word and its answer
  double start_error_ms = 0;   ///< the most that its start can be off the others'
  double clock_offset_ms = 0;  ///< of its calendar to the leader's
  double late_s = 0;           ///< how long ago its last window came; of a test that runs
  std::string lost;            ///< why it was lost; empty: it was not
  double lost_at_s = 0;        ///< from the start of the scenarios
};

/// One row of the series: what each metric had within it, by name of metric and statistic.
struct ResultSecond {
  double at_s = 0;     ///< since the test began
  double seconds = 0;  ///< its length; the last row may be shorter
  std::vector<std::pair<std::string, std::vector<std::pair<std::string, double>>>> metrics;

  const double* find(std::string_view metric, std::string_view statistic) const;  ///< nullptr when it has none
};

struct SummaryOptions {
  std::vector<std::string> trend_stats = {"avg", "min", "med", "max", "p(90)", "p(95)"};
  std::string time_unit;  ///< "", "s", "ms", "us"
  bool no_color = false;
  bool stdout_is_tty = false;
  bool stderr_is_tty = false;
  /// The script (or a flag) named its scenarios; without, the full summary shows groups only.
  bool explicit_scenarios = true;
  bool says_no_data = false;       ///< of a threshold without samples, where k6 has a tick
  bool rate_over_no_time = false;  ///< a counter's rate over zero seconds is 0, as in k6 1, in place of none
  std::string setup_data_json;     ///< what setup() returned; empty when nothing
  GeneratorHealth health;          ///< the members that are given by the run
};

struct RunResult {
  SummaryOptions options;
  double duration_ms = 0;
  /// Sorted by name, each followed by its submetrics. Metrics without samples only if they have thresholds.
  std::vector<MetricResult> metrics;
  std::vector<EndpointResult> endpoints;  ///< most frequent first
  std::optional<OpenModelResult> open_model;
  GeneratorHealth generator;
  std::vector<AgentResult> agents;   ///< empty when one process ran the test
  std::vector<ResultSecond> series;  ///< of a summary empty until it is written
  std::string state_json;            ///< everything that was gathered (gathered.hpp)

  const MetricResult* find(std::string_view name) const;
  /// A statistic of a metric; nothing when it was not measured.
  std::optional<double> value(std::string_view metric, std::string_view statistic) const;
};

std::vector<ResultSecond> series_of(const std::vector<metrics::SeriesRow>& rows, const metrics::MetricRegistry& registry);

/// The members that handleSummary(data) is given, beside the tree of groups: options, state, metrics, setup_data.
void write_k6_members(JsonWriter& json, const RunResult& result);
/// The members that only the results file has: endpoints, open_model, generator, series, state.
void write_own_members(JsonWriter& json, const RunResult& result);

/// Reads a results file, also an older one: what it lacks stays as it is in a new RunResult. invalid_argument when the text
/// is none.
base::Expected<RunResult> parse_run_result(std::string_view json);
/// The same, from a file.
base::Expected<RunResult> read_run_result(const std::filesystem::path& file);

}  // namespace gauntlet::engine::results
