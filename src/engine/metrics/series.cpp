#include "engine/metrics/series.hpp"

namespace gauntlet::engine::metrics {
namespace {

/// The finest level's row; each next level's is twice as long.
constexpr std::chrono::nanoseconds kShortest = std::chrono::milliseconds(950);

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
      break;
  }
  return point;
}

struct Series::Level {
  std::vector<SeriesRow> rows;
  // The row being gathered.
  struct Gathered {
    const MetricInfo* info = nullptr;
    Sink sink;
  };
  std::vector<Gathered> open;  // by metric
  std::chrono::nanoseconds open_at{0};
  std::chrono::nanoseconds open_length{0};

  void gather(const MetricInfo& info, const Sink& sink) {
    if (sink.empty()) return;
    if (index_of(info.id) >= open.size()) open.resize(index_of(info.id) + 1);
    Gathered& gathered = open[index_of(info.id)];
    gathered.info = &info;
    gathered.sink.merge(sink);
  }

  SeriesRow row() const {
    SeriesRow row;
    row.at = open_at;
    row.length = open_length;
    for (const Gathered& gathered : open) {
      if (!gathered.sink.empty()) row.points.push_back(point_of(*gathered.info, gathered.sink));
    }
    return row;
  }

  void clear_open() {
    for (Gathered& gathered : open) gathered.sink.clear();
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
  for (const MetricState& metric : snapshot.metrics) first.gather(*metric.info, metric.window);

  // A full row goes into the list and, whole, into the next level's open row.
  for (std::size_t i = 0; i < kLevels; ++i) {
    Level& level = *levels_[i];
    const bool full = level.open_length >= kShortest * (std::int64_t{1} << i);
    if (!full) return;
    if (i >= finest_) level.rows.push_back(level.row());
    if (level.rows.size() >= kMaxRows && i == finest_ && i + 1 < kLevels) {
      level.rows = {};
      ++finest_;
    }
    if (i + 1 < kLevels) {
      Level& next = *levels_[i + 1];
      if (next.open_length.count() == 0) next.open_at = level.open_at;
      next.open_length += level.open_length;
      for (const Level::Gathered& gathered : level.open) {
        if (gathered.info != nullptr) next.gather(*gathered.info, gathered.sink);
      }
    }
    level.clear_open();
  }
}

std::vector<SeriesRow> Series::rows() const {
  std::vector<SeriesRow> rows = levels_[finest_]->rows;
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
