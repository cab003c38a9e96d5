#include "engine/metrics/collector.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <tuple>

#include "base/event_loop.hpp"
#include "engine/metrics/packed_row.hpp"
#include "engine/metrics/recorder.hpp"

namespace gauntlet::engine::metrics {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TagSet* request_tags(Recorder& recorder, std::string_view name, std::string_view status, std::string_view group = "") {
  TagBuilder tags(recorder.tags(), recorder.tags().empty());
  tags.set(SystemTag::method, "GET").set(SystemTag::name, name).set(SystemTag::url, name).set(SystemTag::status, status);
  tags.set(SystemTag::group, group).set(SystemTag::scenario, "s").set(SystemTag::expected_response, status == "200" ? "true" : "false");
  return tags.intern();
}

void check(Recorder& recorder, std::string_view group, std::string_view name, bool passed) {
  TagBuilder tags(recorder.tags(), recorder.tags().empty());
  tags.set(SystemTag::group, group).set(SystemTag::check, name);
  recorder.add(MetricId::checks, tags.intern(), passed ? 1 : 0, {});
}

TEST(Collector, adds_up_the_windows_of_all_recorders) {
  MetricRegistry registry;
  Collector collector(registry, {}, {});
  auto one = collector.make_recorder(nullptr);
  auto other = collector.make_recorder(nullptr);
  HttpRequestTimes times;
  times.duration = 10;
  one->add_http_request(request_tags(*one, "a", "200"), times, 0, {});
  times.duration = 30;
  other->add_http_request(request_tags(*other, "a", "500"), times, 1, {});
  const Snapshot& first = collector.sample(Instant(seconds(1)));
  EXPECT_EQ(first.find(MetricId::http_reqs)->total.sum, 2);
  EXPECT_EQ(first.find(MetricId::http_req_duration)->total.values.median(), 20);
  EXPECT_EQ(first.find(MetricId::http_req_duration)->submetrics[0].values.count(), 1U);
  EXPECT_EQ(first.find(MetricId::http_req_failed)->total.rate(), 0.5);
  one->add_http_request(request_tags(*one, "a", "200"), times, 0, {});
  const Snapshot& second = collector.finish(Instant(seconds(2)));
  EXPECT_EQ(second.find(MetricId::http_reqs)->total.sum, 3);
  EXPECT_EQ(second.find(MetricId::http_reqs)->window.sum, 1);
  EXPECT_EQ(second.elapsed, seconds(2));
  ASSERT_EQ(second.endpoints.size(), 2U);
  EXPECT_EQ(second.endpoints[0].status, "200");
  EXPECT_EQ(second.endpoints[0].duration.count(), 2U);
  EXPECT_TRUE(second.endpoints[1].failed);
}

TEST(Collector, a_gauge_has_the_value_that_was_set_last_on_any_thread) {
  MetricRegistry registry;
  const MetricId depth = *registry.declare("depth", MetricType::gauge, ValueKind::plain);
  Collector collector(registry, {}, {});
  auto one = collector.make_recorder(nullptr);
  auto other = collector.make_recorder(nullptr);
  one->add(depth, one->tags().empty(), 1, Instant(milliseconds(30)));
  other->add(depth, other->tags().empty(), 9, Instant(milliseconds(10)));
  other->add(depth, other->tags().empty(), 5, Instant(milliseconds(20)));
  const Sink& sink = collector.finish(Instant(seconds(1))).find(depth)->total;
  EXPECT_EQ(sink.last, 1);
  EXPECT_EQ(sink.min, 1);
  EXPECT_EQ(sink.max, 9);
}

TEST(Collector, checks_and_groups_come_in_the_order_of_first_sight) {
  MetricRegistry registry;
  Collector collector(registry, {}, {});
  auto recorder = collector.make_recorder(nullptr);
  check(*recorder, "::b::inner", "z", true);
  check(*recorder, "", "a", false);
  check(*recorder, "::b::inner", "z", false);
  const Snapshot& snapshot = collector.finish(Instant(seconds(1)));
  EXPECT_EQ(snapshot.groups, (std::vector<std::string>{"::b", "::b::inner"}));
  ASSERT_EQ(snapshot.checks.size(), 2U);
  EXPECT_EQ(snapshot.checks[0].name, "z");
  EXPECT_EQ(snapshot.checks[0].group, "::b::inner");
  EXPECT_EQ(snapshot.checks[0].passes, 1U);
  EXPECT_EQ(snapshot.checks[0].fails, 1U);
  EXPECT_EQ(snapshot.checks[1].fails, 1U);
}

TEST(Collector, endpoints_beyond_the_limit_share_a_row) {
  MetricRegistry registry;
  CollectorOptions options;
  options.endpoint_limit = 3;
  Collector collector(registry, options, {});
  auto recorder = collector.make_recorder(nullptr);
  for (int i = 0; i < 10; ++i) recorder->add_http_request(request_tags(*recorder, "u" + std::to_string(i), "200"), {}, 0, {});
  const Snapshot& snapshot = collector.finish(Instant(seconds(1)));
  ASSERT_EQ(snapshot.endpoints.size(), 4U);
  EXPECT_EQ(snapshot.endpoints[3].name, "(other)");
  EXPECT_EQ(snapshot.endpoints[3].status, "200");
  EXPECT_EQ(snapshot.endpoints[3].duration.count(), 7U);
}

TEST(Collector, a_strict_registry_knows_nothing_past_k6) {
  MetricRegistry registry(true);
  EXPECT_EQ(registry.find("grpc_reqs"), nullptr);
  Collector collector(registry, {}, {});
  auto recorder = collector.make_recorder(nullptr);
  recorder->add_grpc_request(recorder->tags().empty(), 5, true, {});
  const Snapshot& snapshot = collector.finish(Instant(seconds(1)));
  EXPECT_TRUE(snapshot.find(MetricId::grpc_reqs)->total.empty());
  EXPECT_EQ(snapshot.find(MetricId::grpc_req_duration)->total.samples, 1U);
}

TEST(Collector, restart_forgets_the_warm_up) {
  MetricRegistry registry;
  Collector collector(registry, {}, {});
  auto recorder = collector.make_recorder(nullptr);
  check(*recorder, "", "a", false);
  recorder->add(MetricId::iteration_duration, recorder->tags().empty(), 500, {});
  collector.restart(Instant(seconds(5)));
  recorder->add(MetricId::iteration_duration, recorder->tags().empty(), 1, {});
  const Snapshot& snapshot = collector.finish(Instant(seconds(6)));
  EXPECT_EQ(snapshot.elapsed, seconds(1));
  EXPECT_EQ(snapshot.find(MetricId::iteration_duration)->total.values.max(), 1);
  EXPECT_EQ(snapshot.checks[0].fails, 0U);
  EXPECT_EQ(collector.series().rows().size(), 1U);
}

TEST(Collector, loses_and_doubles_nothing_while_threads_record) {
  MetricRegistry registry;
  Collector collector(registry, {}, Instant::clock::now());
  constexpr int kThreads = 3;
  constexpr int kSamples = 60'000;
  struct Worker {
    base::EventLoop loop;
    std::unique_ptr<Recorder> recorder;
    std::thread thread;
  };
  std::vector<std::unique_ptr<Worker>> workers;
  std::atomic<int> done{0};
  for (int i = 0; i < kThreads; ++i) {
    workers.push_back(std::make_unique<Worker>());
    workers.back()->recorder = collector.make_recorder(&workers.back()->loop);
  }
  for (auto& worker : workers) {
    worker->thread = std::thread([&done, w = worker.get()] {
      for (int n = 0; n < kSamples; ++n) {
        w->recorder->add_http_request(request_tags(*w->recorder, "e" + std::to_string(n % 40), "200"), {.duration = 1.0 * (n % 100)}, 0,
                                      {});
        if (n % 500 == 0) w->loop.run_once(std::chrono::nanoseconds(0));
      }
      ++done;
      w->loop.run();
    });
  }
  double last = 0;
  while (done < kThreads) {
    const Snapshot& now = collector.sample(Instant::clock::now());
    EXPECT_GE(now.find(MetricId::http_reqs)->total.sum, last);
    last = now.find(MetricId::http_reqs)->total.sum;
  }
  for (auto& worker : workers) {
    worker->loop.stop();
    worker->thread.join();
  }
  const Snapshot& all = collector.finish(Instant::clock::now());
  EXPECT_EQ(all.find(MetricId::http_reqs)->total.sum, kThreads * kSamples);
  EXPECT_EQ(all.find(MetricId::http_req_duration)->total.values.count(), static_cast<std::uint64_t>(kThreads * kSamples));
  EXPECT_NEAR(all.find(MetricId::http_req_duration)->total.values.percentile(0.895), 89, 0.1);
  double series_sum = 0;
  for (const SeriesRow& row : collector.series().rows()) {
    for (const SeriesPoint& point : row.points) {
      if (point.metric == MetricId::http_reqs) series_sum += point.sum;
    }
  }
  EXPECT_EQ(series_sum, kThreads * kSamples);
}

TEST(MetricRegistry, takes_a_name_again_only_for_the_same_kind) {
  MetricRegistry registry;
  const auto first = registry.declare("same", MetricType::counter, ValueKind::plain);
  ASSERT_TRUE(first);
  EXPECT_EQ(*registry.declare("same", MetricType::counter, ValueKind::plain), *first);
  EXPECT_EQ(registry.declare("same", MetricType::trend, ValueKind::plain).error().message,
            "metric 'same' already exists but with type counter, instead of trend");
  EXPECT_EQ(registry.declare("same", MetricType::counter, ValueKind::time).error().message,
            "metric 'same' already exists but with a value type default, instead of time");
  EXPECT_EQ(registry.declare("bad name!", MetricType::counter, ValueKind::plain).error().message,
            "Invalid metric name: 'bad name!'. Metric names must only include up to 128 ASCII letters, numbers, or underscores and start "
            "with a letter or an underscore.");
  for (const std::string& name : {std::string("_a"), std::string(129, 'a'), std::string("A9_")}) {
    EXPECT_TRUE(registry.declare(name, MetricType::rate, ValueKind::plain)) << name;
  }
  for (const std::string& name : {std::string(""), std::string("a"), std::string("1a"), std::string("a-b"), std::string(130, 'a')}) {
    EXPECT_FALSE(registry.declare(name, MetricType::rate, ValueKind::plain)) << name;
  }
}

Snapshot window_of(MetricRegistry& registry, int second, const std::vector<double>& durations) {
  Snapshot snapshot;
  snapshot.elapsed = seconds(second + 1);
  snapshot.window = seconds(1);
  MetricState state;
  state.info = &registry.info(MetricId::iteration_duration);
  state.window.type = MetricType::trend;
  for (const double duration : durations) {
    state.window.values.add(duration);
    ++state.window.samples;
  }
  snapshot.metrics.push_back(std::move(state));
  return snapshot;
}

TEST(Series, has_a_row_a_second_until_the_test_outgrows_it) {
  MetricRegistry registry;
  Series series;
  const int last = static_cast<int>(Series::kMaxRows) + 1001;
  for (int second = 0; second < last; ++second) {
    series.add(window_of(registry, second, {1.0 * second, 1.0 * second + 0.5}));
    if (second == 99) {
      const std::vector<SeriesRow> rows = series.rows();
      ASSERT_EQ(rows.size(), 100U);
      EXPECT_EQ(rows[42].at, seconds(42));
      EXPECT_EQ(rows[42].points[0].p50, 42.25);
    }
  }
  const std::vector<SeriesRow> rows = series.rows();
  EXPECT_LE(rows.size(), Series::kMaxRows);
  std::chrono::nanoseconds end{0};
  std::uint64_t samples = 0;
  for (const SeriesRow& row : rows) {
    EXPECT_EQ(row.at, end);
    end = row.at + row.length;
    samples += row.points[0].samples;
  }
  EXPECT_EQ(end, seconds(last));
  EXPECT_EQ(samples, 2U * static_cast<unsigned>(last));
  // Two seconds in a row now, with percentiles from the buckets of their four values: 20, 20.5, 21 and 21.5.
  EXPECT_EQ(rows[0].length, seconds(2));
  EXPECT_EQ(rows[10].points[0].p50, percentile_of(rows[10].points[0].buckets, 0.5));
  EXPECT_NEAR(rows[10].points[0].p50, 20.75, 0.25);  // between the two in the middle
  // Each row has its own values in buckets, whether it was made before the test outgrew the finer ones or after.
  for (const SeriesRow& row : rows) {
    const SeriesPoint& point = row.points[0];
    std::uint64_t counted = 0;
    for (const SeriesBucket& bucket : point.buckets) counted += bucket.count;
    EXPECT_EQ(counted, point.samples);
    EXPECT_NEAR(percentile_of(point.buckets, 0.5), point.p50, 0.75 + 0.012 * point.p50);
  }
}

TEST(PackedRow, gives_back_what_was_packed) {
  SeriesRow row;
  row.at = seconds(7);
  row.length = std::chrono::milliseconds(998);
  SeriesPoint plain;
  plain.metric = MetricId::http_reqs;
  plain.samples = 254;
  plain.sum = 1e300;
  SeriesPoint trend;
  trend.metric = MetricId::iteration_duration;
  trend.samples = std::uint64_t{1} << 40;
  trend.min = -0.125;
  trend.p99 = 3;
  trend.buckets = {{kZeroBucket, 1}, {-2560, 255}, {-2559, 254}, {-2305, 1'000'000'000'000}, {5632, 1}};
  row.points = {plain, trend, plain};
  const SeriesRow back = unpack_row(pack_row(row, RowBuckets::kept));
  EXPECT_EQ(back.at, row.at);
  EXPECT_EQ(back.length, row.length);
  ASSERT_EQ(back.points.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    const SeriesPoint& ours = back.points[i];
    const SeriesPoint& theirs = row.points[i];
    EXPECT_EQ(ours.metric, theirs.metric);
    EXPECT_EQ(ours.samples, theirs.samples);
    EXPECT_EQ(std::tie(ours.sum, ours.min, ours.max, ours.p50, ours.p95, ours.p99),
              std::tie(theirs.sum, theirs.min, theirs.max, theirs.p50, theirs.p95, theirs.p99));
    ASSERT_EQ(ours.buckets.size(), theirs.buckets.size());
    for (std::size_t b = 0; b < ours.buckets.size(); ++b) {
      EXPECT_EQ(ours.buckets[b].index, theirs.buckets[b].index);
      EXPECT_EQ(ours.buckets[b].count, theirs.buckets[b].count);
    }
  }
  EXPECT_TRUE(unpack_row(pack_row(row, RowBuckets::dropped)).points[1].buckets.empty());
}

}  // namespace
}  // namespace gauntlet::engine::metrics
