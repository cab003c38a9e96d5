#pragma once
// One event as the handler carries it from its bytes to the batch that commits it.
#include <cstdint>
#include <optional>
#include <string>

#include "postgres/values.hpp"

namespace gauntlet::events {

/// What an event touches: 0 is a login, every other number a stat code of the config (see GoalKeys).
using GoalKey = std::int32_t;
inline constexpr GoalKey kLoginKey = 0;

/// Tells a redelivered event from a new one; a function of the event alone, so every replica computes the same.
struct EventId {
  postgres::Uuid uuid;
  /// The UTC day under which it is remembered.
  postgres::Date day;
  /// The event carries no usable time, so `day` is its day of arrival: it is remembered under the next day too, and is
  /// new only when it was under neither.
  bool arrival_day = false;
  bool operator==(const EventId&) const = default;
};

struct Event {
  std::string user_id;
  GoalKey key = kLoginKey;
  double value = 0;      // the statistic's latest value; no meaning for a login
  double increment = 1;  // by how much the statistic rose
  /// The event's own time, never later than its arrival (a producer's clock that is ahead shall not hold up the values that
  /// follow); nothing when it carries none.
  std::optional<postgres::Timestamp> at;
  std::string trace;          // follows it through debug logs; empty while those are off
  std::string message;        // as it came, for the dead letters
  std::optional<EventId> id;  // nothing: the event carries none, or none is needed, and it always counts
};

}  // namespace gauntlet::events
