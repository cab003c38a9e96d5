#pragma once
// What activation and events do to a player's row, slow and obvious: the reference that the statements of the services, which do it
// in SQL, are tested against (tests/unit/events/progress_store_test.cpp). Pure.
#include <optional>

#include "challenge/progress.hpp"

namespace gauntlet::support {

/// Activates or deactivates. `row` null: creates it. Progress and status stay, except for a reset that is due.
challenge::Row set_active(const challenge::Goal& goal, const challenge::Row* row, bool active, challenge::Instant now);

/// One event as a goal sees it. A login has no value.
struct Event {
  std::optional<double> value;           // the statistic's latest value
  double increment = 1;                  // by how much the statistic rose
  std::optional<challenge::Instant> at;  // when the value arose; nothing: the event does not say, and its value counts as the newest
};

/// What an event does to a row: nothing, when it is inactive, claimed for good, or would come out the same, or when the
/// goal takes values and the row's is newer. A goal that was completed stays completed until it is claimed or starts over.
/// The caller has matched the event's source and stat code to the goal.
std::optional<challenge::Row> apply_event(const challenge::Goal& goal, const challenge::Row& row, const Event& event,
                                          challenge::Instant now);

}  // namespace gauntlet::support
