#include "base/json_text.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

namespace gauntlet::base {
namespace {

std::string json_of(std::string_view text, BrokenUtf8 broken = BrokenUtf8::replaced) {
  std::string out;
  append_json_string(out, text, broken);
  return out;
}

TEST(JsonText, escapes_what_must_be_and_nothing_else) {
  EXPECT_EQ(json_of(""), R"("")");
  EXPECT_EQ(json_of("</a> \"b\" \\ \n\r\t\b\f \x01\x1f\x7f \xe2\x82\xac"),
            "\"</a> \\\"b\\\" \\\\ \\n\\r\\t\\b\\f \\u0001\\u001f\x7f \xe2\x82\xac\"");
  for (int byte = 0; byte < 0x80; ++byte) {
    const std::string text(1, static_cast<char>(byte));
    EXPECT_EQ(nlohmann::json::parse(json_of("a" + text + "b")).get<std::string>(), "a" + text + "b") << byte;
  }
}

TEST(JsonText, bytes_that_are_no_utf8_are_replaced_one_by_one_or_kept) {
  EXPECT_EQ(json_of("a\xc3(\xff\xff\xc3\xbc"), "\"a\\ufffd(\\ufffd\\ufffd\xc3\xbc\"");
  EXPECT_EQ(json_of("a\xc3(\"\xff", BrokenUtf8::kept), "\"a\xc3(\\\"\xff\"");
}

TEST(JsonText, has_all_integers) {
  std::string out;
  append_json_integer(out, std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(out, "-9223372036854775808");
}

}  // namespace
}  // namespace gauntlet::base
