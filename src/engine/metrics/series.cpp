#include "engine/metrics/series.hpp"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>

#include "engine/metrics/packed_row.hpp"
#include "engine/metrics/row_file.hpp"

namespace gauntlet::engine::metrics {
namespace {

/// The finest level's row; each next level's is twice as long.
constexpr std::chrono::nanoseconds kShortest = std::chrono::milliseconds(950);

constexpr double kBucketsPerOctave = 64;

/// Others would cost memory for every second, and nobody compares them.
bool keeps_buckets(MetricId id) {
  return id == MetricId::http_req_duration || id == MetricId::grpc_req_duration || id == MetricId::iteration_duration ||
         id == MetricId::iteration_duration_intended;
}

std::vector<SeriesBucket> buckets_of(const Distribution& values) {
  std::vector<SeriesBucket> buckets;
  values.for_each([&](double value, std::uint64_t count) {
    const auto index = value > 0 ? static_cast<std::int32_t>(std::floor(std::log2(value) * kBucketsPerOctave)) : kZeroBucket;
    if (buckets.empty() || buckets.back().index != index) buckets.push_back({index, 0});
    buckets.back().count += count;
  });
  buckets.shrink_to_fit();
  return buckets;
}

}  // namespace

SeriesPoint point_of(const MetricInfo& info, const Sink& sink) {
  SeriesPoint point;
  point.metric = info.id;
  point.samples = sink.samples;
  switch (info.type) {
    case MetricType::counter: point.sum = sink.sum; break;
    case MetricType::rate: point.sum = static_cast<double>(sink.passes); break;
    case MetricType::gauge:
      point.sum = sink.last;
      point.min = sink.min;
      point.max = sink.max;
      break;
    case MetricType::trend:
      point.sum = sink.values.sum();
      point.min = sink.values.min();
      point.max = sink.values.max();
      point.p50 = sink.values.percentile(0.5);
      point.p95 = sink.values.percentile(0.95);
      point.p99 = sink.values.percentile(0.99);
      if (keeps_buckets(info.id)) point.buckets = buckets_of(sink.values);
      break;
  }
  return point;
}

double value_of(const SeriesBucket& bucket) {
  return bucket.index == kZeroBucket ? 0 : std::exp2((bucket.index + 0.5) / kBucketsPerOctave);
}

double percentile_of(const std::vector<SeriesBucket>& buckets, double fraction) {
  std::uint64_t total = 0;
  for (const SeriesBucket& bucket : buckets) total += bucket.count;
  if (total == 0) return 0;
  const double rank = fraction * static_cast<double>(total - 1);
  std::uint64_t below = 0;
  for (const SeriesBucket& bucket : buckets) {
    const double into = rank - static_cast<double>(below);
    below += bucket.count;
    if (static_cast<double>(below) <= rank) continue;
    if (bucket.index == kZeroBucket) return 0;
    // Spread evenly over the bucket.
    const double part = (into + 0.5) / static_cast<double>(bucket.count);
    return std::exp2((bucket.index + part) / kBucketsPerOctave);
  }
  return value_of(buckets.back());
}

void merge_buckets(std::vector<SeriesBucket>& into, const std::vector<SeriesBucket>& from) {
  std::vector<SeriesBucket> merged;
  merged.reserve(into.size() + from.size());
  std::merge(into.begin(), into.end(), from.begin(), from.end(), std::back_inserter(merged),
             [](const SeriesBucket& left, const SeriesBucket& right) { return left.index < right.index; });
  into.clear();
  for (const SeriesBucket& bucket : merged) {
    if (into.empty() || into.back().index != bucket.index) {
      into.push_back(bucket);
    } else {
      into.back().count += bucket.count;
    }
  }
}

/// Rows of one length.
struct Series::Level {
  RowFile rows;  // buckets only at the finest level: they add up, so coarser rows can have them from there
  // The row being gathered. Of what it has from several parts it keeps buckets in place of values, so that a row of half an
  // hour takes no more memory than one of a second.
  struct Gathered {
    const MetricInfo* info = nullptr;
    SeriesPoint point;         // a trend's with buckets, whatever the metric
    bool is_of_parts = false;  // then a trend's percentiles are still to be taken from the buckets
  };
  std::vector<Gathered> open;  // by metric
  std::chrono::nanoseconds open_at{0};
  std::chrono::nanoseconds open_length{0};

