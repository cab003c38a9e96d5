#pragma once
// A player's progress on a goal (contract section 4 and 5): what is stored, when it starts over, what is shown of it. Pure: what
// is and the time go in. What events and activation do to a row is SQL (events/progress_sql.cpp, service/progress_store.cpp);
// tests/support/progress_reference.hpp says the same in C++, and tests hold the two together.
//
// One rule holds everywhere: before a row is shown or written it is first brought up to date with `current`, which
// applies a rotation that has passed. So what a list shows is what an event, initialize or activation would store.
//
// `updated_at` is the last time the progress itself was written: by an event, a reset, a claim or creation. Activating
// and deactivating leave it (unless they reset), because rotations and daily goals are decided by it.
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "challenge/config.hpp"
#include "challenge/instant.hpp"

namespace gauntlet::challenge {

enum class Status : std::uint8_t { not_started, in_progress, completed, claimed };

std::string_view to_string(Status status);  // as in the table and on the wire
std::optional<Status> parse_status(std::string_view text);

/// One row of user_goal_progress without its key.
struct Row {
  std::int32_t progress = 0;  // never negative
  Status status = Status::not_started;
  bool is_active = false;
  std::optional<Instant> completed_at;
  std::optional<Instant> claimed_at;
  std::optional<Instant> assigned_at;
  std::optional<Instant> expires_at;           // for operators; what players see is computed from the rotation
  std::optional<std::int32_t> baseline_value;  // relative goals only
  std::optional<Instant> value_at;             // of the newest value taken, by its event's own time; survives resets
  Instant updated_at{};
  bool operator==(const Row&) const = default;
};

/// A row with the goal it belongs to.
struct PlayerRow {
  GoalIndex goal = 0;
  Row row;
};

/// A player's rows sorted by goal; rows of goals that left the config are not in it.
using PlayerRows = std::span<const PlayerRow>;

/// Null when the player has no row for the goal. O(log rows).
const Row* find_row(PlayerRows rows, GoalIndex goal);

/// What starts the goal's progress over: for a daily goal each UTC day, claimed or not; else its rotation where that has
/// resetProgress. Null when nothing does. Lives as long as the goal.
const Rotation* restart_of(const Goal& goal);
/// The row was last written before its goal last started over (a claimed one starts over only with allowReselection).
bool is_reset_due(const Goal& goal, const Row& row, Instant now);
/// The row as it is to be stored now: reset when that is due, else unchanged.
Row current(const Goal& goal, const Row& row, Instant now);

/// What a player sees of a row.
struct Display {
  std::int32_t progress = 0;
  Status status = Status::not_started;
  bool is_active = false;
  std::optional<Instant> completed_at;
  std::optional<Instant> claimed_at;
  bool operator==(const Display&) const = default;
};

/// `row` null: the player has none, so not started, inactive, 0.
Display display(const Goal& goal, const Row* row, Instant now);
/// When the goal's rotation ends next; nothing without a rotation. The same for every player.
std::optional<Instant> expires_at(const Goal& goal, Instant now);

/// Completed or claimed as displayed: what opens the goals that depend on it.
bool is_met(const Goal& goal, const Row* row, Instant now);
/// Some prerequisite is not met. O(prerequisites * log rows).
bool is_locked(const Config& config, const Goal& goal, PlayerRows rows, Instant now);

/// A row as initialize and activation create it: active or not, not started. Assigned now when active.
Row new_row(const Goal& goal, bool active, Instant now);

/// A statistic's value as progress: truncated towards zero, and 2147483647 where it is larger than that; nothing when it
/// is negative, infinite or not a number (such an event is skipped, except by daily and increment goals, which only count).
std::optional<std::int32_t> progress_from_value(double value);
/// The value before it rose by `increment` to `value`, which is `progress`: where a relative goal begins to count. Clamped
/// to int32; an increment that is infinite or not a number says nothing, as if it were 0.
std::int32_t progress_before(double value, double increment, std::int32_t progress);

}  // namespace gauntlet::challenge
