#include "engine/plan/schedule.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include "engine/plan/scenario.hpp"

#define PROPERTY(...) ASSERT_TRUE(rc::check(__VA_ARGS__))

namespace gauntlet::engine::plan {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr double kMicrosecond = 1000;  // in nanoseconds

std::vector<Stage> some_stages(std::int64_t greatest_target) {
  return *rc::gen::container<std::vector<Stage>>(*rc::gen::inRange<std::size_t>(1, 5), rc::gen::exec([greatest_target] {
    Stage stage;
    stage.duration = milliseconds(*rc::gen::element(0, 1, 250, 1000, 1337, 10'000));
    stage.target = *rc::gen::inRange<std::int64_t>(0, greatest_target + 1);
    return stage;
  }));
}

/// How many starts are due by an offset: the area under the stages' rate, summed up stage by stage.
long double starts_by(long double at_s, std::int64_t start_rate, const std::vector<Stage>& stages, long double unit_s) {
  long double area = 0;
  long double begin = 0;
  auto rate = static_cast<long double>(start_rate) / unit_s;
  for (const Stage& stage : stages) {
    const long double length = std::chrono::duration<long double>(stage.duration).count();
    const long double target = static_cast<long double>(stage.target) / unit_s;
    if (length > 0) {
      const long double part = std::clamp<long double>(at_s - begin, 0, length);
      const long double rate_there = rate + (target - rate) * part / length;
      area += (rate + rate_there) / 2 * part;
    }
    rate = target;
    begin += length;
  }
  return area;
}

TEST(RampingArrivals, come_when_the_area_under_the_rate_reaches_the_next_whole_number) {
  PROPERTY([] {
    const auto stages = some_stages(300);
    const auto start_rate = *rc::gen::inRange<std::int64_t>(0, 200);
    const Nanoseconds unit = *rc::gen::element<Nanoseconds>(milliseconds(300), seconds(1), std::chrono::minutes(1));
    const long double unit_s = std::chrono::duration<long double>(unit).count();
    const RampingArrivals arrivals(start_rate, stages, unit);
    long double length_s = 0;
    for (const Stage& stage : stages) length_s += std::chrono::duration<long double>(stage.duration).count();
    const long double all = starts_by(length_s, start_rate, stages, unit_s);
    const auto expected = static_cast<std::uint64_t>(std::floor(all + 1e-7L));
    RC_ASSERT(!arrivals.due(expected + 1));
    for (std::uint64_t index = 0; index < expected; index += 1 + expected / 50) {
      const auto due = arrivals.due(index);
      RC_ASSERT(due.has_value());
      // Found by halving, not by a formula.
      long double low = 0;
      long double high = length_s;
      for (int i = 0; i < 100; ++i) {
        const long double middle = (low + high) / 2;
        (starts_by(middle, start_rate, stages, unit_s) < static_cast<long double>(index + 1) ? low : high) = middle;
      }
      // Where the rate is next to nothing the area cannot tell the moment; it then tells the count.
      const auto by_due = starts_by(static_cast<long double>(due->count()) / 1e9L, start_rate, stages, unit_s);
      const bool on_time = std::abs(static_cast<double>(high * 1e9L) - static_cast<double>(due->count())) <= kMicrosecond;
      RC_ASSERT(on_time || std::abs(static_cast<double>(by_due - static_cast<long double>(index + 1))) < 1e-6);
    }
  });
}

TEST(RampingArrivals, begin_a_hundred_milliseconds_after_the_start_at_ten_a_second) {
  const RampingArrivals arrivals(10, {{seconds(1), 10}}, seconds(1));
  EXPECT_EQ(arrivals.due(0), milliseconds(100));
  EXPECT_EQ(arrivals.due(9), seconds(1));
  EXPECT_EQ(arrivals.due(10), std::nullopt);
}

TEST(RampingArrivals, of_a_ramp_from_zero_to_forty_come_as_k6_1_8_1_started_them) {
  const RampingArrivals arrivals(0, {{seconds(1), 40}}, seconds(1));
  const std::vector<int> captured_ms = {225, 317, 388, 449, 501, 550, 593, 634, 672, 709,
                                        743, 775, 808, 838, 867, 896, 924, 950, 976, 1001};
  for (std::size_t i = 0; i < captured_ms.size(); ++i) {
    const auto due = arrivals.due(i);
    ASSERT_TRUE(due);
    const double due_ms = std::chrono::duration<double, std::milli>(*due).count();
    EXPECT_NEAR(due_ms, captured_ms[i], 3) << i;
  }
}

TEST(ConstantArrivals, come_at_whole_multiples_of_the_interval_rounded_down_to_nanoseconds) {
  PROPERTY([] {
    const auto rate = *rc::gen::inRange<std::int64_t>(1, 20'000);
    const Nanoseconds unit = *rc::gen::element<Nanoseconds>(milliseconds(7), seconds(1), std::chrono::minutes(1));
    const Nanoseconds duration = milliseconds(*rc::gen::inRange(1000, 100'000));
    const ConstantArrivals arrivals(rate, unit, duration);
    const std::int64_t interval = unit.count() / rate;
    RC_PRE(interval > 0);
    const std::int64_t last = duration.count() / interval;
    for (const std::int64_t index : {std::int64_t{0}, std::min<std::int64_t>(1, last), last / 2, last}) {
      RC_ASSERT(arrivals.due(static_cast<std::uint64_t>(index)) == Nanoseconds(index * interval));
    }
    RC_ASSERT(!arrivals.due(static_cast<std::uint64_t>(last) + 1));
  });
}

/// Virtual users that the ramp wants at an offset, user by user: user k (from 1) of a ramp up from a to b in D is there
/// from end - D * (b - k) / (b - a) on; of a ramp down from a to b it leaves at begin + D * (a - k) / (a - b), plus the
/// one slot by which it is later than the mirror of its start.
std::int64_t ramp_at(Nanoseconds at, std::int64_t start, const std::vector<Stage>& stages) {
  std::int64_t before = start;
  std::int64_t vus = start;
  long double begin = 0;
  for (const Stage& stage : stages) {
    const long double length = static_cast<long double>(stage.duration.count());
    const auto now = static_cast<long double>(at.count());
    if (now < begin) break;
    if (stage.duration.count() == 0) {
      vus = before = stage.target;
      continue;
    }
    vus = before;
    const std::int64_t change = stage.target - before;
    for (std::int64_t k = before + 1; k <= stage.target; ++k) {
      const long double from =
          begin + length - std::floor(length * static_cast<long double>(stage.target - k) / static_cast<long double>(change));
      if (now >= from) vus = k;
    }
    for (std::int64_t k = before; k > stage.target; --k) {
      const long double until = begin + std::floor(length * static_cast<long double>(before - k + 1) / static_cast<long double>(-change));
      if (now >= until) vus = k - 1;
    }
    begin += length;
    before = stage.target;
  }
  return vus;
}

std::int64_t vus_at(const std::vector<VuStep>& steps, Nanoseconds at) {
  std::int64_t vus = 0;
  for (const VuStep& step : steps) {
    if (step.offset <= at) vus = step.vus;
  }
  return vus;
}

TEST(RampingVus, start_and_stop_each_at_its_own_moment) {
  PROPERTY([] {
    const auto stages = some_stages(20);
    const auto start = *rc::gen::inRange<std::int64_t>(0, 10);
    const auto steps = ramping_steps(start, stages);
    for (int i = 0; i < 40; ++i) {
      const Nanoseconds at = std::chrono::microseconds(*rc::gen::inRange(0, 30'000'000));
      RC_ASSERT(vus_at(steps, at) == ramp_at(at, start, stages));
    }
  });
}

TEST(RampingVus, from_none_to_four_in_a_second_start_a_quarter_apart) {
  std::vector<std::pair<Nanoseconds, std::int64_t>> steps;
  for (const VuStep& step : ramping_steps(0, {{seconds(1), 4}})) steps.emplace_back(step.offset, step.vus);
  EXPECT_EQ(steps,
            (std::vector<std::pair<Nanoseconds, std::int64_t>>{
                {Nanoseconds(0), 0}, {milliseconds(250), 1}, {milliseconds(500), 2}, {milliseconds(750), 3}, {milliseconds(1000), 4}}));
}

// Segments

Scenario some_scenario() {
  Scenario s;
  s.name = "it";
  s.executor = *rc::gen::element(ExecutorKind::shared_iterations, ExecutorKind::per_vu_iterations, ExecutorKind::constant_vus,
                                 ExecutorKind::ramping_vus, ExecutorKind::constant_arrival_rate, ExecutorKind::ramping_arrival_rate);
  s.vus = *rc::gen::inRange<std::int64_t>(1, 40);
  s.iterations = s.vus + *rc::gen::inRange<std::int64_t>(0, 300);
  s.duration = seconds(5);
  s.start_vus = *rc::gen::inRange<std::int64_t>(0, 20);
  s.stages = some_stages(30);
  s.rate = *rc::gen::inRange<std::int64_t>(1, 100);
  s.start_rate = *rc::gen::inRange<std::int64_t>(0, 100);
  s.pre_allocated_vus = *rc::gen::inRange<std::int64_t>(1, 40);
  s.max_vus = s.pre_allocated_vus + *rc::gen::inRange<std::int64_t>(0, 40);
  return s;
}

std::vector<Scenario> parts_of(const Scenario& whole, std::int64_t parts) {
  std::vector<Scenario> scenarios;
  for (std::int64_t part = 1; part <= parts; ++part) {
    Options options;
    take_part(options, part, parts);
    auto stripe = Stripe::parse(options.execution_segment.value, options.execution_segment_sequence.value);
    RC_ASSERT(stripe.has_value());
    Scenario scenario = whole;
    if (take_share(scenario, *stripe)) scenarios.push_back(std::move(scenario));
  }
  return scenarios;
}

/// Start offsets of a scenario with arrivals, in order.
std::vector<Nanoseconds> arrivals_of(const Scenario& s) {
  std::vector<Nanoseconds> offsets;
  const auto take = [&](const auto& schedule) {
    for (std::uint64_t i = 0;; ++i) {
      const auto due = schedule.due(s.iteration_stripe.global(i));
      if (!due) break;
      offsets.push_back(*due);
    }
  };
  if (s.executor == ExecutorKind::constant_arrival_rate) take(ConstantArrivals(s.rate, s.time_unit, s.duration));
  if (s.executor == ExecutorKind::ramping_arrival_rate) take(RampingArrivals(s.start_rate, s.stages, s.time_unit));
  return offsets;
}

TEST(Segments, of_any_executor_sum_up_to_the_whole_test) {
  PROPERTY([] {
    const Scenario whole = some_scenario();
    const auto parts = parts_of(whole, *rc::gen::inRange<std::int64_t>(1, 6));
    std::int64_t vus = 0;
    std::int64_t iterations = 0;
    std::vector<Nanoseconds> arrivals;
    for (const Scenario& part : parts) {
      vus += max_vus(part);
      iterations += part.iterations.value;
      const auto mine = arrivals_of(part);
      arrivals.insert(arrivals.end(), mine.begin(), mine.end());
    }
    RC_ASSERT(vus == max_vus(whole));
    std::sort(arrivals.begin(), arrivals.end());
    RC_ASSERT(arrivals == arrivals_of(whole));
    if (whole.executor == ExecutorKind::shared_iterations) RC_ASSERT(iterations == whole.iterations.value);
    if (whole.executor == ExecutorKind::ramping_vus) {
      for (int i = 0; i < 20; ++i) {
        const Nanoseconds at = milliseconds(*rc::gen::inRange(0, 30'000));
        std::int64_t sum = 0;
        for (const Scenario& part : parts) sum += vus_at(ramping_steps(part.start_vus, part.stages, part.vu_stripe), at);
        RC_ASSERT(sum == vus_at(ramping_steps(whole.start_vus, whole.stages), at));
      }
    }
  });
}

TEST(Segments, number_the_iterations_of_the_whole_test_each_once) {
  PROPERTY([] {
    Scenario whole = some_scenario();
    whole.executor = ExecutorKind::shared_iterations;
    std::vector<std::uint64_t> numbers;
    for (const Scenario& part : parts_of(whole, *rc::gen::inRange<std::int64_t>(1, 6))) {
      for (std::int64_t i = 0; i < part.iterations.value; ++i)
        numbers.push_back(part.iteration_stripe.global(static_cast<std::uint64_t>(i)));
    }
    std::sort(numbers.begin(), numbers.end());
    RC_ASSERT(numbers.size() == static_cast<std::size_t>(whole.iterations.value));
    for (std::size_t i = 0; i < numbers.size(); ++i) RC_ASSERT(numbers[i] == i);
  });
}

}  // namespace
}  // namespace gauntlet::engine::plan
