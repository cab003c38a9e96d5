#include "challenge/rotation.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/rfc3339.hpp"
#include "unit/challenge/config_builder.hpp"

namespace gauntlet::challenge {
namespace {

struct Case {
  Schedule schedule;
  const char* now;
  const char* start;
  const char* end;
};

TEST(Rotation, periods_begin_at_midnight_on_monday_and_on_the_first_in_utc) {
  const Case cases[] = {
      {Schedule::daily, "2026-11-23T00:00:00Z", "2026-11-23T00:00:00Z", "2026-11-24T00:00:00Z"},
      {Schedule::daily, "2026-12-31T23:59:59Z", "2026-12-31T00:00:00Z", "2027-01-01T00:00:00Z"},
      {Schedule::daily, "2028-02-29T12:00:00Z", "2028-02-29T00:00:00Z", "2028-03-01T00:00:00Z"},
      {Schedule::daily, "2027-02-28T12:00:00Z", "2027-02-28T00:00:00Z", "2027-03-01T00:00:00Z"},
      {Schedule::weekly, "2026-11-23T00:00:00Z", "2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z"},  // a Monday
      {Schedule::weekly, "2026-11-22T23:59:59Z", "2026-11-16T00:00:00Z", "2026-11-23T00:00:00Z"},  // a Sunday
      {Schedule::weekly, "2027-01-01T08:00:00Z", "2026-12-28T00:00:00Z", "2027-01-04T00:00:00Z"},
      {Schedule::weekly, "2028-03-01T08:00:00Z", "2028-02-28T00:00:00Z", "2028-03-06T00:00:00Z"},
      {Schedule::monthly, "2026-12-31T23:59:59Z", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"},
      {Schedule::monthly, "2027-01-01T00:00:00Z", "2027-01-01T00:00:00Z", "2027-02-01T00:00:00Z"},
      {Schedule::monthly, "2028-02-29T23:59:59Z", "2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z"},
      {Schedule::monthly, "2100-02-28T23:59:59Z", "2100-02-01T00:00:00Z", "2100-03-01T00:00:00Z"},  // no leap year
  };
  for (const Case& c : cases) {
    const Period period = period_of(c.schedule, at(c.now));
    EXPECT_EQ(base::format_rfc3339(period.start), c.start) << to_string(c.schedule) << " at " << c.now;
    EXPECT_EQ(base::format_rfc3339(period.end), c.end) << to_string(c.schedule) << " at " << c.now;
  }
}

rc::Gen<Instant> any_instant() {  // 1970 to 2200, any microsecond
  return rc::gen::map(rc::gen::inRange<std::int64_t>(0, 7'258'118'400'000'000),
                      [](std::int64_t us) { return Instant(std::chrono::microseconds(us)); });
}

RC_GTEST_PROP(Rotation, a_period_holds_its_instant_and_touches_its_neighbours, ()) {
  const Instant now = *any_instant();
  const Schedule schedule = *rc::gen::element(Schedule::daily, Schedule::weekly, Schedule::monthly);
  const Period period = period_of(schedule, now);
  RC_ASSERT(period.start <= now);
  RC_ASSERT(now < period.end);
  RC_ASSERT(period_of(schedule, period.start) == period);
  RC_ASSERT(period_of(schedule, period.end - std::chrono::microseconds(1)) == period);
  RC_ASSERT(period_of(schedule, period.end).start == period.end);
  RC_ASSERT(std::chrono::floor<std::chrono::days>(period.start) == period.start);
  const auto length = std::chrono::duration_cast<std::chrono::days>(period.end - period.start).count();
  switch (schedule) {
    case Schedule::daily: RC_ASSERT(length == 1); break;
    case Schedule::weekly: RC_ASSERT(length == 7); break;
    case Schedule::monthly: RC_ASSERT(length >= 28 && length <= 31); break;
  }
}

TEST(Rotation, seconds_left_are_whole_and_never_negative) {
  const Instant end = at("2026-11-24T00:00:00Z");
  EXPECT_EQ(seconds_until(end, at("2026-11-23T00:00:00Z")), 86400);
  EXPECT_EQ(seconds_until(end, end - std::chrono::microseconds(1'999'999)), 1);
  EXPECT_EQ(seconds_until(end, end), 0);
  EXPECT_EQ(seconds_until(end, end + std::chrono::hours(1)), 0);
}

}  // namespace
}  // namespace gauntlet::challenge
