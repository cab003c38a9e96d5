#include "challenge/claim.hpp"

#include "base/rfc3339.hpp"

namespace gauntlet::challenge {
namespace {

using base::Error;
using base::ErrorKind;
using base::fail;

base::Expected<void> not_completed(const Goal& goal, Status status) {
  return fail(ErrorKind::failed_precondition, "Goal not completed. Please wait 1 second and try again. (goal_id: " + goal.id +
                                                  ", status: " + std::string(to_string(status)) + ")");
}

}  // namespace

base::Expected<const Goal*> find_claimed_goal(const Config& config, std::string_view challenge_id, std::string_view goal_id) {
  if (const Goal* goal = config.find_goal(challenge_id, goal_id)) return goal;
  return fail(ErrorKind::not_found, "Goal not found or removed from config (goal_id: " + std::string(goal_id) +
                                        ", challenge_id: " + std::string(challenge_id) + ")");
}

base::Expected<void> check_claim(const Config& config, const Goal& goal, PlayerRows rows, Instant now) {
  const Row* row = find_row(rows, goal.index);
  if (row == nullptr) return not_completed(goal, Status::not_started);
  const std::string& challenge_id = config.challenge_of(goal).id;
  if (!row->is_active) {
    return fail(ErrorKind::failed_precondition, "Goal must be active to claim reward. Activate it first via PUT /v1/challenges/" +
                                                    challenge_id + "/goals/" + goal.id + "/active (goal_id: " + goal.id + ")");
  }
  if (is_reset_due(goal, *row, now) && (row->status == Status::completed || row->status == Status::claimed)) {
    return fail(ErrorKind::failed_precondition,
                "Goal has rotated and must be re-completed (goal_id: " + goal.id + ", challenge_id: " + challenge_id + ")");
  }
  const Display shown = display(goal, row, now);
  if (shown.status == Status::claimed) return tl::unexpected(already_claimed(goal, shown.claimed_at.value_or(row->updated_at)));
  if (shown.status != Status::completed) return not_completed(goal, shown.status);
  if (is_locked(config, goal, rows, now)) {
    return fail(ErrorKind::failed_precondition, "Prerequisites not completed (goal_id: " + goal.id + ")");
  }
  return {};
}

Error already_claimed(const Goal& goal, Instant claimed_at) {
  return {ErrorKind::already_exists,
          "Reward has already been claimed (goal_id: " + goal.id + ", claimed_at: " + base::format_rfc3339(claimed_at) + ")"};
}

}  // namespace gauntlet::challenge
