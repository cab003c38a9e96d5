#include "base/text.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <string_view>

namespace gauntlet::base {
namespace {

TEST(Text, is_well_formed_utf8_without_nul) {
  for (const std::string_view good : {"", "abc", "g\xc3\xbcltig", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xef\xbf\xbf"}) {
    EXPECT_TRUE(is_text(good)) << good;
  }
  using namespace std::string_view_literals;
  for (const std::string_view bad : {"a\0b"sv, "\x80"sv, "\xc3"sv, "\xc0\xaf"sv, "\xe0\x80\xaf"sv, "\xed\xa0\x80"sv, "\xf0\x80\x80\xaf"sv,
                                     "\xf4\x90\x80\x80"sv, "\xff"sv, "\xe2\x82"sv, "\xc3("sv}) {
    EXPECT_FALSE(is_text(bad)) << bad;
  }
}

TEST(Text, has_digits_and_letters_of_ascii_alone) {
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    const std::string_view digits = "0123456789abcdef", upper = "ABCDEF";
    const auto at = digits.find(c), upper_at = upper.find(c);
    const int expected = at != std::string_view::npos         ? static_cast<int>(at)
                         : upper_at != std::string_view::npos ? static_cast<int>(upper_at) + 10
                                                              : -1;
    EXPECT_EQ(hex_value(c), expected) << byte;
    EXPECT_EQ(is_digit(c), expected >= 0 && expected < 10) << byte;
    EXPECT_EQ(lower_case(c) != c, is_letter(c) && c < 'a') << byte;
  }
  EXPECT_EQ(lower_case(std::string_view("Content-TYPE \xc3\x84[@")), "content-type \xc3\x84[@");
}

TEST(Text, compares_names_in_any_case) {
  EXPECT_TRUE(equals_ignoring_case("Keep-ALIVE", "keep-alive"));
  EXPECT_TRUE(equals_ignoring_case("", ""));
  EXPECT_FALSE(equals_ignoring_case("keep-aliv", "keep-alive"));
  EXPECT_FALSE(equals_ignoring_case("keep-alive2", "keep-alive"));
  EXPECT_FALSE(equals_ignoring_case("keep_alive", "keep-alive"));
  EXPECT_FALSE(equals_ignoring_case("[", "{"));  // one bit apart, as letters of two cases are
}

TEST(Text, is_trimmed_at_both_ends) {
  EXPECT_EQ(trimmed(" \t a b\t "), "a b");
  EXPECT_EQ(trimmed(" a\n"), "a\n");
  EXPECT_EQ(trimmed(" a\r\n", kWhiteSpace), "a");
  EXPECT_EQ(trimmed(" \t "), "");
  EXPECT_EQ(trimmed(""), "");
}

TEST(Text, tells_how_deep_json_is_nested_before_anybody_parses_it) {
  EXPECT_EQ(json_depth(""), 0U);
  EXPECT_EQ(json_depth("17"), 0U);
  EXPECT_EQ(json_depth(R"({"a":[1,{"b":[]}],"c":[]})"), 4U);
  EXPECT_EQ(json_depth(R"({"[[[\"[[[\\":"{{{"})"), 1U);
  EXPECT_EQ(json_depth("]]]}}[["), 2U);
  EXPECT_EQ(json_depth("\"[[["), 0U);
  EXPECT_EQ(json_depth("\"\\"), 0U);
  EXPECT_EQ(json_depth(std::string(1'000'000, '[')), 1'000'000U);
}

TEST(Text, guesses_which_name_was_meant) {
  constexpr std::array<std::string_view, 4> kNames = {"vus", "duration", "iterations", "userAgent"};
  EXPECT_EQ(nearest_name("iteratons", kNames), "iterations");
  EXPECT_EQ(nearest_name("useragent", kNames), "userAgent");
  EXPECT_EQ(nearest_name("vsu", kNames), "vus");
  EXPECT_EQ(nearest_name("throw", kNames), "");
  EXPECT_EQ(nearest_name("", kNames), "");
  EXPECT_EQ(nearest_name(std::string(1'000'000, 'v'), kNames), "");
  EXPECT_EQ(did_you_mean("durationn", kNames), "; did you mean duration?");
  EXPECT_EQ(did_you_mean("x", kNames), "");
}

}  // namespace
}  // namespace gauntlet::base
