#include "challenge/claim.hpp"

#include <gtest/gtest.h>

#include "unit/challenge/config_builder.hpp"

namespace gauntlet::challenge {
namespace {

using std::chrono::days;

Config claim_config() {
  Goal dependent = make_goal("d");
  dependent.prerequisites = {0};
  return make_config({{make_goal("g"), dependent, make_rotating_goal("r", {Schedule::daily, true, true})}, {make_goal("x")}});
}

Row row_with(Status status, bool active = true, Instant updated = kNow) {
  Row row;
  row.status = status;
  row.is_active = active;
  row.progress = 10;
  row.updated_at = updated;
  if (status == Status::completed || status == Status::claimed) row.completed_at = updated;
  if (status == Status::claimed) row.claimed_at = updated;
  return row;
}

std::string refusal(GoalIndex goal, std::vector<PlayerRow> rows) {
  const Config config = claim_config();
  const auto checked = check_claim(config, config.goal(goal), rows, kNow);
  return checked ? "" : std::to_string(static_cast<int>(checked.error().kind)) + " " + checked.error().message;
}

TEST(Claim, needs_a_goal_of_that_challenge) {
  const Config config = claim_config();
  EXPECT_EQ(find_claimed_goal(config, "c0", "nope").error().message,
            "Goal not found or removed from config (goal_id: nope, challenge_id: c0)");
  EXPECT_EQ(find_claimed_goal(config, "c1", "g").error().message, "Goal not found or removed from config (goal_id: g, challenge_id: c1)");
  EXPECT_EQ(find_claimed_goal(config, "c0", "g").value()->id, "g");
}

TEST(Claim, is_refused_in_the_contracts_order_and_words) {
  EXPECT_EQ(refusal(0, {}), "9 Goal not completed. Please wait 1 second and try again. (goal_id: g, status: not_started)");
  EXPECT_EQ(refusal(0, {{0, row_with(Status::claimed, false)}}),
            "9 Goal must be active to claim reward. Activate it first via PUT /v1/challenges/c0/goals/g/active (goal_id: g)");
  EXPECT_EQ(refusal(2, {{2, row_with(Status::completed, true, kNow - days(1))}}),
            "9 Goal has rotated and must be re-completed (goal_id: r, challenge_id: c0)");
  EXPECT_EQ(refusal(2, {{2, row_with(Status::claimed, true, kNow - days(1))}}),
            "9 Goal has rotated and must be re-completed (goal_id: r, challenge_id: c0)");
  EXPECT_EQ(refusal(0, {{0, row_with(Status::claimed)}}),
            "6 Reward has already been claimed (goal_id: g, claimed_at: 2026-11-25T12:00:00Z)");
  EXPECT_EQ(refusal(0, {{0, row_with(Status::in_progress)}}),
            "9 Goal not completed. Please wait 1 second and try again. (goal_id: g, status: in_progress)");
  EXPECT_EQ(refusal(2, {{2, row_with(Status::in_progress, true, kNow - days(1))}}),
            "9 Goal not completed. Please wait 1 second and try again. (goal_id: r, status: not_started)");
  EXPECT_EQ(refusal(1, {{0, row_with(Status::in_progress)}, {1, row_with(Status::completed)}}),
            "9 Prerequisites not completed (goal_id: d)");
}

TEST(Claim, is_allowed_once_completed_with_its_prerequisites) {
  EXPECT_EQ(refusal(0, {{0, row_with(Status::completed)}}), "");
  EXPECT_EQ(refusal(1, {{0, row_with(Status::claimed)}, {1, row_with(Status::completed)}}), "");
}

}  // namespace
}  // namespace gauntlet::challenge