  void gather(const MetricInfo& info, const SeriesPoint& part, bool is_of_parts) {
    if (index_of(info.id) >= open.size()) open.resize(index_of(info.id) + 1);
    Gathered& gathered = open[index_of(info.id)];
    SeriesPoint& point = gathered.point;
    if (point.samples == 0) {
      gathered = {&info, part, is_of_parts};
      return;
    }
    gathered.is_of_parts = true;
    point.samples += part.samples;
    point.sum = info.type == MetricType::gauge ? part.sum : point.sum + part.sum;
    point.min = std::min(point.min, part.min);
    point.max = std::max(point.max, part.max);
    merge_buckets(point.buckets, part.buckets);
  }

  SeriesRow row() const {
    SeriesRow row;
    row.at = open_at;
    row.length = open_length;
    for (const Gathered& gathered : open) {
      if (gathered.point.samples == 0) continue;
      SeriesPoint& point = row.points.emplace_back(gathered.point);
      if (gathered.is_of_parts && gathered.info->type == MetricType::trend) {
        const auto percentile = [&](double fraction) { return std::clamp(percentile_of(point.buckets, fraction), point.min, point.max); };
        point.p50 = percentile(0.5);
        point.p95 = percentile(0.95);
        point.p99 = percentile(0.99);
      }
      if (!keeps_buckets(point.metric)) point.buckets = {};
    }
    return row;
  }

  void clear_open() {
    for (Gathered& gathered : open) gathered.point = {};
    open_length = {};
  }
};

Series::Series() {
  for (std::size_t i = 0; i < kLevels; ++i) levels_.push_back(std::make_unique<Level>());
}
Series::~Series() = default;

void Series::add(const Snapshot& snapshot) {
  Level& first = *levels_[0];
  if (first.open_length.count() == 0) first.open_at = snapshot.elapsed - snapshot.window;
  first.open_length += snapshot.window;
  for (const MetricState& metric : snapshot.metrics) {
    if (metric.window.empty()) continue;
    SeriesPoint point = point_of(*metric.info, metric.window);
    if (metric.info->type == MetricType::trend && point.buckets.empty()) point.buckets = buckets_of(metric.window.values);
    first.gather(*metric.info, point, /*is_of_parts=*/false);
  }

  // A full row goes into the list and, whole, into the next level's open row.
  for (std::size_t i = 0; i < kLevels; ++i) {
    Level& level = *levels_[i];
    const bool full = level.open_length >= kShortest * (std::int64_t{1} << i);
    if (!full) return;
    if (i >= finest_) level.rows.append(pack_row(level.row(), i == finest_ ? RowBuckets::kept : RowBuckets::dropped));
    if (level.rows.size() >= kMaxRows && i == finest_ && i + 1 < kLevels) outgrow_finest();
    if (i + 1 < kLevels) {
      Level& next = *levels_[i + 1];
      if (next.open_length.count() == 0) next.open_at = level.open_at;
      next.open_length += level.open_length;
      for (const Level::Gathered& gathered : level.open) {
        if (gathered.point.samples != 0) next.gather(*gathered.info, gathered.point, gathered.is_of_parts);
      }
    }
    level.clear_open();
  }
}

void Series::outgrow_finest() {
  const RowFile fine = std::exchange(levels_[finest_]->rows, {});
  ++finest_;
  RowFile with_buckets;
  RowFile::Reader fine_rows(fine);
  RowFile::Reader coarse_rows(levels_[finest_]->rows);
  std::string_view packed;
  bool has_part = fine_rows.next(packed);
  SeriesRow part = has_part ? unpack_row(packed) : SeriesRow();
  while (coarse_rows.next(packed)) {
    SeriesRow row = unpack_row(packed);
    while (has_part && part.at < row.at + row.length) {
      for (const SeriesPoint& from : part.points) {
        const auto into =
            std::find_if(row.points.begin(), row.points.end(), [&](const SeriesPoint& point) { return point.metric == from.metric; });
        if (into != row.points.end()) merge_buckets(into->buckets, from.buckets);
      }
      has_part = fine_rows.next(packed);
      if (has_part) part = unpack_row(packed);
    }
    with_buckets.append(pack_row(row, RowBuckets::kept));
  }
  levels_[finest_]->rows = std::move(with_buckets);
}

std::vector<SeriesRow> Series::rows() const {
  std::vector<SeriesRow> rows;
  RowFile::Reader reader(levels_[finest_]->rows);
  for (std::string_view packed; reader.next(packed);) rows.push_back(unpack_row(packed));
  // What the levels up to this one have gathered since its last row: the coarsest open row is the oldest.
  for (std::size_t i = finest_ + 1; i-- > 0;) {
    if (levels_[i]->open_length.count() != 0) rows.push_back(levels_[i]->row());
  }
  return rows;
}

void Series::clear() {
  for (auto& level : levels_) *level = Level();
  finest_ = 0;
}

}  // namespace gauntlet::engine::metrics
