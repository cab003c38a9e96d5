#include "engine/plan/plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

namespace gauntlet::engine::plan {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr MemoryRoom kRoom{.bytes = std::size_t{4} << 30};

Scenario looping(std::string name, std::int64_t vus, std::chrono::seconds start, std::chrono::seconds duration) {
  Scenario scenario;
  scenario.name = std::move(name);
  scenario.executor = ExecutorKind::constant_vus;
  scenario.vus = vus;
  scenario.start_time = start;
  scenario.duration = duration;
  scenario.graceful_stop = 5s;
  return scenario;
}

base::Expected<RunPlan> plan(const Options& options, const MemoryRoom& room = kRoom) {
  std::vector<std::string> warnings;
  return plan_run(options, {"default"}, room, warnings);
}

std::vector<std::string> names(const std::vector<Scenario>& scenarios) {
  std::vector<std::string> all;
  for (const Scenario& scenario : scenarios) all.push_back(scenario.name);
  return all;
}

TEST(RunPlan, orders_scenarios_by_start_and_counts_who_runs_at_a_time) {
  Options options;
  options.scenarios = std::vector{looping("a", 3, 20s, 10s), looping("b", 4, 0s, 10s), looping("c", 2, 0s, 10s)};
  const auto planned = plan(options);
  ASSERT_TRUE(planned);
  EXPECT_THAT(names(planned->of_test), ElementsAre("a", "b", "c"));
  EXPECT_THAT(names(planned->scenarios), ElementsAre("b", "c", "a"));
  EXPECT_EQ(planned->planned_vus, 6);
  EXPECT_EQ(planned->most_vus, 6);
  EXPECT_EQ(planned->longest, 35s);
}

TEST(Stretch, keeps_what_ends_together_and_waits_for_running_iterations_as_before) {
  std::vector scenarios{looping("a", 1, 0s, 300s), looping("b", 1, 300s, 300s), looping("brief", 1, 0s, 2s)};
  ASSERT_TRUE(stretch(scenarios, 30s));
  EXPECT_EQ(scenarios[0].duration.value, 15s);
  EXPECT_EQ(scenarios[1].start_time.value, 15s);
  EXPECT_EQ(scenarios[1].duration.value, 15s);
  EXPECT_EQ(scenarios[1].graceful_stop.value, 5s);
  EXPECT_EQ(scenarios[2].duration.value, 1s) << "no shorter than a scenario can be";
}

TEST(Stretch, of_counted_iterations_goes_by_max_duration) {
  Scenario counted;
  std::vector scenarios{counted};
  EXPECT_FALSE(stretch(scenarios, 30s)) << "nobody gave a time";
  scenarios[0].max_duration = 60s;
  ASSERT_TRUE(stretch(scenarios, 30s));
  EXPECT_EQ(scenarios[0].max_duration.value, 30s);
}

TEST(RunPlan, leaves_out_scenarios_of_which_the_segment_runs_nothing) {
  Options options;
  options.scenarios = std::vector{looping("large", 4, 0s, 10s), looping("small", 1, 0s, 10s)};
  options.execution_segment = std::string("1/2:1");
  const auto planned = plan(options);
  ASSERT_TRUE(planned);
  EXPECT_THAT(names(planned->of_test), ElementsAre("large", "small"));
  EXPECT_THAT(names(planned->scenarios), ElementsAre("large"));
  EXPECT_EQ(planned->planned_vus, 2);
}

TEST(RunPlan, tells_all_that_is_wrong_at_once) {
  Options options;
  Scenario nameless = looping("a", 0, 0s, 10s);
  nameless.exec = std::string("missing");
  options.scenarios = std::vector{nameless};
  options.execution_segment = std::string("2/1");
  const auto planned = plan(options);
  ASSERT_FALSE(planned);
  EXPECT_THAT(planned.error().message, HasSubstr("scenario a has configuration errors"));
  EXPECT_THAT(planned.error().message, HasSubstr("function 'missing' not found in exports"));
  EXPECT_THAT(planned.error().message, HasSubstr("segment"));
}

TEST(RunPlan, refuses_what_has_no_room_in_memory) {
  Options options;
  options.scenarios = std::vector{looping("a", 8, 0s, 10s), looping("b", 8, 0s, 10s)};
  EXPECT_TRUE(plan(options, {.bytes = 2'000'000}));
  const auto together = plan(options, {.bytes = 1'500'000});
  ASSERT_FALSE(together);
  EXPECT_THAT(together.error().message, HasSubstr("together have too many virtual users"));
  const auto alone = plan(options, {.bytes = 500'000, .is_share = true});
  ASSERT_FALSE(alone);
  EXPECT_THAT(alone.error().message, HasSubstr("there is for each process"));
}

TEST(RunPlan, warns_of_what_it_ignores) {
  Options options;
  std::vector<std::string> warnings;
  EXPECT_TRUE(plan_run(options, {"default"}, kRoom, warnings));
  EXPECT_THAT(warnings, IsEmpty());
  options.stages = std::vector<Stage>();
  EXPECT_TRUE(plan_run(options, {"default"}, kRoom, warnings));
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("`stages` was explicitly set to an empty value")));
}

TEST(RunPlan, takes_the_scenarios_that_are_chosen_and_once_keeps_what_is_theirs) {
  Options options;
  Scenario a = looping("a", 3, 20s, 10s);
  a.exec = std::string("default");
  a.env = StringMap{{"A", "b"}};
  a.tags = StringMap{{"t", "u"}};
  options.scenarios = std::vector{a, looping("b", 4, 0s, 10s), looping("c", 2, 0s, 10s)};
  std::vector<std::string> warnings;
  const auto chosen = plan_run(options, {"default"}, kRoom, warnings, {.scenarios = {"c", "a"}});
  ASSERT_TRUE(chosen);
  EXPECT_THAT(names(chosen->of_test), ElementsAre("a", "c"));
  const auto once = plan_run(options, {"default"}, kRoom, warnings, {.scenarios = {"a"}, .once = true});
  ASSERT_TRUE(once);
  ASSERT_THAT(names(once->scenarios), ElementsAre("a"));
  EXPECT_EQ(once->scenarios[0].start_time.value, 0s);
  EXPECT_EQ(once->planned_vus, 1);
  EXPECT_EQ(once->scenarios[0].env.value, a.env.value);
  EXPECT_EQ(once->scenarios[0].tags.value, a.tags.value);
  const auto missing = plan_run(options, {"default"}, kRoom, warnings, {.scenarios = {"d"}});
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message, HasSubstr("--scenario d: the script has no such scenario; it has a, b, c"));
}

TEST(RunPlan, a_number_of_users_alone_is_as_many_shared_iterations) {
  Options options;
  options.vus = 5;
  const auto planned = plan(options);
  ASSERT_TRUE(planned);
  ASSERT_EQ(planned->scenarios.size(), 1U);
  EXPECT_EQ(planned->scenarios[0].executor, ExecutorKind::shared_iterations);
  EXPECT_EQ(planned->scenarios[0].vus, 5);
  EXPECT_EQ(planned->scenarios[0].iterations, 5);

  std::vector<std::string> warnings;
  const auto strict = plan_run(options, {"default"}, kRoom, warnings, {.scenarios = {}, .strict_k6 = true});
  ASSERT_TRUE(strict);
  EXPECT_EQ(strict->planned_vus, 1);
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("`vus=5` option will be ignored")));
}

}  // namespace
}  // namespace gauntlet::engine::plan
