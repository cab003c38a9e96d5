#include "challenge/config_parser.hpp"

#include <gmock/gmock.h>

#include <algorithm>

namespace gauntlet::challenge {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kNewest = R"({"challenges":[{"challengeId":"c","name":"C","description":"d","goals":[
  {"goalId":"g","name":"G","description":"","eventSource":"statistic","defaultAssigned":true,
   "requirement":{"statCode":"kills","operator":">=","targetValue":5,"progressMode":"relative"},
   "reward":{"type":"ITEM","rewardId":"sword","quantity":2},"prerequisites":["h"],
   "rotation":{"enabled":true,"type":"global","schedule":"weekly","onExpiry":{"resetProgress":true,"allowReselection":true}}},
  {"goalId":"h","name":"H","description":"","eventSource":"login",
   "requirement":{"statCode":"logins","operator":">=","targetValue":1},"reward":{"type":"WALLET","rewardId":"GEMS","quantity":1},
   "rotation":{"enabled":false,"schedule":"hourly"}}]}]})";

constexpr const char* kSnakeCase = R"({"challenges":[{"id":"c","name":"C","goals":[
  {"id":"g","name":"G","event_source":"statistic","default_assigned":true,"type":"increment","daily":true,
   "requirement":{"stat_code":"kills","operator":">=","target_value":5},
   "reward":{"type":"ITEM","reward_id":"sword","quantity":2},"prerequisites":[]},
  {"id":"h","name":"H","eventSource":"login","type":"daily",
   "requirement":{"statCode":"logins","operator":">=","targetValue":1},"reward":{"type":"WALLET","rewardId":"GEMS","quantity":1}}]}]})";

TEST(ConfigParser, reads_the_newest_generation) {
  const auto config = parse_config(kNewest);
  ASSERT_TRUE(config) << describe(config.error());
  ASSERT_EQ(config->goals().size(), 2u);
  const Goal& g = *config->find_goal("c", "g");
  EXPECT_EQ(g.rule, ProgressRule::relative);
  EXPECT_EQ(g.requirement.target_value, 5);
  EXPECT_EQ(g.reward.type, RewardType::item);
  EXPECT_EQ(g.reward.id, "sword");
  ASSERT_TRUE(g.rotation);
  EXPECT_EQ(g.rotation->schedule, Schedule::weekly);
  EXPECT_TRUE(g.rotation->reset_progress && g.rotation->allow_reselection);
  EXPECT_THAT(g.prerequisites, ElementsAre(1u));
  const Goal& h = *config->find_goal("h");
  EXPECT_THAT(h.dependents, ElementsAre(0u));
  EXPECT_EQ(h.rule, ProgressRule::absolute);
  EXPECT_FALSE(h.rotation) << "a rotation that is not enabled is none";
}

TEST(ConfigParser, reads_snake_case_and_mixed_generations) {
  const auto config = parse_config(kSnakeCase);
  ASSERT_TRUE(config) << describe(config.error());
  EXPECT_EQ(config->goal(0).rule, ProgressRule::increment_daily);
  EXPECT_EQ(config->goal(0).reward.id, "sword");
  EXPECT_EQ(config->goal(1).rule, ProgressRule::daily);
  EXPECT_EQ(config->goal(1).source, EventSource::login);
}

TEST(ConfigParser, indexes_goals_by_default_and_by_id) {
  const auto config = parse_config(kSnakeCase);
  ASSERT_TRUE(config);
  EXPECT_THAT(config->default_goals(), ElementsAre(0u));
  EXPECT_EQ(config->find_goal("other", "g"), nullptr);
  EXPECT_EQ(config->find_challenge("nope"), nullptr);
}

TEST(ConfigParser, keeps_its_views_when_the_config_moves) {
  auto parsed = parse_config(kSnakeCase);
  ASSERT_TRUE(parsed);
  const Config moved = std::move(*parsed);
  EXPECT_EQ(moved.find_goal("g"), &moved.goal(0));
}

