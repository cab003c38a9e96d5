#include "base/percent.hpp"

#include <gtest/gtest.h>

namespace gauntlet::base {
namespace {

TEST(Percent, decodes_and_refuses_broken_escapes) {
  EXPECT_EQ(percent_decode("a%20b%2Fc+d"), "a b/c+d");
  EXPECT_EQ(percent_decode("a+b", true), "a b");
  EXPECT_EQ(percent_decode(""), "");
  for (const char* broken : {"%", "%2", "a%2", "%zz", "%-1", "%%20"}) EXPECT_FALSE(percent_decode(broken)) << broken;
}

TEST(Percent, encodes_grpc_messages_as_the_protocol_says) {
  EXPECT_EQ(percent_encode_grpc_message("plain text, 5 of 6!"), "plain text, 5 of 6!");
  EXPECT_EQ(percent_encode_grpc_message("100 %\ng\xc3\xbc"), "100 %25%0Ag%C3%BC");
}

TEST(Text, is_well_formed_utf8_without_nul) {
  for (const std::string_view good : {"", "abc", "g\xc3\xbcltig", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xef\xbf\xbf"}) {
    EXPECT_TRUE(is_text(good)) << good;
  }
  using namespace std::string_view_literals;
  for (const std::string_view bad : {"a\0b"sv, "\x80"sv, "\xc3"sv, "\xc0\xaf"sv, "\xe0\x80\xaf"sv, "\xed\xa0\x80"sv,
                                     "\xf0\x80\x80\xaf"sv, "\xf4\x90\x80\x80"sv, "\xff"sv, "\xe2\x82"sv, "\xc3("sv}) {
    EXPECT_FALSE(is_text(bad)) << bad;
  }
}

}  // namespace
}  // namespace gauntlet::base
