#include "lab/fixtures/fixtures.hpp"

#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/base64.hpp"
#include "challenge/config_parser.hpp"

namespace gauntlet::lab {
namespace {

using nlohmann::json;

TEST(Fixtures, users_are_numbered_in_order) {
  const json users = json::parse(users_json({.users = 3}));
  EXPECT_EQ(users, json::parse(R"([{"id":"user-000001","namespace":"test"},{"id":"user-000002","namespace":"test"},
                                   {"id":"user-000003","namespace":"test"}])"));
}

TEST(Fixtures, ten_thousand_users_are_the_default) {
  EXPECT_EQ(json::parse(users_json({})).size(), 10'000U);
  EXPECT_EQ(json::parse(mock_tokens_json({})).size(), 10'000U);
}

TEST(Fixtures, mock_tokens_are_unsigned_jwts_that_name_the_user) {
  const json tokens = json::parse(mock_tokens_json({.users = 2, .name_space = "game"}));
  const std::string token = tokens[1];
  const auto first_dot = token.find('.');
  const auto second_dot = token.find('.', first_dot + 1);
  EXPECT_EQ(token.substr(second_dot), ".") << "an unsigned token ends with an empty signature";
  EXPECT_EQ(json::parse(base::decode_base64(token.substr(0, first_dot), base::kBase64Url).value())["alg"], "none");
  const json claims = json::parse(base::decode_base64(token.substr(first_dot + 1, second_dot - first_dot - 1), base::kBase64Url).value());
  EXPECT_EQ(claims["sub"], "user-000002");
  EXPECT_EQ(claims["namespace"], "game");
}

TEST(Fixtures, a_real_token_is_repeated_for_every_user) {
  EXPECT_EQ(json::parse(repeated_token_json({.users = 3}, "abc")), json::parse(R"(["abc","abc","abc"])"));
}

TEST(Fixtures, challenges_load_by_the_services_rules) {
  const auto config = challenge::parse_config(challenges_json({}));
  ASSERT_TRUE(config) << challenge::describe(config.error());
  EXPECT_EQ(config->challenges().size(), 10U);
  EXPECT_EQ(config->goals().size(), 500U);
  EXPECT_NE(config->find_goal("challenge-010", "challenge-010-goal-50"), nullptr);
}

TEST(Fixtures, the_first_goal_of_each_challenge_is_given_at_once_and_all_statistics_occur_in_them) {
  const auto config = challenge::parse_config(challenges_json({}));
  ASSERT_TRUE(config);
  std::map<std::string, int> stats;
  ASSERT_EQ(config->default_goals().size(), 10U);
  for (const auto index : config->default_goals()) {
    EXPECT_EQ(index, config->challenge_of(config->goal(index)).first_goal);
    ++stats[config->goal(index).requirement.stat_code];
  }
  EXPECT_EQ(stats,
            (std::map<std::string, int>{{"login_count", 2}, {"enemy_kills", 2}, {"games_played", 2}, {"headshots", 2}, {"wins", 2}}));
}

TEST(Fixtures, more_active_goals_are_spread_over_the_challenges) {
  const auto config = challenge::parse_config(challenges_json({.challenges = 4, .goals_per_challenge = 5, .active_goals = 6}));
  ASSERT_TRUE(config);
  std::map<std::string, int> per_challenge;
  for (const auto index : config->default_goals()) ++per_challenge[config->challenge_of(config->goal(index)).id];
  EXPECT_EQ(per_challenge,
            (std::map<std::string, int>{{"challenge-001", 2}, {"challenge-002", 2}, {"challenge-003", 1}, {"challenge-004", 1}}));
}

TEST(Fixtures, targets_of_a_statistic_rise_within_a_challenge) {
  const auto config = challenge::parse_config(challenges_json({}));
  ASSERT_TRUE(config);
  for (const auto& challenge : config->challenges()) {
    std::map<std::string, int> last;
    for (const auto& goal : config->goals_of(challenge)) {
      EXPECT_GT(goal.requirement.target_value, last[goal.requirement.stat_code]) << goal.id;
      last[goal.requirement.stat_code] = goal.requirement.target_value;
    }
  }
}

TEST(Fixtures, both_kinds_of_reward_and_of_event_occur) {
  const auto config = challenge::parse_config(challenges_json({}));
  ASSERT_TRUE(config);
  std::set<std::pair<challenge::RewardType, challenge::EventSource>> seen;
  for (const auto& goal : config->goals()) seen.emplace(goal.reward.type, goal.source);
  EXPECT_EQ(seen.size(), 4U);
}

TEST(Fixtures, equal_seeds_give_equal_bytes_and_others_do_not) {
  EXPECT_EQ(challenges_json({.seed = 7}), challenges_json({.seed = 7}));
  EXPECT_NE(challenges_json({.seed = 7}), challenges_json({.seed = 8}));
  EXPECT_EQ(mock_tokens_json({.users = 9, .seed = 7}), mock_tokens_json({.users = 9, .seed = 7}));
  EXPECT_NE(mock_tokens_json({.users = 9, .seed = 7}), mock_tokens_json({.users = 9, .seed = 8}));
}

TEST(Fixtures, numbers_out_of_range_are_named_with_their_range) {
  const std::pair<FixtureSize, const char*> cases[] = {
      {{.users = 0}, "--users 0: must be 1 to 999999"},
      {{.challenges = -1}, "--challenges -1: must be 1 to 999"},
      {{.goals_per_challenge = 10'000}, "--goals 10000: must be 1 to 9999"},
      {{.challenges = 2, .goals_per_challenge = 3, .active_goals = 7}, "--active 7: must be 0 to 6"},
  };
  for (const auto& [size, message] : cases) {
    const auto checked = check(size);
    ASSERT_FALSE(checked);
    EXPECT_EQ(checked.error().message, message);
  }
  EXPECT_FALSE(check({.name_space = "a\"b"}));
  EXPECT_TRUE(check({}));
}

}  // namespace
}  // namespace gauntlet::lab
