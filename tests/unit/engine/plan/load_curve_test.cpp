#include "engine/plan/load_curve.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace gauntlet::engine::plan {
namespace {

using namespace std::chrono_literals;

Scenario of(ExecutorKind kind) {
  Scenario scenario;
  scenario.executor = kind;
  return scenario;
}

TEST(LoadCurve, of_stages_rises_and_falls_with_them) {
  Scenario ramp = of(ExecutorKind::ramping_vus);
  ramp.start_vus = 0;
  ramp.stages = std::vector<Stage>{{.duration = 4s, .target = 8}, {.duration = 0s, .target = 4}, {.duration = 4s, .target = 4}};
  EXPECT_EQ(drawn(load_curve(ramp, 8s, 8)), "▂▄▆█▄▄▄▄");
}

TEST(LoadCurve, begins_with_its_scenario_and_is_a_rate_by_the_second) {
  Scenario rate = of(ExecutorKind::constant_arrival_rate);
  rate.rate = 120;
  rate.time_unit = 1min;
  rate.duration = 5s;
  rate.start_time = 5s;
  const LoadCurve curve = load_curve(rate, 10s, 10);
  EXPECT_EQ(drawn(curve), "     █████");
  EXPECT_EQ(curve.most, 2);
  EXPECT_TRUE(curve.is_rate);
}

TEST(LoadCurve, of_iterations_that_are_counted_is_shaded_and_does_not_say_how_long_the_test_is) {
  const Scenario counted = of(ExecutorKind::shared_iterations);
  Scenario timed = of(ExecutorKind::constant_vus);
  timed.duration = 20s;
  EXPECT_EQ(drawn_time({counted, timed}), 20s);
  EXPECT_EQ(drawn_time({counted}), 10min);
  EXPECT_EQ(drawn(load_curve(counted, 20s, 4)), "░░░░");
}

}  // namespace
}  // namespace gauntlet::engine::plan
