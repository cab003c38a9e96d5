#include "support/progress_reference.hpp"

#include <algorithm>
#include <chrono>
#include <limits>

namespace gauntlet::support {

using challenge::Goal;
using challenge::Instant;
using challenge::ProgressRule;
using challenge::Row;
using challenge::Status;

namespace {

std::int32_t one_more(std::int32_t progress) { return progress == std::numeric_limits<std::int32_t>::max() ? progress : progress + 1; }

std::chrono::sys_days day_of(Instant instant) { return std::chrono::floor<std::chrono::days>(instant); }

/// Progress after one more occurrence of what the goal counts.
void count(const Goal& goal, Row& row) {
  if (goal.rule == ProgressRule::relative && !row.baseline_value) row.baseline_value = 0;
  row.progress = one_more(row.progress);
}

/// A newer value has been taken already: this one arrives late.
bool is_overtaken(const Row& row, const Event& event) { return event.at && row.value_at && *event.at < *row.value_at; }

/// Progress after a statistic took a value; false when the value says nothing.
bool take_value(const Goal& goal, Row& row, const Event& event) {
  const std::optional<std::int32_t> progress = challenge::progress_from_value(*event.value);
  if (!progress) return false;
  row.progress = *progress;
  if (event.at) row.value_at = *event.at;
  if (goal.rule == ProgressRule::relative && !row.baseline_value)
    row.baseline_value = challenge::progress_before(*event.value, event.increment, *progress);
  return true;
}

}  // namespace

Row set_active(const Goal& goal, const Row* row, bool active, Instant now) {
  if (row == nullptr) return new_row(goal, active, now);
  Row next = current(goal, *row, now);
  next.is_active = active;
  if (active) {
    next.assigned_at = now;
    next.expires_at = expires_at(goal, now);
  }
  return next;
}

std::optional<Row> apply_event(const Goal& goal, const Row& row, const Event& event, Instant now) {
  if (!row.is_active) return std::nullopt;
  Row next = current(goal, row, now);
  if (next.status == Status::claimed) return std::nullopt;
  switch (goal.rule) {
    case ProgressRule::absolute:
    case ProgressRule::relative:
      if (!event.value) {
        count(goal, next);
      } else if (is_overtaken(row, event) || !take_value(goal, next, event)) {
        return std::nullopt;
      }
      break;
    case ProgressRule::increment: count(goal, next); break;
    case ProgressRule::increment_daily:
      // A row that has counted nothing yet was last written by its creation or reset, not by today's event.
      if (next.progress > 0 && day_of(next.updated_at) >= day_of(now)) return std::nullopt;
      count(goal, next);
      break;
    case ProgressRule::daily: next.progress = 1; break;
  }
  if (next.status != Status::completed) {
    const bool completed = goal.rule == ProgressRule::daily || display(goal, &next, now).progress >= goal.requirement.target_value;
    next.status = completed ? Status::completed : Status::in_progress;
    next.completed_at = completed ? std::optional(now) : std::nullopt;
  }
  if (next == row) return std::nullopt;
  next.updated_at = std::max(row.updated_at, now);
  return next;
}

}  // namespace gauntlet::support
