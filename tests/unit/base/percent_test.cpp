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

TEST(Percent, encodes_all_but_unreserved_characters) {
  EXPECT_EQ(percent_encode("aZ09-._~"), "aZ09-._~");
  EXPECT_EQ(percent_encode("a b/c?d&e=f+g%\xc3\xbc"), "a%20b%2Fc%3Fd%26e%3Df%2Bg%25%C3%BC");
}

TEST(Percent, encodes_grpc_messages_as_the_protocol_says) {
  EXPECT_EQ(percent_encode_grpc_message("plain text, 5 of 6!"), "plain text, 5 of 6!");
  EXPECT_EQ(percent_encode_grpc_message("100 %\ng\xc3\xbc"), "100 %25%0Ag%C3%BC");
  EXPECT_EQ(percent_decode_grpc_message("100 %25%0Ag%C3%BC"), "100 %\ng\xc3\xbc");
  EXPECT_EQ(percent_decode_grpc_message("100 %, %zz, %2"), "100 %, %zz, %2");
}

}  // namespace
}  // namespace gauntlet::base
