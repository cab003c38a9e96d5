#include "base/rfc3339.hpp"

#include <gtest/gtest.h>

namespace gauntlet::base {
namespace {

using namespace std::chrono_literals;

TEST(Rfc3339, is_written_in_utc_with_whole_seconds) {
  const auto time = std::chrono::sys_days(std::chrono::year(2026) / 1 / 2) + 3h + 4min + 5s;
  EXPECT_EQ(format_rfc3339(time + 999'999us), "2026-01-02T03:04:05Z");
  EXPECT_EQ(format_rfc3339(std::chrono::sys_days()), "1970-01-01T00:00:00Z");
  EXPECT_EQ(format_rfc3339(std::chrono::sys_days() - 1us), "1969-12-31T23:59:59Z");
  EXPECT_EQ(Rfc3339(time).without_zone(), "2026-01-02T03:04:05");
}

TEST(Rfc3339, is_read_with_fractions_and_offsets) {
  for (const char* text : {"2026-01-02T03:04:05Z", "2026-01-02t03:04:05z", "2026-01-02 05:34:05+02:30", "2026-01-01T23:04:05.0-04:00"}) {
    const auto time = parse_rfc3339(text);
    ASSERT_TRUE(time) << text;
    EXPECT_EQ(format_rfc3339(time->second), "2026-01-02T03:04:05Z") << text;
    EXPECT_EQ(time->nanoseconds, 0);
  }
  EXPECT_EQ(parse_rfc3339("2026-01-02T03:04:05.25Z")->nanoseconds, 250'000'000);
  EXPECT_EQ(parse_rfc3339("2026-01-02T03:04:05.1234567899Z")->nanoseconds, 123'456'789);
  EXPECT_EQ(format_rfc3339(parse_rfc3339("2016-12-31T23:59:60Z")->second), "2017-01-01T00:00:00Z");
  EXPECT_EQ(format_rfc3339(parse_rfc3339("0001-01-01T00:00:00Z")->second), "0001-01-01T00:00:00Z");
  EXPECT_EQ(format_rfc3339(parse_rfc3339("9999-12-31T23:59:59Z")->second), "9999-12-31T23:59:59Z");
}

TEST(Rfc3339, is_nothing_else) {
  for (const char* bad : {"", "yesterday", "2026-01-02T03:04:05", "2026-13-02T03:04:05Z", "2026-02-29T03:04:05Z", "2026-01-02T24:04:05Z",
                          "2026-01-02T03:60:05Z", "2026-01-02T03:04:61Z", "2026-01-02T03-04:05Z", "2026-01-02T03:04:05.Z",
                          "2026-01-02T03:04:05.5", "2026-01-02T03:04:05+24:00", "2026-01-02T03:04:05+0200", "2026-01-02T03:04:05Z ",
                          "2026-01-02T03:04:05x+02:00", "-026-01-02T03:04:05Z", "2026-1-02T03:04:05ZZZ"})
    EXPECT_FALSE(parse_rfc3339(bad)) << bad;
}

}  // namespace
}  // namespace gauntlet::base
