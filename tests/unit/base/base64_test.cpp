#include "base/base64.hpp"

#include <gtest/gtest.h>

namespace gauntlet::base {
namespace {

// RFC 4648, section 10, and bytes whose digits differ between the alphabets.
const std::pair<std::string_view, std::string_view> kVectors[] = {{"", ""},
                                                                  {"f", "Zg=="},
                                                                  {"fo", "Zm8="},
                                                                  {"foo", "Zm9v"},
                                                                  {"foob", "Zm9vYg=="},
                                                                  {"fooba", "Zm9vYmE="},
                                                                  {"foobar", "Zm9vYmFy"},
                                                                  {"\xfb\xff\xfe", "+//+"}};

TEST(Base64, is_that_of_the_rfc) {
  for (const auto& [bytes, text] : kVectors) {
    EXPECT_EQ(encode_base64(bytes), text);
    EXPECT_EQ(decode_base64(text), bytes) << text;
    const std::string raw(text.substr(0, text.find('=')));
    EXPECT_EQ(encode_base64(bytes, {.is_padded = false}), raw);
    EXPECT_EQ(decode_base64(raw, {.is_padded = false}), bytes) << raw;
  }
  EXPECT_EQ(encode_base64("\xfb\xff\xfe", {.is_url = true}), "-__-");
  EXPECT_EQ(decode_base64("-__-", {.is_url = true}), "\xfb\xff\xfe");
  EXPECT_EQ(decode_base64("Zm9v\r\nYmFy\n"), "foobar");
}

TEST(Base64, tells_where_a_text_is_wrong) {
  const std::pair<std::string_view, std::size_t> kWrong[] = {{"Zm9v!mFy", 4}, {"Zg=a", 3}, {"Z===", 3},     {"Zm9", 3},
                                                             {"Zg", 2},       {"-__-", 0}, {"Zm9v YmFy", 4}};
  for (const auto& [text, at] : kWrong) {
    std::size_t wrong_at = 99;
    EXPECT_FALSE(decode_base64(text, {}, &wrong_at)) << text;
    EXPECT_EQ(wrong_at, at) << text;
  }
  EXPECT_FALSE(decode_base64("Zm9v\n", {.may_have_line_breaks = false}));
}

TEST(Base64, of_web_tokens_has_one_text_a_value) {
  EXPECT_EQ(decode_base64("YQ", kBase64Url), "a");
  EXPECT_EQ(decode_base64("", kBase64Url), "");
  for (const char* text : {"Y", "YR", "YQ==", "Y Q", "+/+/", "YQ\n"}) EXPECT_FALSE(decode_base64(text, kBase64Url)) << text;
  EXPECT_EQ(decode_base64("YR", {.is_url = true, .is_padded = false}), "a");
}

}  // namespace
}  // namespace gauntlet::base
