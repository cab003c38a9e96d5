#include "challenge/config.hpp"

namespace gauntlet::challenge {

Config::Config(std::vector<Challenge> challenges, std::vector<Goal> goals) : challenges_(std::move(challenges)), goals_(std::move(goals)) {
  for (const Challenge& challenge : challenges_) challenge_by_id_.emplace(challenge.id, challenge.index);
  for (Goal& goal : goals_) {
    goal_by_id_.emplace(goal.id, goal.index);
    if (goal.default_assigned) default_goals_.push_back(goal.index);
    for (const GoalIndex prerequisite : goal.prerequisites) goals_[prerequisite].dependents.push_back(goal.index);
  }
}

const Challenge* Config::find_challenge(std::string_view id) const {
  const auto found = challenge_by_id_.find(id);
  return found == challenge_by_id_.end() ? nullptr : &challenges_[found->second];
}

const Goal* Config::find_goal(std::string_view id) const {
  const auto found = goal_by_id_.find(id);
  return found == goal_by_id_.end() ? nullptr : &goals_[found->second];
}

const Goal* Config::find_goal(std::string_view challenge_id, std::string_view goal_id) const {
  const Goal* goal = find_goal(goal_id);
  return goal != nullptr && challenge_of(*goal).id == challenge_id ? goal : nullptr;
}

std::string_view to_string(RewardType type) { return type == RewardType::item ? "ITEM" : "WALLET"; }

}  // namespace gauntlet::challenge
