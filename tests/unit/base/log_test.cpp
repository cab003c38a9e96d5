#include "base/log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <limits>
#include <nlohmann/json.hpp>

namespace gauntlet::base::log {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

struct Log : testing::Test {
  void SetUp() override { testing::internal::CaptureStderr(); }
  void TearDown() override { set_level(Level::info); }
  static std::string lines() {
    flush();
    return testing::internal::GetCapturedStderr();
  }
};

TEST_F(Log, writes_time_level_message_and_fields_on_one_line) {
  info("buffer flush", {{"rows", 120}, {"ms", 3.25}, {"ok", true}, {"big", std::uint64_t{1} << 63}, {"player", "user-000001"}});
  EXPECT_THAT(lines(), ContainsRegex("^[0-9-]+T[0-9:.]+Z info  buffer flush rows=120 ms=3.25 ok=true "
                                     "big=9223372036854775808 player=user-000001\n$"));
}

TEST_F(Log, cannot_be_made_to_forge_lines) {
  warn("bad\nname", {{"name", "x\n2026 error fake"}, {"quote", "a \"b\""}, {"empty", ""}});
  EXPECT_THAT(lines(), HasSubstr(R"(bad\nname name="x\n2026 error fake" quote="a \"b\"" empty="")"));
}

struct JsonLog : testing::Test {
  void SetUp() override {
    set_format(Format::json);
    testing::internal::CaptureStdout();
  }
  void TearDown() override { set_format(Format::text); }
  static std::string lines() {
    flush();
    std::fflush(stdout);
    return testing::internal::GetCapturedStdout();
  }
};

TEST_F(JsonLog, is_one_object_a_line_with_fields_of_their_own_types) {
  warn("buffer \"flush\"\n", {{"rows", -120}, {"ms", 3.25}, {"ok", true}, {"big", std::uint64_t{1} << 63}, {"player", "user-000001"}});
  EXPECT_THAT(lines(), ContainsRegex("^[{]\"time\":\"[0-9-]+T[0-9:]+[.][0-9]{3}Z\",\"level\":\"warning\","
                                     "\"message\":\"buffer \\\\\"flush\\\\\"\\\\n\",\"rows\":-120,\"ms\":3.25,\"ok\":true,"
                                     "\"big\":9223372036854775808,\"player\":\"user-000001\"[}]\n$"));
}

TEST_F(JsonLog, is_valid_whatever_the_fields_hold) {
  const std::string odd("a\0b\xff\xc3(\x1f\r\n\"\\", 11);
  error(odd, {{"text", odd}, {"none", std::numeric_limits<double>::quiet_NaN()}, {"level", "forged"}});
  const std::string text = lines();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
  const auto line = nlohmann::json::parse(text);
  EXPECT_EQ(line["text"].get<std::string>(), std::string("a\0b\xef\xbf\xbd\xef\xbf\xbd(\x1f\r\n\"\\", 15));
  EXPECT_EQ(line["level"], "error");
  EXPECT_TRUE(line["none"].is_null());
}

TEST_F(Log, drops_what_is_below_the_level) {
  set_level(Level::warn);
  info("quiet");
  error("loud");
  const std::string text = lines();
  EXPECT_THAT(text, Not(HasSubstr("quiet")));
  EXPECT_THAT(text, HasSubstr("loud"));
}

TEST_F(Log, lets_only_so_many_lines_a_second_through_and_counts_the_rest) {
  Limit limit(3);
  std::uint64_t passed = 0;
  std::uint64_t left_out = 0;
  // The second may turn over in between, once.
  for (int i = 0; i < 1000; ++i) {
    if (const auto count = limit.pass()) ++passed, left_out += *count;
  }
  EXPECT_GE(passed, 3u);
  EXPECT_LE(passed, 6u);
  EXPECT_LE(left_out, 997u);
  lines();
}

TEST(LogLevel, is_read_in_any_case) {
  EXPECT_EQ(parse_level("DEBUG"), Level::debug);
  EXPECT_EQ(parse_level("Warning"), Level::warn);
  EXPECT_FALSE(parse_level("loud"));
}

}  // namespace
}  // namespace gauntlet::base::log
