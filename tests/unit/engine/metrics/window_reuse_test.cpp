#include <gtest/gtest.h>

#include "engine/metrics/collector.hpp"
#include "engine/metrics/recorder.hpp"

namespace gauntlet::engine::metrics {
namespace {

void check(Recorder& recorder, const char* name) {
  TagBuilder tags(recorder.tags(), recorder.tags().empty());
  recorder.add(MetricId::checks, tags.set(SystemTag::check, name).intern(), 1, {});
}

TEST(Collector, counts_alike_in_a_window_that_came_from_another_thread) {
  MetricRegistry registry;
  Collector collector(registry, {}, {});
  auto one = collector.make_recorder(nullptr);
  auto other = collector.make_recorder(nullptr);
  check(*one, "a");
  check(*one, "b");  // a row that the other thread has not heard of, below one that it has
  other->add(MetricId::iterations, other->tags().empty(), 1, {});
  check(*other, "c");
  for (int round = 1; round <= 4; ++round) {
    one->publish();
    other->publish();
    collector.sample(Instant(std::chrono::seconds(round)));
    check(*one, "b");
    check(*other, "c");
    Recorder& next = round % 2 == 0 ? *one : *other;  // who publishes first takes the window that came back last
    next.publish();
    check(next, round % 2 == 0 ? "b" : "c");
  }
  const Snapshot& all = collector.finish(Instant(std::chrono::seconds(9)));
  for (const CheckCount& each : all.checks) EXPECT_EQ(each.fails, 0U) << each.name;
  ASSERT_EQ(all.checks.size(), 3U);
  const Sink& total = all.find(MetricId::checks)->total;
  EXPECT_EQ(total.samples, 3U + 12U);
  EXPECT_EQ(total.passes, total.samples);
}

}  // namespace
}  // namespace gauntlet::engine::metrics
