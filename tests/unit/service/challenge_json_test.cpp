// The spliced responses against a slow and obvious rendering of the same data.
#include "service/challenge_json.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <zstd.h>

#include <atomic>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/gzip.hpp"
#include "base/rfc3339.hpp"
#include "service.pb.h"
#include "service/catalog.hpp"
#include "service/messages.hpp"
#include "service/proto_json.hpp"
#include "unit/challenge/config_builder.hpp"

namespace gauntlet::service {
namespace {

using base::http::Coding;
using challenge::Config;
using challenge::Goal;
using challenge::GoalIndex;
using challenge::Instant;
using challenge::PlayerRow;
using challenge::ProgressRule;
using challenge::Rotation;
using challenge::Row;
using challenge::Schedule;
using challenge::Status;
using Json = nlohmann::ordered_json;

const Instant kNow = challenge::at("2028-02-29T12:00:00Z");

std::string time_text(const std::optional<Instant>& instant) { return instant ? base::format_rfc3339(*instant) : ""; }

Json obvious_goal(const Config& config, const Goal& goal, const std::map<GoalIndex, Row>& rows, Instant now) {
  const auto find = [&](GoalIndex index) { return rows.count(index) ? &rows.at(index) : nullptr; };
  const challenge::Display shown = display(goal, find(goal.index), now);
  bool locked = false;
  Json prerequisites = Json::array();
  for (const GoalIndex index : goal.prerequisites) {
    prerequisites.push_back(config.goal(index).id);
    const auto status = display(config.goal(index), find(index), now).status;
    locked = locked || (status != Status::completed && status != Status::claimed);
  }
  const auto end = expires_at(goal, now);
  return Json{
      {"goalId", goal.id},
      {"name", goal.name},
      {"description", goal.description},
      {"requirement", {{"statCode", goal.requirement.stat_code}, {"operator", ">="}, {"targetValue", goal.requirement.target_value}}},
      {"reward", {{"type", to_string(goal.reward.type)}, {"rewardId", goal.reward.id}, {"quantity", goal.reward.quantity}}},
      {"prerequisites", prerequisites},
      {"progress", shown.progress},
      {"status", to_string(shown.status)},
      {"locked", locked},
      {"completedAt", time_text(shown.completed_at)},
      {"claimedAt", time_text(shown.claimed_at)},
      {"isActive", shown.is_active},
      {"expiresAt", time_text(end)},
      {"expiresInSeconds", end ? challenge::seconds_until(*end, now) : 0}};
}

Json obvious_list(const Config& config, const std::map<GoalIndex, Row>& rows, bool active_only, Instant now) {
  Json challenges = Json::array();
  for (const challenge::Challenge& challenge : config.challenges()) {
    Json goals = Json::array();
    for (const Goal& goal : config.goals_of(challenge)) {
      const bool active = rows.count(goal.index) && rows.at(goal.index).is_active;
      if (!active_only || active) goals.push_back(obvious_goal(config, goal, rows, now));
    }
    challenges.push_back(
        {{"challengeId", challenge.id}, {"name", challenge.name}, {"description", challenge.description}, {"goals", goals}});
  }
  return {{"challenges", challenges}};
}

/// Goals with and without rotation, prerequisites in any earlier goal, names that need escaping.
Config any_config() {
  std::vector<std::vector<Goal>> challenges;
  GoalIndex count = 0;
  for (int c = *rc::gen::inRange(1, 4); c > 0; --c) {
    std::vector<Goal>& goals = challenges.emplace_back();
    for (int g = *rc::gen::inRange(1, 6); g > 0; --g) {
      Goal goal = challenge::make_goal("goal-" + std::to_string(count), *rc::gen::element(ProgressRule::absolute, ProgressRule::relative));
      goal.name = *rc::gen::element<std::string>("Plain", "Quote \" & <tag> é", "Back\\slash / \n\x01", "雪✓");
      if (*rc::gen::inRange(0, 3) == 0) {
        goal.rotation = Rotation{*rc::gen::element(Schedule::daily, Schedule::weekly, Schedule::monthly), *rc::gen::arbitrary<bool>(),
                                 *rc::gen::arbitrary<bool>()};
      }
      if (count > 0 && *rc::gen::inRange(0, 3) == 0) goal.prerequisites.push_back(*rc::gen::inRange<GoalIndex>(0, count));
      goals.push_back(std::move(goal));
      ++count;
    }
  }
  return challenge::make_config(std::move(challenges));
}

Row any_row() {
  Row row;
  row.progress = *rc::gen::element(0, 1, 9, 10, 2147483647);
  row.status = *rc::gen::element(Status::not_started, Status::in_progress, Status::completed, Status::claimed);
  row.is_active = *rc::gen::arbitrary<bool>();
  row.updated_at = kNow - std::chrono::hours(*rc::gen::element(0, 1, 13, 24 * 8, 24 * 40));
  if (row.status == Status::completed || row.status == Status::claimed) row.completed_at = row.updated_at;
  if (row.status == Status::claimed) row.claimed_at = row.updated_at;
  if (*rc::gen::arbitrary<bool>()) row.baseline_value = *rc::gen::element(-1, 0, 5, 2147483647);
  return row;
}

std::map<GoalIndex, Row> any_rows(const Config& config) {
  std::map<GoalIndex, Row> rows;
  for (const Goal& goal : config.goals()) {
    if (*rc::gen::arbitrary<bool>()) rows.emplace(goal.index, any_row());
  }
  return rows;
}

std::vector<PlayerRow> as_player_rows(const std::map<GoalIndex, Row>& rows) {
  std::vector<PlayerRow> player_rows;
  for (const auto& [goal, row] : rows) player_rows.push_back({goal, row});
  return player_rows;
}

RC_GTEST_PROP(ChallengeJson, equals_an_obvious_rendering_byte_for_byte, ()) {
  const Config config = any_config();
  const auto rows = any_rows(config);
  const auto player_rows = as_player_rows(rows);
  const ChallengeJson json(config);
  RC_ASSERT(json.all(config, player_rows, kNow).text() == obvious_list(config, rows, false, kNow).dump());
  RC_ASSERT(json.active(config, player_rows, kNow).text() == obvious_list(config, rows, true, kNow).dump());
  for (const challenge::Challenge& challenge : config.challenges()) {
    RC_ASSERT(json.one(config, challenge, player_rows, kNow).text() ==
              obvious_list(config, rows, false, kNow)["challenges"][challenge.index].dump());
  }
}

RC_GTEST_PROP(ChallengeJson, says_what_grpc_says, ()) {
  const auto catalog = std::make_shared<const Catalog>(any_config(), 1);
  const PlayerChallenges view{catalog, as_player_rows(any_rows(catalog->config)), kNow};
  for (const bool active_only : {false, true}) {
    ::service::GetChallengesResponse message;
    fill(message, view, active_only);
    const auto body =
        active_only ? catalog->json.active(catalog->config, view.rows, kNow) : catalog->json.all(catalog->config, view.rows, kNow);
    RC_ASSERT(body.text() == to_json(message));
  }
}

std::string decoded(const base::http::Body& body, Coding coding, std::size_t size) {
  const std::string bytes = body.text();
  std::string text;
  // Its checksum and length are checked, and nothing may follow it.
  if (coding == Coding::gzip)
    return base::Inflater(base::ZlibFormat::gzip).read(bytes, size, text) == base::Inflated::ok ? text : "not one whole member";
  text.resize(size + 1);
  const std::size_t length = ZSTD_decompress(text.data(), text.size(), bytes.data(), bytes.size());
  if (ZSTD_isError(length) != 0) return ZSTD_getErrorName(length);
  text.resize(length);
  return text;
}

/// Several hundred goals, with a row for every twentieth or so.
Config large_config() {
  std::vector<std::vector<Goal>> challenges;
  GoalIndex count = 0;
  for (int c = *rc::gen::inRange(1, 5); c > 0; --c) {
    std::vector<Goal>& goals = challenges.emplace_back();
    for (int g = *rc::gen::inRange(1, 300); g > 0; --g) goals.push_back(challenge::make_goal("goal-" + std::to_string(count++)));
  }
  return challenge::make_config(std::move(challenges));
}

RC_GTEST_PROP(ChallengeJson, compressed_is_the_same_text_as_plain, ()) {
  const Config config = *rc::gen::arbitrary<bool>() ? large_config() : any_config();
  std::map<GoalIndex, Row> rows;
  for (std::size_t i = 0; i < config.goals().size() / 20 + 1; ++i)
    rows.emplace(*rc::gen::inRange<GoalIndex>(0, static_cast<GoalIndex>(config.goals().size())), any_row());
  const auto player_rows = as_player_rows(rows);
  const ChallengeJson json(config);
  if (*rc::gen::inRange(0, 4) != 0) json.compress_ahead(config);
  for (const Coding coding : {Coding::gzip, Coding::zstd}) {
    const std::string all = json.all(config, player_rows, kNow).text();
    RC_ASSERT(decoded(json.all(config, player_rows, kNow, coding), coding, all.size()) == all);
    const std::string active = json.active(config, player_rows, kNow).text();
    RC_ASSERT(decoded(json.active(config, player_rows, kNow, coding), coding, active.size()) == active);
    for (const challenge::Challenge& challenge : config.challenges()) {
      const std::string one = json.one(config, challenge, player_rows, kNow).text();
      RC_ASSERT(decoded(json.one(config, challenge, player_rows, kNow, coding), coding, one.size()) == one);
    }
  }
}

TEST(ChallengeJson, compressed_is_an_eighth_and_its_pieces_grow_with_the_logarithm_of_the_goals) {
  std::size_t pieces = 0;
  for (const int goal_count : {500, 5000}) {
    std::vector<Goal> goals;
    for (int i = 0; i < goal_count; ++i) goals.push_back(challenge::make_goal("goal-" + std::to_string(i)));
    const Config config = challenge::make_config({std::move(goals)});
    const ChallengeJson json(config);
    json.compress_ahead(config);
    std::vector<PlayerRow> rows;
    for (GoalIndex goal = 0; goal < 500; goal += 50) rows.push_back({goal, new_row(config.goal(goal), true, kNow)});
    const auto packed = json.all(config, rows, kNow, Coding::gzip);
    EXPECT_LT(packed.size() * 8, json.all(config, rows, kNow).size());
    if (pieces != 0) {
      EXPECT_LT(packed.piece_count(), pieces + 14) << "ten times the goals";
    }
    pieces = packed.piece_count();
  }
}

TEST(ChallengeJson, is_read_compressed_while_it_is_being_compressed_ahead) {
  std::vector<Goal> goals;
  for (int i = 0; i < 200; ++i) goals.push_back(challenge::make_goal("goal-" + std::to_string(i)));
  const Config config = challenge::make_config({std::move(goals)});
  const ChallengeJson json(config);
  const std::string plain = json.all(config, {}, kNow).text();
  std::atomic<bool> done = false;
  std::jthread compressing([&] {
    json.compress_ahead(config);
    done = true;
  });
  for (bool last = false; !last;) {
    last = done;
    for (const Coding coding : {Coding::gzip, Coding::zstd})
      ASSERT_EQ(decoded(json.all(config, {}, kNow, coding), coding, plain.size()), plain);
  }
}

TEST(ChallengeJson, counts_down_where_goals_rotate) {
  const auto rotating = challenge::make_rotating_goal("b", {Schedule::daily, true, true});
  const Config config =
      challenge::make_config({{challenge::make_goal("a")}, {challenge::make_goal("c"), rotating}, {challenge::make_goal("d")}});
  const ChallengeJson json(config);
  EXPECT_TRUE(json.counts_down());
  EXPECT_FALSE(json.counts_down(config.challenges()[0]));
  EXPECT_TRUE(json.counts_down(config.challenges()[1]));
  EXPECT_FALSE(json.counts_down(config.challenges()[2]));
}

TEST(ChallengeJson, copies_only_what_the_players_rows_change) {
  std::vector<Goal> goals;
  for (int i = 0; i < 500; ++i) goals.push_back(challenge::make_goal("goal-" + std::to_string(i)));
  const Config config = challenge::make_config({std::move(goals)});
  const ChallengeJson json(config);
  EXPECT_EQ(json.all(config, {}, kNow).piece_count(), 1u) << "no rows: the whole text in one piece";
  std::vector<PlayerRow> rows;
  for (GoalIndex goal = 0; goal < 500; goal += 50) rows.push_back({goal, new_row(config.goal(goal), true, kNow)});
  EXPECT_EQ(json.all(config, rows, kNow).piece_count(), 2 * rows.size() + 1);
}

}  // namespace
}  // namespace gauntlet::service
