#include "service/messages.hpp"

#include "base/rfc3339.hpp"
#include "service.pb.h"

namespace gauntlet::service {
namespace {

using challenge::Challenge;
using challenge::Config;
using challenge::Display;
using challenge::Goal;
using challenge::Instant;
using challenge::PlayerRow;

std::string time_text(const std::optional<Instant>& instant) { return instant ? base::format_rfc3339(*instant) : std::string(); }

std::string status_text(challenge::Status status) { return std::string(to_string(status)); }

void fill(::service::Requirement& message, const challenge::Requirement& requirement) {
  message.set_stat_code(requirement.stat_code);
  message.set_operator_(requirement.comparison);
  message.set_target_value(requirement.target_value);
}

void fill(::service::Reward& message, const challenge::Reward& reward) {
  message.set_type(std::string(to_string(reward.type)));
  message.set_reward_id(reward.id);
  message.set_quantity(reward.quantity);
}

void fill(::service::Goal& message, const PlayerChallenges& view, const Goal& goal) {
  const Config& config = view.catalog->config;
  message.set_goal_id(goal.id);
  message.set_name(goal.name);
  message.set_description(goal.description);
  fill(*message.mutable_requirement(), goal.requirement);
  fill(*message.mutable_reward(), goal.reward);
  for (const challenge::GoalIndex prerequisite : goal.prerequisites) message.add_prerequisites(config.goal(prerequisite).id);
  const Display shown = display(goal, challenge::find_row(view.rows, goal.index), view.now);
  message.set_progress(shown.progress);
  message.set_status(status_text(shown.status));
  message.set_locked(is_locked(config, goal, view.rows, view.now));
  message.set_completed_at(time_text(shown.completed_at));
  message.set_claimed_at(time_text(shown.claimed_at));
  message.set_is_active(shown.is_active);
  if (const auto end = expires_at(goal, view.now)) {
    message.set_expires_at(time_text(end));
    message.set_expires_in_seconds(challenge::seconds_until(*end, view.now));
  }
}

void fill_head(::service::Challenge& message, const Challenge& challenge) {
  message.set_challenge_id(challenge.id);
  message.set_name(challenge.name);
  message.set_description(challenge.description);
}

void fill(::service::RotationPeriod& message, const challenge::Period& period, Instant now) {
  message.set_start_time(base::format_rfc3339(period.start));
  message.set_end_time(base::format_rfc3339(period.end));
  message.set_expires_in_seconds(challenge::seconds_until(period.end, now));
}

}  // namespace

void fill(::service::Challenge& message, const PlayerChallenges& view, const Challenge& challenge) {
  fill_head(message, challenge);
  for (const Goal& goal : view.catalog->config.goals_of(challenge)) fill(*message.add_goals(), view, goal);
}

void fill(::service::GetChallengesResponse& message, const PlayerChallenges& view, bool active_only) {
  const Config& config = view.catalog->config;
  if (!active_only) {
    for (const Challenge& challenge : config.challenges()) fill(*message.add_challenges(), view, challenge);
    return;
  }
  for (const Challenge& challenge : config.challenges()) fill_head(*message.add_challenges(), challenge);
  for (const PlayerRow& player_row : view.rows) {
    if (!player_row.row.is_active) continue;
    const Goal& goal = config.goal(player_row.goal);
    fill(*message.mutable_challenges(static_cast<int>(goal.challenge))->add_goals(), view, goal);
  }
}

void fill(::service::InitializeResponse& message, const Assignment& assignment) {
  const Config& config = assignment.catalog->config;
  for (const PlayerRow& player_row : assignment.active) {
    const Goal& goal = config.goal(player_row.goal);
    const Display shown = display(goal, &player_row.row, assignment.now);
    ::service::AssignedGoal& assigned = *message.add_assigned_goals();
    assigned.set_challenge_id(config.challenge_of(goal).id);
    assigned.set_goal_id(goal.id);
    assigned.set_name(goal.name);
    assigned.set_description(goal.description);
    assigned.set_is_active(shown.is_active);
    assigned.set_assigned_at(time_text(player_row.row.assigned_at));
    assigned.set_expires_at(time_text(expires_at(goal, assignment.now)));
    assigned.set_progress(shown.progress);
    assigned.set_target(goal.requirement.target_value);
    assigned.set_status(status_text(shown.status));
    fill(*assigned.mutable_requirement(), goal.requirement);
    fill(*assigned.mutable_reward(), goal.reward);
  }
  message.set_new_assignments(assignment.new_assignments);
  message.set_total_active(static_cast<std::int32_t>(assignment.active.size()));
}

void fill(::service::SetGoalActiveResponse& message, const Activation& activation) {
  message.set_challenge_id(activation.challenge_id);
  message.set_goal_id(activation.goal_id);
  message.set_is_active(activation.active);
  message.set_assigned_at(time_text(activation.assigned_at));
  message.set_message(activation.active ? "Goal activated successfully" : "Goal deactivated successfully");
}

void fill(::service::ClaimRewardResponse& message, const ClaimReceipt& receipt) {
  message.set_goal_id(receipt.goal_id);
  message.set_status("claimed");
  fill(*message.mutable_reward(), receipt.reward);
  message.set_claimed_at(base::format_rfc3339(receipt.claimed_at));
}

void fill(::service::GoalSelectionResponse& message, const GoalSelection& selection) {
  const Config& config = selection.catalog->config;
  for (const PlayerRow& player_row : selection.selected) {
    const Goal& goal = config.goal(player_row.goal);
    const Display shown = display(goal, &player_row.row, selection.now);
    ::service::SelectedGoal& selected = *message.add_selected_goals();
    selected.set_goal_id(goal.id);
    selected.set_name(goal.name);
    selected.set_description(goal.description);
    fill(*selected.mutable_requirement(), goal.requirement);
    fill(*selected.mutable_reward(), goal.reward);
    selected.set_status(status_text(shown.status));
    selected.set_progress(shown.progress);
    selected.set_target(goal.requirement.target_value);
    selected.set_is_active(shown.is_active);
    selected.set_assigned_at(time_text(player_row.row.assigned_at));
    selected.set_expires_at(time_text(expires_at(goal, selection.now)));
  }
  message.set_challenge_id(selection.challenge->id);
  message.set_total_active_goals(selection.total_active);
  for (const std::string& id : selection.replaced) message.add_replaced_goals(id);
}

void fill(::service::GetRotationStatusResponse& message, const RotationStatus& status) {
  message.set_challenge_id(status.challenge_id);
  ::service::RotationInfo& rotation = *message.mutable_rotation();
  if (!status.schedule) return;
  rotation.set_enabled(true);
  rotation.set_type("global");
  rotation.set_schedule(std::string(to_string(*status.schedule)));
  fill(*rotation.mutable_current_period(), status.current, status.now);
  fill(*rotation.mutable_next_period(), status.next, status.now);
}

}  // namespace gauntlet::service