/// kNewest with one text replaced, so that each case shows exactly what is wrong.
std::string with(std::string_view from, std::string_view to) {
  std::string text = kNewest;
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

struct BadCase {
  std::string json;
  const char* path;
  const char* message;
};

TEST(ConfigParser, names_path_and_value_of_each_problem) {
  const std::string goal = "challenges[0].goals[0]";
  const BadCase cases[] = {
      {"[]", "(the file)", "must be an object with a list \"challenges\", is []"},
      {"{}", "challenges", "is missing"},
      {R"({"challenges":[]})", "challenges", "must name at least one challenge"},
      {R"({"challenges":{}})", "challenges", "must be a list, is {}"},
      {R"({"challenges":[7]})", "challenges[0]", "must be an object, is 7"},
      {R"({"challenges":[{"id":"c","name":"C","goals":[]}]})", "challenges[0].goals", "must name at least one goal"},
      {with(R"("challengeId":"c")", R"("challengeId":"")"), "challenges[0].challengeId", "must not be empty"},
      {with(R"("challengeId":"c")", R"("challengeId":"c","id":"d")"), "challenges[0].id", "is \"d\" but challengeId says \"c\""},
      {with(R"("name":"C")", R"("name":9)"), "challenges[0].name", "must be a text, is 9"},
      {with(R"("goalId":"g",)", ""), "challenges[0].goals[0].goalId", "is missing"},
      {with(R"("goalId":"g")", R"("goalId":")" + std::string(101, 'x') + '"'), "challenges[0].goals[0].goalId", "with 101"},
      {with(R"("goalId":"g")", R"("goalId":"h")"), "challenges[0].goals[1]", "repeats the id \"h\" of goal challenges[0].goals[0]"},
      {with(R"("goalId":"g")", R"("goalId":"g\u0000h")"), "challenges[0].goals[0].goalId", "without the character NUL"},
      {with(R"("GEMS")", R"("..")"), "challenges[0].goals[1].reward.rewardId", "must not be \"..\""},
      {with(R"("name":"G")", R"("name":"")"), "challenges[0].goals[0].name", "must not be empty"},
      {with(R"("eventSource":"statistic")", R"("eventSource":"stat")"), "challenges[0].goals[0].eventSource",
       "must be one of statistic, login, is \"stat\""},
      {with(R"("eventSource":"statistic",)", ""), "challenges[0].goals[0].eventSource", "is missing"},
      {with(R"("defaultAssigned":true)", R"("defaultAssigned":"yes")"), "challenges[0].goals[0].defaultAssigned",
       "must be true or false, is \"yes\""},
      {with(R"("defaultAssigned":true)", R"("type":"weekly")"), "challenges[0].goals[0].type",
       "must be one of absolute, increment, daily, is \"weekly\""},
      {with(R"("defaultAssigned":true)", R"("type":"absolute","daily":true)"), "challenges[0].goals[0].daily",
       "needs type increment, type is \"absolute\""},
      {with(R"("statCode":"kills")", R"("statCode":"")"), "challenges[0].goals[0].requirement.statCode", "must not be empty"},
      {with(R"("operator":">=")", R"("operator":"<")"), "challenges[0].goals[0].requirement.operator", "must be >=, is \"<\""},
      {with(R"("targetValue":5)", R"("targetValue":0)"), "challenges[0].goals[0].requirement.targetValue",
       "must be a whole number from 1 to 2147483647, is 0"},
      {with(R"("targetValue":5)", R"("targetValue":2147483648)"), "challenges[0].goals[0].requirement.targetValue", "is 2147483648"},
      {with(R"("targetValue":5)", R"("targetValue":99999999999999999999)"), "challenges[0].goals[0].requirement.targetValue", "from 1 to"},
      {with(R"("targetValue":5)", R"("targetValue":18446744073709551615)"), "challenges[0].goals[0].requirement.targetValue", "from 1 to"},
      {with(R"("targetValue":5)", R"("targetValue":1.5)"), "challenges[0].goals[0].requirement.targetValue", "is 1.5"},
      {with(R"("progressMode":"relative")", R"("progressMode":"delta")"), "challenges[0].goals[0].requirement.progressMode",
       "must be one of absolute, relative, is \"delta\""},
      {with(R"("type":"ITEM")", R"("type":"GOLD")"), "challenges[0].goals[0].reward.type", "must be one of ITEM, WALLET, is \"GOLD\""},
      {with(R"("rewardId":"sword")", R"("rewardId":"")"), "challenges[0].goals[0].reward.rewardId", "must not be empty"},
      {with(R"("quantity":2)", R"("quantity":-2)"), "challenges[0].goals[0].reward.quantity", "is -2"},
      {with(R"("prerequisites":["h"])", R"("prerequisites":["nope"])"), "challenges[0].goals[0].prerequisites[0]",
       "must be the id of a goal in this file, is \"nope\""},
      {with(R"("prerequisites":["h"])", R"("prerequisites":[3])"), "challenges[0].goals[0].prerequisites[0]", "must be a goal's id, is 3"},
      {with(R"("prerequisites":["h"])", R"("prerequisites":["g"])"), "challenges[0].goals[0].prerequisites", "g -> g"},
      {with(R"("schedule":"weekly")", R"("schedule":"yearly")"), "challenges[0].goals[0].rotation.schedule",
       "must be one of daily, weekly, monthly, is \"yearly\""},
      {with(R"("progressMode":"relative")", R"("progressMode":"absolute")"), "challenges[0].goals[0].rotation", "the goal is absolute"},
      {with(R"(,"progressMode":"relative")", ""), "challenges[0].goals[0].rotation", "\"progressMode\": \"relative\""},
      {with(R"("type":"global")", R"("type":"local")"), "challenges[0].goals[0].rotation.type", "must be global, is \"local\""},
      {with(R"("reward":{"type":"ITEM","rewardId":"sword","quantity":2},)", ""), "challenges[0].goals[0].reward", "is missing"},
  };
  for (const BadCase& c : cases) {
    const auto config = parse_config(c.json);
    ASSERT_FALSE(config) << c.path << " " << c.message;
    EXPECT_EQ(config.error().size(), 1u) << describe(config.error());
    EXPECT_EQ(config.error()[0].path, c.path);
    EXPECT_THAT(config.error()[0].message, HasSubstr(c.message));
  }
}

TEST(ConfigParser, reports_every_problem_at_once) {
  std::string json = with(R"("targetValue":5)", R"("targetValue":-1)");
  json.replace(json.find(R"("GEMS")"), 6, R"("")");
  const auto config = parse_config(json);
  ASSERT_FALSE(config);
  EXPECT_EQ(describe(config.error()),
            "challenges[0].goals[0].requirement.targetValue: must be a whole number from 1 to 2147483647, is -1\n"
            "challenges[0].goals[1].reward.rewardId: must not be empty, is \"\"");
}

TEST(ConfigParser, shows_the_whole_cycle_of_prerequisites_once) {
  std::string goals;
  for (const auto& [id, needs] : {std::pair{"a", "b"}, {"b", "c"}, {"c", "a"}, {"d", "a"}}) {
    goals += std::string(goals.empty() ? "" : ",") + R"({"id":")" + id + R"(","name":"n","eventSource":"login","prerequisites":[")" +
             needs +
             R"("],"requirement":{"statCode":"s","operator":">=","targetValue":1},"reward":{"type":"ITEM","rewardId":"i","quantity":1}})";
  }
  const auto config = parse_config(R"({"challenges":[{"id":"x","name":"X","goals":[)" + goals + "]}]}");
  ASSERT_FALSE(config);
  EXPECT_EQ(describe(config.error()), "challenges[0].goals[0].prerequisites: must not lead back to the goal itself: a -> b -> c -> a");
}

TEST(ConfigParser, tells_where_the_json_breaks) {
  const auto config = parse_config("{\n  \"challenges\": [\n    {,}\n  ]\n}");
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error()[0].path, "line 3, column 6");
  EXPECT_THAT(config.error()[0].message, HasSubstr("is not JSON: syntax error"));
  EXPECT_EQ(parse_config("").error()[0].path, "line 1, column 1");
  EXPECT_FALSE(parse_config("{\"challenges\":\"\xff\"}"));
  EXPECT_EQ(describe(parse_config(with("", "") + '\0' + "behind it").error()), "the text: has a byte NUL");
  EXPECT_THAT(describe(parse_config("{\"challenges\": [1e999]}").error()), HasSubstr("a number: is too large: "));
}

}  // namespace
}  // namespace gauntlet::challenge
