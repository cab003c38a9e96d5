#include "challenge/selection.hpp"

#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <set>

#include "unit/challenge/config_builder.hpp"

namespace gauntlet::challenge {
namespace {

using testing::ElementsAre;

/// c0: a, b, needs_a, done_by_test; c1: x
Config selection_config() {
  Goal needs_a = make_goal("needs_a");
  needs_a.prerequisites = {0};
  return make_config({{make_goal("a"), make_goal("b"), needs_a, make_goal("d")}, {make_goal("x")}});
}

TEST(BatchSelection, takes_known_goals_of_the_challenge_once_in_the_given_order) {
  const Config config = selection_config();
  const auto select = [&](const char* challenge, std::vector<std::string> ids) { return batch_selection(config, challenge, ids); };
  EXPECT_THAT(select("c0", {"d", "a", "d"}).value(), ElementsAre(3u, 0u));
  EXPECT_EQ(select("nope", {}).error().message, "goal_ids cannot be empty");
  EXPECT_EQ(select("nope", {"a"}).error().message, "challenge 'nope' not found");
  EXPECT_EQ(select("c0", {"a", "nope"}).error().message, "goal 'nope' not found");
  EXPECT_EQ(select("c0", {"x"}).error().message, "goal 'x' does not belong to challenge 'c0'");
  EXPECT_EQ(select("c0", {"x"}).error().kind, base::ErrorKind::invalid_argument);
}

std::set<std::string> candidates(PlayerRows rows, RandomSelection request) {
  const Config config = selection_config();
  const auto drawn = random_selection(config, config.challenge(0), rows, request, kNow, [](std::uint64_t) { return 0; });
  std::set<std::string> ids;
  if (drawn) {
    for (const GoalIndex goal : *drawn) ids.insert(config.goal(goal).id);
  }
  return ids;
}

TEST(RandomSelection, draws_only_open_goals_that_are_not_done) {
  Row active;
  active.is_active = true;
  active.updated_at = kNow;
  Row done = active;
  done.status = Status::completed;
  done.completed_at = kNow;
  EXPECT_EQ(candidates({}, {9, false, false}), (std::set<std::string>{"a", "b", "d"}));
  const std::vector<PlayerRow> rows = {{0, done}, {1, active}};
  EXPECT_EQ(candidates(rows, {9, false, false}), (std::set<std::string>{"b", "needs_a", "d"}));
  EXPECT_EQ(candidates(rows, {9, false, true}), (std::set<std::string>{"needs_a", "d"}));
  EXPECT_EQ(candidates(rows, {9, true, false}), (std::set<std::string>{"needs_a", "d"}));
}

TEST(RandomSelection, says_when_there_is_nothing_to_choose_from) {
  const Config config = make_config({{make_goal("a")}});
  Row done;
  done.status = Status::claimed;
  const std::vector<PlayerRow> rows = {{0, done}};
  const auto drawn = random_selection(config, config.challenge(0), rows, {3, false, false}, kNow, [](std::uint64_t) { return 0; });
  EXPECT_EQ(drawn.error().message, "INSUFFICIENT_GOALS: no goals available for selection (available: 0, requested: 3)");
  EXPECT_EQ(check_random_selection(config, "c0", {0, false, false}).error().message, "count must be greater than 0");
  EXPECT_EQ(check_random_selection(config, "nope", {1, false, false}).error().message, "challenge 'nope' not found");
}

RC_GTEST_PROP(RandomSelection, draws_as_many_as_asked_for_without_repeating, ()) {
  const Config config = selection_config();
  const auto count = *rc::gen::inRange(1, 8);
  const auto drawn = random_selection(config, config.challenge(0), {}, {count, false, false}, kNow,
                                      [](std::uint64_t bound) { return *rc::gen::inRange<std::uint64_t>(0, bound); });
  RC_ASSERT(drawn.has_value());
  RC_ASSERT(drawn->size() == static_cast<std::size_t>(std::min(count, 3)));
  RC_ASSERT(std::set<GoalIndex>(drawn->begin(), drawn->end()).size() == drawn->size());
}

TEST(RandomSelection, gives_every_goal_the_same_chance) {
  const Config config = make_config({{make_goal("a"), make_goal("b"), make_goal("c"), make_goal("d")}});
  std::map<GoalIndex, int> drawn;
  // Every value the source may give for the two draws, once each.
  for (std::uint64_t first = 0; first < 4; ++first) {
    for (std::uint64_t second = 0; second < 3; ++second) {
      const auto goals = random_selection(config, config.challenge(0), {}, {2, false, false}, kNow,
                                          [&](std::uint64_t bound) { return bound == 4 ? first : second; });
      for (const GoalIndex goal : *goals) ++drawn[goal];
    }
  }
  for (GoalIndex goal = 0; goal < 4; ++goal) EXPECT_EQ(drawn[goal], 6);
}

}  // namespace
}  // namespace gauntlet::challenge
