#include "engine/results/gathered.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <random>
#include <vector>

#include "engine/metrics/collector.hpp"
#include "engine/metrics/recorder.hpp"
#include "engine/results/comparison.hpp"

namespace gauntlet::engine::results {
namespace {

using metrics::Instant;
using metrics::MetricId;
using metrics::MetricType;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// A part of a test: latencies recorded second by second, a check, a custom metric, two endpoints.
class Part {
 public:
  Part() : collector_(registry_, with_deltas(), kStart), recorder_(collector_.make_recorder(nullptr)) {
    EXPECT_TRUE(thresholds.add(registry_, "http_req_duration{name:list}", {{"p(95)<500", false, {}}}));
    orders_ = *registry_.declare("orders", MetricType::counter, metrics::ValueKind::plain);
    metrics::TagBuilder list(recorder_->tags(), recorder_->tags().empty());
    list.set(metrics::SystemTag::name, "list");
    list.set(metrics::SystemTag::method, "GET");
    list.set(metrics::SystemTag::status, "200");
    list_ = list.intern();
    metrics::TagBuilder check(recorder_->tags(), recorder_->tags().empty());
    check.set(metrics::SystemTag::check, "ok");
    check_ = check.intern();
  }

  void second(const std::vector<double>& latencies_ms) {
    for (const double latency : latencies_ms) {
      recorder_->add(MetricId::http_req_duration, list_, latency, at_);
      recorder_->add(MetricId::http_reqs, list_, 1, at_);
      recorder_->add(MetricId::checks, check_, latency < 100 ? 1 : 0, at_);
      recorder_->add(orders_, list_, 0.5, at_);
    }
    recorder_->add(MetricId::vus, recorder_->tags().empty(), 3, at_);
    at_ += seconds(1);
    collector_.sample(at_);
  }

  std::string json() const {
    return to_json({.snapshot = collector_.snapshot(),
                    .rows = collector_.series().rows(),
                    .thresholds = {{"http_req_duration{name:list}", {{"p(95)<500", false, {}}}}},
                    .cpu_share = 0.25,
                    .busiest_thread = {},
                    .interrupted = 2},
                   registry_);
  }
  /// What came since the last call.
  std::string window_json() {
    Gathered window;
    window.snapshot = collector_.take_delta();
    return to_json(window, registry_);
  }
  const metrics::Snapshot& snapshot() const { return collector_.snapshot(); }
  std::vector<metrics::SeriesRow> rows() const { return collector_.series().rows(); }
  const metrics::MetricRegistry& registry() const { return registry_; }

  metrics::Thresholds thresholds;

 private:
  static metrics::CollectorOptions with_deltas() {
    metrics::CollectorOptions options;
    options.deltas = true;
    return options;
  }
  static constexpr Instant kStart{};
  metrics::MetricRegistry registry_;
  metrics::Collector collector_;
  std::unique_ptr<metrics::Recorder> recorder_;
  Instant at_ = kStart;
  MetricId orders_{};
  metrics::TagSet* list_ = nullptr;
  metrics::TagSet* check_ = nullptr;
};

std::vector<double> latencies(std::size_t count, double median_ms, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::lognormal_distribution<double> spread(std::log(median_ms), 0.5);
  std::vector<double> values(count);
  for (double& value : values) value = spread(random);
  return values;
}

/// A sum of parts, in a registry of its own as a leader has it.
struct Sum {
  metrics::MetricRegistry registry;
  metrics::Thresholds thresholds;
  Gathered gathered;

