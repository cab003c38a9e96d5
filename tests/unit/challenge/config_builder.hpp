#pragma once
// Goals and configs for tests, with only what a test cares about spelled out.
#include <string>
#include <vector>

#include "challenge/config.hpp"

namespace gauntlet::challenge {

inline Goal make_goal(std::string id, ProgressRule rule = ProgressRule::absolute, std::int32_t target = 10) {
  Goal goal;
  goal.id = id;
  goal.name = "Name of " + id;
  goal.description = "Description of " + id;
  goal.rule = rule;
  goal.requirement = {"kills", ">=", target};
  goal.reward = {RewardType::wallet, "GEMS", 5};
  return goal;
}

inline Goal make_rotating_goal(std::string id, Rotation rotation, ProgressRule rule = ProgressRule::absolute, std::int32_t target = 10) {
  Goal goal = make_goal(std::move(id), rule, target);
  goal.rotation = rotation;
  return goal;
}

/// One challenge for each list of goals: "c0", "c1", ...; sets the positions.
inline Config make_config(std::vector<std::vector<Goal>> goals_by_challenge) {
  std::vector<Challenge> challenges;
  std::vector<Goal> goals;
  for (auto& list : goals_by_challenge) {
    Challenge challenge;
    challenge.index = static_cast<ChallengeIndex>(challenges.size());
    challenge.id = "c" + std::to_string(challenge.index);
    challenge.name = "Challenge " + challenge.id;
    challenge.first_goal = static_cast<GoalIndex>(goals.size());
    challenge.goal_count = static_cast<std::uint32_t>(list.size());
    for (Goal& goal : list) {
      goal.index = static_cast<GoalIndex>(goals.size());
      goal.challenge = challenge.index;
      goals.push_back(std::move(goal));
    }
    challenges.push_back(std::move(challenge));
  }
  return Config(std::move(challenges), std::move(goals));
}

/// at("2026-11-23T14:22:34Z")
inline Instant at(const char* text) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  std::sscanf(text, "%d-%d-%dT%d:%d:%d", &year, &month, &day, &hour, &minute, &second);
  return std::chrono::sys_days(std::chrono::year(year) / month / day) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
         std::chrono::seconds(second);
}

inline const Instant kNow = at("2026-11-25T12:00:00Z");  // a Wednesday

}  // namespace gauntlet::challenge
