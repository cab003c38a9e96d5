#pragma once
// Samples gathered by metric and tags: what outputs send that report states (Prometheus, OpenTelemetry) instead of
// single samples. A total since the start of the test for each time series.
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/metrics/metric.hpp"
#include "engine/metrics/sample_stream.hpp"
#include "engine/metrics/sink.hpp"
#include "engine/sinks/sample_output.hpp"

namespace gauntlet::engine::sinks {

using TagPairs = std::vector<std::pair<std::string, std::string>>;

/// One metric with one set of tags.
struct TimeSeries {
  const metrics::MetricInfo* info = nullptr;
  const TagPairs* tags = nullptr;  ///< sorted by name
  metrics::Sink sink;
  std::int64_t last_ns = 0;  ///< of its newest sample, since 1970
  bool changed = false;      ///< since the output last looked; the output clears it
};

/// Belongs to the writer thread. Memory is bounded by kMostSeries; samples of further ones are counted only.
class SeriesTable {
 public:
  explicit SeriesTable(const metrics::MetricRegistry& registry) : registry_(registry) {}

  void define_tags(std::uint32_t producer, std::uint32_t id, const metrics::StreamedTags& tags);
  void forget_tags(std::uint32_t producer);
  /// About 10 ns once its series is known.
  void add(const metrics::StreamedSample& sample);

  /// In the order in which they were first seen.
  std::vector<TimeSeries>& series() { return series_; }
  /// Samples whose series is one too many.
  std::uint64_t refused() const { return refused_; }

  static constexpr std::size_t kMostSeries = 10'000;

 private:
  struct TagSet {
    TagPairs pairs;
    std::vector<std::uint32_t> series;  // number + 1 by metric; 0: not there yet
  };

  const metrics::MetricRegistry& registry_;
  std::unordered_map<std::string, std::unique_ptr<TagSet>> tag_sets_;  // by their text
  std::vector<std::vector<TagSet*>> by_producer_;
  std::vector<TimeSeries> series_;
  std::uint64_t refused_ = 0;
};

/// Tells that samples were refused, if any were.
void tell_of_refused(const SeriesTable& table, std::string_view output, const Tell& tell);

}  // namespace gauntlet::engine::sinks
