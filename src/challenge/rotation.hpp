#pragma once
// When rotating goals start over. All boundaries are in UTC: daily at 00:00, weekly on Monday 00:00, monthly on the
// first day 00:00. Pure functions, O(1).
#include <cstdint>
#include <string_view>

#include "challenge/instant.hpp"

namespace gauntlet::challenge {

enum class Schedule { daily, weekly, monthly };

/// A goal's rotation as configured and enabled; a goal without an enabled rotation has none.
struct Rotation {
  Schedule schedule = Schedule::daily;
  bool reset_progress = false;     // onExpiry.resetProgress: progress starts again at each boundary
  bool allow_reselection = false;  // onExpiry.allowReselection: a claimed goal starts again too
};

/// [start, end) of one rotation.
struct Period {
  Instant start;
  Instant end;
  bool operator==(const Period&) const = default;
};

/// The period that holds `now`: start <= now < end.
Period period_of(Schedule schedule, Instant now);
inline Instant last_boundary(Schedule schedule, Instant now) { return period_of(schedule, now).start; }
inline Instant next_boundary(Schedule schedule, Instant now) { return period_of(schedule, now).end; }

/// Whole seconds from `now` until `end`, rounded down, never below 0.
std::int32_t seconds_until(Instant end, Instant now);

std::string_view to_string(Schedule schedule);  // daily, weekly, monthly

}  // namespace gauntlet::challenge
