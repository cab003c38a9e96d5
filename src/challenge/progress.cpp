#include "challenge/progress.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace gauntlet::challenge {
namespace {

constexpr std::int32_t kProgressMax = std::numeric_limits<std::int32_t>::max();

/// What counts against the target.
std::int32_t counted_progress(const Goal& goal, const Row& row) {
  if (goal.rule != ProgressRule::relative) return row.progress;
  if (!row.baseline_value) return 0;
  const std::int64_t gained = std::int64_t{row.progress} - *row.baseline_value;
  return static_cast<std::int32_t>(std::clamp<std::int64_t>(gained, 0, kProgressMax));
}

}  // namespace

std::string_view to_string(Status status) {
  switch (status) {
    case Status::not_started: return "not_started";
    case Status::in_progress: return "in_progress";
    case Status::completed: return "completed";
    case Status::claimed: break;
  }
  return "claimed";
}

std::optional<Status> parse_status(std::string_view text) {
  for (const Status status : {Status::not_started, Status::in_progress, Status::completed, Status::claimed}) {
    if (text == to_string(status)) return status;
  }
  return std::nullopt;
}

const Row* find_row(PlayerRows rows, GoalIndex goal) {
  const auto found = std::lower_bound(rows.begin(), rows.end(), goal,
                                      [](const PlayerRow& player_row, GoalIndex wanted) { return player_row.goal < wanted; });
  return found != rows.end() && found->goal == goal ? &found->row : nullptr;
}

const Rotation* restart_of(const Goal& goal) {
  static constexpr Rotation kEachDay{Schedule::daily, true, true};
  if (goal.rule == ProgressRule::daily) return &kEachDay;
  return goal.rotation && goal.rotation->reset_progress ? &*goal.rotation : nullptr;
}

bool is_reset_due(const Goal& goal, const Row& row, Instant now) {
  const Rotation* const restart = restart_of(goal);
  return restart != nullptr && (row.status != Status::claimed || restart->allow_reselection) &&
         row.updated_at < last_boundary(restart->schedule, now);
}

Row current(const Goal& goal, const Row& row, Instant now) {
  if (!is_reset_due(goal, row, now)) return row;
  Row reset = row;
  reset.progress = 0;
  reset.status = Status::not_started;
  reset.completed_at.reset();
  reset.claimed_at.reset();
  reset.baseline_value.reset();
  reset.expires_at = expires_at(goal, now);
  reset.updated_at = now;
  return reset;
}

Display display(const Goal& goal, const Row* row, Instant now) {
  if (row == nullptr) return {};
  if (is_reset_due(goal, *row, now)) return {0, Status::not_started, row->is_active, std::nullopt, std::nullopt};
  return {counted_progress(goal, *row), row->status, row->is_active, row->completed_at, row->claimed_at};
}

std::optional<Instant> expires_at(const Goal& goal, Instant now) {
  if (!goal.rotation) return std::nullopt;
  return next_boundary(goal.rotation->schedule, now);
}

bool is_met(const Goal& goal, const Row* row, Instant now) {
  return row != nullptr && (row->status == Status::completed || row->status == Status::claimed) && !is_reset_due(goal, *row, now);
}

bool is_locked(const Config& config, const Goal& goal, PlayerRows rows, Instant now) {
  return std::any_of(goal.prerequisites.begin(), goal.prerequisites.end(),
                     [&](GoalIndex prerequisite) { return !is_met(config.goal(prerequisite), find_row(rows, prerequisite), now); });
}

Row new_row(const Goal& goal, bool active, Instant now) {
  Row row;
  row.is_active = active;
  row.updated_at = now;
  if (active) {
    row.assigned_at = now;
    row.expires_at = expires_at(goal, now);
  }
  return row;
}

std::optional<std::int32_t> progress_from_value(double value) {
  if (!(value > -1) || std::isinf(value)) return std::nullopt;  // below zero once truncated, or not a number
  return value >= kProgressMax ? kProgressMax : static_cast<std::int32_t>(value);
}

std::int32_t progress_before(double value, double increment, std::int32_t progress) {
  if (!std::isfinite(increment)) return progress;
  constexpr double kMin = std::numeric_limits<std::int32_t>::min();
  return static_cast<std::int32_t>(std::clamp<double>(std::trunc(value) - std::trunc(increment), kMin, kProgressMax));
}

}  // namespace gauntlet::challenge
