#pragma once
// What challenges.json says, checked and indexed. Immutable after parse_config (config_parser.hpp): any thread may read
// it without locks, and references into it live as long as it does (moving a Config keeps them valid).
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "challenge/rotation.hpp"

namespace gauntlet::challenge {

/// Positions in Config::goals() and Config::challenges(), in the file's order. Dense, so they index arrays.
using GoalIndex = std::uint32_t;
using ChallengeIndex = std::uint32_t;

enum class EventSource { statistic, login };

/// How events move a goal's progress (contract section 5).
enum class ProgressRule {
  absolute,         // progress = the statistic's value; a login adds 1
  increment,        // each event adds 1
  increment_daily,  // the first event of a UTC day adds 1
  daily,            // the first event of a UTC day completes it, for that day
  relative,         // progress counts from the value it had when the rotation (or the assignment) began
};

enum class RewardType { item, wallet };

struct Requirement {
  std::string stat_code;
  std::string comparison = ">=";  // `operator`; the only one there is
  std::int32_t target_value = 1;
};

struct Reward {
  RewardType type = RewardType::item;
  std::string id;  // item id, or currency code of a wallet
  std::int32_t quantity = 1;
};

struct Goal {
  GoalIndex index = 0;
  ChallengeIndex challenge = 0;
  std::string id;
  std::string name;
  std::string description;
  EventSource source = EventSource::statistic;
  ProgressRule rule = ProgressRule::absolute;
  bool default_assigned = false;
  Requirement requirement;
  Reward reward;
  std::optional<Rotation> rotation;      // only when enabled; what starts progress over is progress.hpp's restart_of
  std::vector<GoalIndex> prerequisites;  // in the file's order, without duplicates; may lie in other challenges
  std::vector<GoalIndex> dependents;     // the goals that name this one as a prerequisite
};

struct Challenge {
  ChallengeIndex index = 0;
  std::string id;
  std::string name;
  std::string description;
  GoalIndex first_goal = 0;  // its goals are goals()[first_goal, first_goal + goal_count)
  std::uint32_t goal_count = 0;
};

class Config {
 public:
  /// Builds the indexes. `goals` and `challenges` must already be valid (positions, prerequisites, unique ids): this is
  /// parse_config's last step, and a test's way to a config without JSON.
  Config(std::vector<Challenge> challenges, std::vector<Goal> goals);

  std::span<const Challenge> challenges() const { return challenges_; }
  std::span<const Goal> goals() const { return goals_; }
  const Challenge& challenge(ChallengeIndex index) const { return challenges_[index]; }
  const Goal& goal(GoalIndex index) const { return goals_[index]; }
  std::span<const Goal> goals_of(const Challenge& challenge) const {
    return std::span(goals_).subspan(challenge.first_goal, challenge.goal_count);
  }
  const Challenge& challenge_of(const Goal& goal) const { return challenges_[goal.challenge]; }

  /// Null when there is none of that id. O(1).
  const Challenge* find_challenge(std::string_view id) const;
  const Goal* find_goal(std::string_view id) const;
  /// Null as well when the goal belongs to another challenge.
  const Goal* find_goal(std::string_view challenge_id, std::string_view goal_id) const;

  /// Goals that every player is given by initialize.
  std::span<const GoalIndex> default_goals() const { return default_goals_; }

 private:
  std::vector<Challenge> challenges_;
  std::vector<Goal> goals_;
  // Keys are views of the strings in challenges_ and goals_, whose places on the heap never change.
  std::unordered_map<std::string_view, ChallengeIndex> challenge_by_id_;
  std::unordered_map<std::string_view, GoalIndex> goal_by_id_;
  std::vector<GoalIndex> default_goals_;
};

std::string_view to_string(RewardType type);  // ITEM, WALLET

}  // namespace gauntlet::challenge