  explicit Sum(const std::vector<std::string>& texts) {
    EXPECT_TRUE(thresholds.add(registry, "http_req_duration{name:list}", {{"p(95)<500", false, {}}}));
    for (const std::string& text : texts) {
      const auto ok = add(gathered, text, registry, Generators::share_the_cores);
      EXPECT_TRUE(ok) << ok.error().message;
    }
  }
};

TEST(Gathered, parts_add_up_to_what_one_process_would_have_gathered) {
  Part one;
  Part two;
  Part whole;
  for (std::uint64_t i = 0; i < 8; ++i) {
    const auto a = latencies(900, 40, i);
    const auto b = latencies(700, 80, 100 + i);
    one.second(a);
    two.second(b);
    auto both = a;
    both.insert(both.end(), b.begin(), b.end());
    whole.second(both);
  }
  Sum sum({one.json(), two.json()});
  const auto& expected = *whole.snapshot().find(MetricId::http_req_duration);
  const auto& got = *sum.gathered.snapshot.find(MetricId::http_req_duration);
  EXPECT_EQ(got.total.values.count(), expected.total.values.count());
  EXPECT_NEAR(got.total.values.sum(), expected.total.values.sum(), 1e-6);
  EXPECT_EQ(got.total.values.max(), expected.total.values.max());
  for (const double fraction : {0.5, 0.9, 0.99, 0.999}) {
    EXPECT_EQ(got.total.values.percentile(fraction), expected.total.values.percentile(fraction)) << fraction;
  }
  ASSERT_EQ(got.submetrics.size(), expected.submetrics.size());
  EXPECT_EQ(got.submetrics[0].values.percentile(0.99), expected.submetrics[0].values.percentile(0.99));
  EXPECT_EQ(sum.gathered.snapshot.find(MetricId::http_reqs)->total.sum, 8 * 1600);
  EXPECT_EQ(sum.gathered.snapshot.find(MetricId::vus)->total.last, 6);
  EXPECT_EQ(sum.gathered.snapshot.find(sum.registry.find("orders")->id)->total.sum, 8 * 800);
  EXPECT_EQ(sum.gathered.snapshot.elapsed, whole.snapshot().elapsed);
  ASSERT_EQ(sum.gathered.snapshot.endpoints.size(), 1U);
  EXPECT_EQ(sum.gathered.snapshot.endpoints[0].duration.count(), 8U * 1600U);
  ASSERT_EQ(sum.gathered.snapshot.checks.size(), 1U);
  EXPECT_EQ(sum.gathered.snapshot.checks[0].passes, whole.snapshot().checks[0].passes);
  EXPECT_EQ(sum.gathered.cpu_share, 0.5);
  EXPECT_EQ(sum.gathered.interrupted, 4U);

  ASSERT_EQ(sum.gathered.rows.size(), 8U);
  const auto row_percentile = [](const std::vector<metrics::SeriesRow>& rows, const metrics::MetricRegistry& registry) {
    for (const metrics::SeriesPoint& point : rows[3].points) {
      if (point.metric == registry.find("http_req_duration")->id) return point.p95;
    }
    return 0.0;
  };
  EXPECT_NEAR(row_percentile(sum.gathered.rows, sum.registry) / row_percentile(whole.rows(), whole.registry()), 1, 0.02);
}

TEST(Gathered, windows_of_any_length_add_up_to_what_was_gathered) {
  for (const std::size_t agents : {1U, 2U, 7U}) {
    std::vector<Part> parts(agents);
    std::vector<Gathered> sums(agents);
    Part whole;
    Sum leader({});
    for (std::uint64_t second = 0; second < 12; ++second) {
      std::vector<double> all;
      for (std::size_t i = 0; i < agents; ++i) {
        const auto mine = latencies(100 + 150 * i, 40 + 10 * static_cast<double>(i), second * 10 + i);
        parts[i].second(mine);
        all.insert(all.end(), mine.begin(), mine.end());
        if ((second + i) % 3 == 0) continue;  // its last window has not left yet
        ASSERT_TRUE(add(sums[i], parts[i].window_json(), leader.registry, Generators::are_the_same));
      }
      whole.second(all);
    }
    for (std::size_t i = 0; i < agents; ++i) {
      ASSERT_TRUE(add(sums[i], parts[i].window_json(), leader.registry, Generators::are_the_same));
      add(leader.gathered, sums[i], Generators::have_their_own);
    }
    const metrics::Snapshot& got = leader.gathered.snapshot;
    for (const MetricId id : {MetricId::http_reqs, MetricId::checks}) {
      EXPECT_EQ(got.find(id)->total.sum, whole.snapshot().find(id)->total.sum);
      EXPECT_EQ(got.find(id)->total.passes, whole.snapshot().find(id)->total.passes);
    }
    const auto& durations = *got.find(MetricId::http_req_duration);
    const auto& expected = *whole.snapshot().find(MetricId::http_req_duration);
    EXPECT_EQ(durations.total.values.count(), expected.total.values.count());
    for (int percent = 0; percent <= 100; ++percent) {
      EXPECT_EQ(durations.total.values.percentile(percent / 100.0), expected.total.values.percentile(percent / 100.0))
          << agents << " " << percent;
      EXPECT_EQ(durations.submetrics[0].values.percentile(percent / 100.0), expected.submetrics[0].values.percentile(percent / 100.0));
    }
    EXPECT_EQ(got.find(MetricId::vus)->total.last, 3.0 * static_cast<double>(agents));
    EXPECT_EQ(got.elapsed, whole.snapshot().elapsed);
    ASSERT_EQ(got.endpoints.size(), 1U);
    EXPECT_EQ(got.endpoints[0].duration.percentile(0.99), whole.snapshot().endpoints[0].duration.percentile(0.99));
    ASSERT_EQ(got.checks.size(), 1U);
    EXPECT_EQ(got.checks[0].passes, whole.snapshot().checks[0].passes);
    EXPECT_EQ(got.checks[0].fails, whole.snapshot().checks[0].fails);
  }
}

TEST(Gathered, text_of_a_sum_says_the_same_as_the_sum) {
  Part one;
  one.second(latencies(50, 10, 1));
  Sum first({one.json()});
  Sum again({to_json(first.gathered, first.registry)});
  EXPECT_EQ(to_json(again.gathered, again.registry), to_json(first.gathered, first.registry));
}

TEST(Gathered, of_another_machine_is_held_to_what_a_generator_makes) {
  Part part;
  part.second(latencies(5000, 40, 1));
  Sum sum({part.json()});
  EXPECT_TRUE(check_bounds(sum.gathered));
  const auto refusal = [](const auto& fill) {
    Gathered made;
    fill(made.snapshot);
    const auto ok = check_bounds(made);
    return ok ? "" : ok.error().message;
  };
  EXPECT_NE(refusal([](auto& all) { all.checks.resize(10'000); }).find("checks"), std::string::npos);
  EXPECT_NE(refusal([](auto& all) { all.groups.resize(10'000); }).find("groups"), std::string::npos);
  EXPECT_NE(refusal([](auto& all) { all.endpoints.resize(2'000); }).find("endpoints"), std::string::npos);
  EXPECT_NE(refusal([](auto& all) { all.parts.resize(2'000); }).find("scenarios"), std::string::npos);
  EXPECT_NE(refusal([](auto& all) { all.parts.resize(1), all.parts[0].checks.resize(10'000); }).find("checks"), std::string::npos);
  EXPECT_NE(refusal([](auto& all) { all.groups.assign(600, std::string(1 << 20, 'x')); }).find("bytes"), std::string::npos);
}

TEST(Gathered, says_what_a_text_is_not) {
  metrics::MetricRegistry registry;
  Gathered gathered;
  for (const char* text : {"", "[]", "{}", R"({"version":1,"thresholds":{}})", R"({"version":7,"thresholds":{}})"}) {
    const auto ok = add(gathered, text, registry, Generators::have_their_own);
    ASSERT_FALSE(ok) << text;
    EXPECT_NE(ok.error().message.find("gauntlet run --out json="), std::string::npos) << ok.error().message;
  }
}

const ComparedFigure& figure(const std::vector<ComparedFigure>& figures, const std::string& name) {
  const auto found = std::find_if(figures.begin(), figures.end(), [&](const ComparedFigure& f) { return f.name == name; });
  EXPECT_NE(found, figures.end()) << name;
  return *found;
}

void run_seconds(Part& part, double median_ms, std::uint64_t seed, std::size_t count = 200) {
  for (std::uint64_t i = 0; i < 30; ++i) part.second(latencies(count, median_ms, seed + i));
}

TEST(Comparison, shows_no_difference_between_two_runs_of_the_same) {
  Part a;
  Part b;
  run_seconds(a, 20, 1000);
  run_seconds(b, 20, 2000);
  const auto figures = compare({a.rows(), a.registry()}, {b.rows(), b.registry()});
  ASSERT_TRUE(figures);
  EXPECT_EQ(figure(*figures, "http_req_duration p(50)").verdict(), ComparedFigure::Verdict::no_difference_shown);
  EXPECT_EQ(figure(*figures, "http_reqs per s").verdict(), ComparedFigure::Verdict::no_difference_shown);
}

TEST(Comparison, finds_a_tenth_more_latency_and_a_tenth_less_throughput) {
  Part a;
  Part b;
  run_seconds(a, 20, 1000);
  run_seconds(b, 22, 2000, 180);
  const auto figures = compare({a.rows(), a.registry()}, {b.rows(), b.registry()});
  ASSERT_TRUE(figures);
  const ComparedFigure& median = figure(*figures, "http_req_duration p(50)");
  EXPECT_EQ(median.verdict(), ComparedFigure::Verdict::worse);
  EXPECT_LT(median.low, 10);
  EXPECT_GT(median.high, 10);
  EXPECT_NEAR(median.a, 20, 0.5);
  const ComparedFigure& rate = figure(*figures, "http_reqs per s");
  EXPECT_EQ(rate.verdict(), ComparedFigure::Verdict::worse);
  EXPECT_NEAR(rate.change, -10, 0.5);
}

TEST(Comparison, refuses_runs_that_are_too_short_to_show_how_they_vary) {
  Part a;
  Part b;
  run_seconds(a, 20, 1000);
  b.second(latencies(100, 20, 1));
  const auto figures = compare({a.rows(), a.registry()}, {b.rows(), b.registry()});
  ASSERT_FALSE(figures);
  EXPECT_NE(figures.error().message.find("second run took 1 s"), std::string::npos) << figures.error().message;
}

}  // namespace
}  // namespace gauntlet::engine::results
