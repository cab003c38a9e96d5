#include "base/metrics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace gauntlet::base::metrics {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Metrics, lose_nothing_when_many_threads_count) {
  Registry registry;
  Counter& counter = registry.counter("c_total", "").with({});
  Histogram& histogram = registry.histogram("h_seconds", "", {}, {0.5, 1}).with({});
  Gauge& gauge = registry.gauge("g", "").with({});
  std::vector<std::thread> threads;
  for (int t = 0; t < 12; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 10'000; ++i) {
        counter.increment();
        histogram.observe(i % 2 == 0 ? 0.25 : 0.75);
        gauge.add(1);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(counter.value(), 120'000u);
  EXPECT_EQ(histogram.snapshot().cumulative, (std::vector<std::uint64_t>{60'000, 120'000, 120'000}));
  EXPECT_DOUBLE_EQ(histogram.snapshot().sum, 60'000);
  EXPECT_DOUBLE_EQ(gauge.value(), 120'000);
}

TEST(Metrics, are_written_as_prometheus_reads_them) {
  Registry registry;
  registry.counter("requests_total", "Requests.", {"method", "status"}).with({"GET", "200"}).increment(3);
  registry.histogram("seconds", "Time.", {"route"}, {0.1, 1}).with({"/x"}).observe(0.1);
  registry.histogram("seconds", "Time.", {"route"}, {0.1, 1}).with({"/x"}).observe(5);
  registry.gauge_function("size", "Size.", [] { return 2.5; });
  registry.gauge_function("depth", "Depth.", [] { return 3; }, {{"buffer_type", "progress"}});
  registry.counter("unused_total", "Never.", {"label"});
  const std::string text = registry.text();
  EXPECT_THAT(text, HasSubstr("# HELP requests_total Requests.\n# TYPE requests_total counter\n"
                              "requests_total{method=\"GET\",status=\"200\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("seconds_count{route=\"/x\"} 2\nseconds_sum{route=\"/x\"} 5.1"));
  EXPECT_THAT(text, HasSubstr("seconds_bucket{route=\"/x\",le=\"0.1\"} 1\n"
                              "seconds_bucket{route=\"/x\",le=\"1\"} 1\n"
                              "seconds_bucket{route=\"/x\",le=\"+Inf\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("# TYPE size gauge\nsize 2.5\n"));
  EXPECT_THAT(text, HasSubstr("depth{buffer_type=\"progress\"} 3\n"));
  EXPECT_THAT(text, Not(HasSubstr("unused_total")));
}

TEST(Metrics, of_one_name_are_one_family) {
  Registry registry;
  EXPECT_EQ(&registry.counter("a_total", "", {"x"}).with({"1"}), &registry.counter("a_total", "", {"x"}).with({"1"}));
  EXPECT_NE(&registry.counter("a_total", "", {"x"}).with({"1"}), &registry.counter("a_total", "", {"x"}).with({"2"}));
}

TEST(Metrics, describe_the_process) {
  Registry registry;
  registry.add_process_metrics();
  const std::string text = registry.text();
  for (const char* name : {"process_cpu_seconds_total", "process_resident_memory_bytes", "process_virtual_memory_bytes", "process_open_fds",
                           "process_max_fds", "process_start_time_seconds"}) {
    EXPECT_THAT(text, HasSubstr(std::string("\n") + name + " ")) << name;
  }
  EXPECT_THAT(text, HasSubstr("# TYPE process_cpu_seconds_total counter"));
}

TEST(Buckets, grow_by_ones_twos_and_fives) { EXPECT_EQ(count_buckets(50), (std::vector<double>{1, 2, 5, 10, 20, 50})); }

}  // namespace
}  // namespace gauntlet::base::metrics
