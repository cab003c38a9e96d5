#include "base/utf8.hpp"

#include <gtest/gtest.h>

#include <string>

namespace gauntlet::base {
namespace {

using namespace std::string_view_literals;

TEST(Utf8, has_no_overlong_forms_no_surrogates_and_nothing_beyond_unicode) {
  for (const std::string_view good :
       {"a\0b"sv, "g\xc3\xbcltig"sv, "\xe2\x82\xac"sv, "\xf0\x9f\x98\x80"sv, "\xef\xbf\xbf"sv, "\xf4\x8f\xbf\xbf"sv}) {
    for (const std::string& ahead : {std::string(), std::string("8 bytes."), std::string("9 letters")})
      EXPECT_TRUE(is_utf8(ahead + std::string(good))) << good;
  }
  for (const std::string_view bad : {"\x80"sv, "\xc3"sv, "\xc0\xaf"sv, "\xe0\x80\xaf"sv, "\xed\xa0\x80"sv, "\xf0\x80\x80\xaf"sv,
                                     "\xf4\x90\x80\x80"sv, "\xf5\x80\x80\x80"sv, "\xff"sv, "\xe2\x82"sv, "\xc3("sv}) {
    for (const std::string& ahead : {std::string(), std::string("8 bytes.")}) EXPECT_FALSE(is_utf8(ahead + std::string(bad))) << bad;
    EXPECT_EQ(utf8_length(bad, 0), 0U);
  }
}

TEST(Utf8, has_sequences_of_one_to_four_bytes) {
  EXPECT_EQ(utf8_length("xa", 1), 1U);
  EXPECT_EQ(utf8_length("x\xc3\xbc", 1), 2U);
  EXPECT_EQ(utf8_length("\xe2\x82\xac.", 0), 3U);
  EXPECT_EQ(utf8_length("\xf0\x9f\x98\x80", 0), 4U);
}

}  // namespace
}  // namespace gauntlet::base
