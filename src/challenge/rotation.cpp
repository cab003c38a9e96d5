#include "challenge/rotation.hpp"

#include <algorithm>
#include <limits>

namespace gauntlet::challenge {

Period period_of(Schedule schedule, Instant now) {
  using namespace std::chrono;
  const auto today = floor<days>(now);
  switch (schedule) {
    case Schedule::daily: return {today, today + days(1)};
    case Schedule::weekly: {
      const auto monday = today - (weekday(today) - Monday);  // weekday differences are modulo 7, so never negative
      return {monday, monday + days(7)};
    }
    case Schedule::monthly: break;
  }
  const year_month_day date(today);
  const auto month = date.year() / date.month();
  return {sys_days(month / 1), sys_days((month + months(1)) / 1)};
}

std::int32_t seconds_until(Instant end, Instant now) {
  const auto left = std::chrono::floor<std::chrono::seconds>(end - now).count();
  return static_cast<std::int32_t>(std::clamp<std::int64_t>(left, 0, std::numeric_limits<std::int32_t>::max()));
}

std::string_view to_string(Schedule schedule) {
  switch (schedule) {
    case Schedule::daily: return "daily";
    case Schedule::weekly: return "weekly";
    case Schedule::monthly: break;
  }
  return "monthly";
}

}  // namespace gauntlet::challenge
