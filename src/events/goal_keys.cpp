#include "events/goal_keys.hpp"

#include "challenge/progress.hpp"

namespace gauntlet::events {
namespace {

Effect effect_of(const challenge::Goal& goal) {
  const bool login = goal.source == challenge::EventSource::login;
  switch (goal.rule) {
    case challenge::ProgressRule::absolute: return login ? Effect::count : Effect::take_value;
    case challenge::ProgressRule::increment: return Effect::count;
    case challenge::ProgressRule::increment_daily: return Effect::count_daily;
    case challenge::ProgressRule::daily: return Effect::complete;
    case challenge::ProgressRule::relative: break;
  }
  return login ? Effect::count_relative : Effect::take_value_relative;
}

std::int32_t number_of(challenge::Schedule schedule) {
  switch (schedule) {
    case challenge::Schedule::daily: return 1;
    case challenge::Schedule::weekly: return 2;
    case challenge::Schedule::monthly: break;
  }
  return 3;
}

}  // namespace

GoalKeys::GoalKeys(const challenge::Config& config) : counts_(1, false), takes_value_(1, false) {
  for (const challenge::Goal& goal : config.goals()) {
    GoalKey key = kLoginKey;
    if (goal.source == challenge::EventSource::statistic) {
      key = key_by_stat_.try_emplace(goal.requirement.stat_code, static_cast<GoalKey>(key_by_stat_.size()) + 1).first->second;
      if (counts_.size() <= static_cast<std::size_t>(key)) {
        counts_.push_back(false);
        takes_value_.push_back(false);
      }
    } else {
      listens_to_logins_ = true;
    }
    const Effect effect = effect_of(goal);
    if (effect == Effect::count || effect == Effect::count_relative) counts_[static_cast<std::size_t>(key)] = true;
    if (effect == Effect::take_value || effect == Effect::take_value_relative) takes_value_[static_cast<std::size_t>(key)] = true;
    const challenge::Rotation* const restart = challenge::restart_of(goal);
    const std::int32_t schedule = goal.rotation ? number_of(goal.rotation->schedule) : 0;
    rows_.push_back({.goal_id = goal.id,
                     .challenge_id = config.challenge_of(goal).id,
                     .key = key,
                     .effect = effect,
                     .target = goal.requirement.target_value,
                     .reset_schedule = restart != nullptr ? number_of(restart->schedule) : 0,
                     .reselect = restart != nullptr && restart->allow_reselection,
                     .schedule = schedule});
  }
}

std::optional<GoalKey> GoalKeys::of_stat(std::string_view stat_code) const {
  const auto found = key_by_stat_.find(stat_code);
  if (found == key_by_stat_.end()) return std::nullopt;
  return found->second;
}

}  // namespace gauntlet::events
