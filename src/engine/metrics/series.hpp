#pragma once
// What happened in each second of the test, for the `series` section of exports, the live page and `compare`.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "engine/metrics/snapshot.hpp"

namespace gauntlet::engine::metrics {

/// Values of a second, counted coarsely enough to be kept for every second: a bucket spans 1/64 of a power of two, so that
/// its middle is within 0.6 % of them; `index` is floor(64 * log2(value)), kZeroBucket for what is not above 0.
struct SeriesBucket {
  std::int32_t index = 0;
  std::uint64_t count = 0;
};
inline constexpr std::int32_t kZeroBucket = -1'000'000;
/// The middle of a bucket.
double value_of(const SeriesBucket& bucket);
/// `fraction` in 0..1; buckets ascending. 0 of nothing.
double percentile_of(const std::vector<SeriesBucket>& buckets, double fraction);
/// Adds the counts of `from` to those of `into`; both ascending.
void merge_buckets(std::vector<SeriesBucket>& into, const std::vector<SeriesBucket>& from);

/// One metric in one row. Which members count depends on the metric's type.
struct SeriesPoint {
  MetricId metric{};
  std::uint64_t samples = 0;
  double sum = 0;  ///< counter: count in this row; rate: passes; gauge: value; trend: sum of the values
  double min = 0;  ///< trend and gauge
  double max = 0;
  double p50 = 0;  ///< trend
  double p95 = 0;
  double p99 = 0;
  std::vector<SeriesBucket> buckets;  ///< durations of requests and iterations; ascending, those with counts
};

/// What `sink` gathered of that metric, as a point.
SeriesPoint point_of(const MetricInfo& info, const Sink& sink);

struct SeriesRow {
  std::chrono::nanoseconds at{0};  ///< start of the row, from the start of the test
  std::chrono::nanoseconds length{0};
  std::vector<SeriesPoint> points;  ///< metrics that had samples, by id
};

/// At most kMaxRows rows: when a test outgrows them, rows are those of windows twice as long (coarser levels are kept ready
/// from the start). Rows, of 2 to 4 KB, lie in files (RowFile); in memory is what each level gathers. Percentiles of a row
/// of one snapshot are those of its values; of longer rows they are taken from buckets.
class Series {
 public:
  static constexpr std::size_t kMaxRows = 4096;
  static constexpr std::size_t kLevels = 12;

  Series();
  ~Series();
  Series(const Series&) = delete;
  Series& operator=(const Series&) = delete;

  /// Adds the snapshot's last window. A metric of the past window costs one merge of buckets per second, twice over all
  /// levels.
  void add(const Snapshot& snapshot);
  /// Rows of the finest level that holds the whole test; includes the row not yet complete.
  std::vector<SeriesRow> rows() const;
  void clear();

 private:
  struct Level;
  void outgrow_finest();

  std::vector<std::unique_ptr<Level>> levels_;
  std::size_t finest_ = 0;
};

}  // namespace gauntlet::engine::metrics
