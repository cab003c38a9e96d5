#include "lab/fixtures/reset.hpp"

#include <gtest/gtest.h>

#include "challenge/config_parser.hpp"
#include "lab/fixtures/fixtures.hpp"
#include "temporary_folder.hpp"

namespace gauntlet::lab {
namespace {

challenge::Config config_of(const FixtureSize& size) { return std::move(*challenge::parse_config(challenges_json(size))); }

std::vector<std::string> ids_of(const std::vector<const challenge::Goal*>& goals) {
  std::vector<std::string> ids;
  for (const auto* goal : goals) ids.push_back(goal->id);
  return ids;
}

TEST(GoalsToGive, are_the_default_assigned_ones) {
  const auto config = config_of({.challenges = 3, .goals_per_challenge = 4, .active_goals = 3});
  const auto goals = goals_to_give(config, {});
  ASSERT_TRUE(goals);
  EXPECT_EQ(ids_of(*goals), (std::vector<std::string>{"challenge-001-goal-01", "challenge-002-goal-01", "challenge-003-goal-01"}));
}

TEST(GoalsToGive, more_are_taken_in_turn_over_the_challenges) {
  const auto config = config_of({.challenges = 2, .goals_per_challenge = 4, .active_goals = 2});
  const auto goals = goals_to_give(config, {.active = 3});
  ASSERT_TRUE(goals);
  EXPECT_EQ(ids_of(*goals), (std::vector<std::string>{"challenge-001-goal-01", "challenge-002-goal-01", "challenge-001-goal-02"}));
}

TEST(GoalsToGive, wrong_numbers_are_named) {
  const auto config = config_of({.challenges = 2, .goals_per_challenge = 4, .active_goals = 2});
  EXPECT_EQ(goals_to_give(config, {.active = 9}).error().message, "--active 9: must be 1 to 8, the number of goals");
  EXPECT_FALSE(goals_to_give(config, {.active = 0}));
  EXPECT_FALSE(goals_to_give(config, {.completed = 1.5}));
  EXPECT_FALSE(goals_to_give(config, {.completed = -0.1}));
}

TEST(ReadPlayers, reads_what_the_fixtures_write) {
  const TemporaryFolder folder;
  const auto players = read_players(folder.write("users.json", users_json({.users = 2})).string());
  ASSERT_TRUE(players);
  ASSERT_EQ(players->size(), 2U);
  EXPECT_EQ((*players)[1].id, "user-000002");
  EXPECT_EQ((*players)[1].name_space, "test");
}

TEST(ReadPlayers, names_file_entry_and_way_out_when_it_is_not_one) {
  const TemporaryFolder folder;
  const std::pair<const char*, const char*> cases[] = {
      {"[]", "not a JSON array of players"},
      {"{", "not a JSON array of players"},
      {R"([{"id":"a","namespace":"t"},{"namespace":"t"}])", "entry 1 has no text `id`"},
      {R"([{"id":"a"}])", "entry 0 has no text `namespace`"},
  };
  for (const auto& [text, message] : cases) {
    const auto file = folder.write("users.json", text).string();
    const auto players = read_players(file);
    ASSERT_FALSE(players) << text;
    EXPECT_NE(players.error().message.find(message), std::string::npos) << players.error().message;
    EXPECT_NE(players.error().message.find(file), std::string::npos);
    EXPECT_NE(players.error().message.find("generate_users.sh"), std::string::npos);
  }
  EXPECT_EQ(read_players("/nowhere/users.json").error().kind, base::ErrorKind::not_found);
}

}  // namespace
}  // namespace gauntlet::lab
