#pragma once
// Everything that a test gathered, as text that loses nothing: the `state` of a results file. Results of several
// processes or machines, each of which ran a segment of a test, are added up from it exactly: counts, sums and
// histograms, never percentiles.
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "engine/metrics/metric.hpp"
#include "engine/metrics/series.hpp"
#include "engine/metrics/snapshot.hpp"
#include "engine/metrics/thresholds.hpp"

namespace gauntlet::engine::results {

/// options.thresholds, by metric with its tag filter.
using ThresholdSpecs = std::vector<std::pair<std::string, std::vector<metrics::ThresholdSpec>>>;

struct Gathered {
  metrics::Snapshot snapshot;  ///< its metrics' infos belong to the registry that they were added with
  std::vector<metrics::SeriesRow> rows;
  ThresholdSpecs thresholds;  ///< of the first one that was added
  /// How the generators fared: share of their cores that they and their busiest thread used, and iterations that were cut short.
  std::optional<double> cpu_share;
  std::optional<double> busiest_thread;
  std::uint64_t interrupted = 0;
  std::uint64_t samples_dropped = 0;
};

std::string to_json(const Gathered& gathered, const metrics::MetricRegistry& registry);

/// The thresholds in a text of to_json(): they must be in the registry before it is added.
base::Expected<ThresholdSpecs> thresholds_in(std::string_view json);

/// How two results belong together.
enum class Generators {
  share_the_cores,  ///< processes of one machine: their CPU shares add up
  have_their_own,   ///< machines: the busiest one's CPU share counts
  are_the_same,     ///< windows of one generator, one after the other: the later one's gauges and health count
};
/// Adds `from` to what is there. Gauges of virtual users add up; the duration is the longest one; rows add up second by second.
void add(Gathered& into, const Gathered& from, Generators generators);

/// invalid_argument when it holds more rows of a kind than a generator makes, or more memory than its names and distributions can
/// need: what comes from another machine is held to it, so that none can fill this one.
base::Expected<void> check_bounds(const Gathered& gathered);

/// Reads a text of to_json(). Metrics are found in the registry by name, the script's own ones are declared.
base::Expected<Gathered> read_gathered(std::string_view json, metrics::MetricRegistry& registry);
/// Reads and adds.
base::Expected<void> add(Gathered& into, std::string_view json, metrics::MetricRegistry& registry, Generators generators);

}  // namespace gauntlet::engine::results
