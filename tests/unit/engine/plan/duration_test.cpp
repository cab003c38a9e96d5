#include <gtest/gtest.h>

#include "base/parse.hpp"
#include "engine/plan/options.hpp"

namespace gauntlet::engine::plan {
namespace {

struct Case {
  const char* text;
  std::int64_t nanoseconds;
  const char* written;
};

TEST(Duration, is_read_and_written_as_k6_does) {
  for (const auto& [text, nanoseconds, written] : {
           Case{"1m30s", 90'000'000'000, "1m30s"},
           Case{"1.5", 1'500'000, "1.5ms"},
           Case{"5.ms", 5'000'000, "5ms"},
           Case{".5s", 500'000'000, "500ms"},
           Case{"1d2h", 93'600'000'000'000, "26h0m0s"},
           Case{"22d53m4.us", 1'903'980'000'004'000, "528h53m0.000004s"},
           Case{"1.9999999999s", 1'999'999'999, "1.999999999s"},
           Case{"-1h", -3'600'000'000'000, "-1h0m0s"},
           Case{"999ns", 999, "999ns"},
           Case{"1.001us", 1'001, "1.001µs"},
           Case{"9223372036.854775807s", 9'223'372'036'854'775'807, "2562047h47m16.854775807s"},
       }) {
    const auto read = base::parse_duration(text);
    ASSERT_TRUE(read) << text;
    EXPECT_EQ(read->count(), nanoseconds) << text;
    EXPECT_EQ(format_duration(*read), written) << text;
    EXPECT_EQ(base::parse_duration(format_duration(*read)), *read) << text;
  }
}

TEST(Duration, refuses_what_is_none_or_too_long) {
  for (const char* text : {"", "-", ".", "1.2.3s", "s", "1x", "5s1", "9223372036.854775808s", "106752d", "99999999999999999999ns"}) {
    EXPECT_FALSE(base::parse_duration(text)) << text;
  }
}

}  // namespace
}  // namespace gauntlet::engine::plan
