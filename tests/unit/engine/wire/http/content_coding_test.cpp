#include "engine/wire/http/content_coding.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace gauntlet::engine::wire {
namespace {

constexpr std::size_t kPlenty = 1 << 20;
const ContentCoding kCodings[] = {ContentCoding::gzip, ContentCoding::deflate, ContentCoding::zstd, ContentCoding::br};

Buffer buffer(std::string_view bytes) {
  Buffer out;
  out.append(bytes);
  return out;
}

TEST(ContentCoding, gives_back_what_it_was_given) {
  EXPECT_TRUE(rc::check("decode(encode(x)) == x", [](const std::string& text) {
    for (const ContentCoding coding : kCodings) {
      Buffer body = buffer(encode_body(coding, text));
      RC_ASSERT(!decode_body(coding, body, kPlenty));
      RC_ASSERT(body.view() == text);
    }
  }));
}

TEST(ContentCoding, undoes_a_list_from_its_end) {
  Buffer body = buffer(encode_body(ContentCoding::gzip, encode_body(ContentCoding::deflate, "hello both")));
  EXPECT_FALSE(decode_body("deflate, GZIP", body, kPlenty));
  EXPECT_EQ(body.view(), "hello both");
}

TEST(ContentCoding, leaves_what_it_does_not_know) {
  Buffer body = buffer("xx");
  EXPECT_FALSE(decode_body("foo", body, kPlenty));
  EXPECT_EQ(body.view(), "xx");
}

TEST(ContentCoding, reads_several_gzip_members) {
  Buffer body = buffer(encode_body(ContentCoding::gzip, "one ") + encode_body(ContentCoding::gzip, "two"));
  EXPECT_FALSE(decode_body("gzip", body, kPlenty));
  EXPECT_EQ(body.view(), "one two");
}

TEST(ContentCoding, words_faults_as_k6_does) {
  Buffer body = buffer("not gzip");
  Failure failure = decode_body("gzip", body, kPlenty);
  EXPECT_EQ(failure.code, 1701);
  EXPECT_EQ(failure.message, "error decompressing response body (unexpected EOF)");
  body = buffer("0123456789abcdef");
  failure = decode_body("gzip", body, kPlenty);
  EXPECT_EQ(failure.message, "error decompressing response body (error decompressing response body (gzip: invalid header))");
  EXPECT_EQ(failure.cause, "error decompressing response body (gzip: invalid header)");
  body = buffer("xxxxxxxx");
  EXPECT_EQ(decode_body("deflate", body, kPlenty).cause, "error decompressing response body (zlib: invalid header)");

  std::string cut = encode_body(ContentCoding::gzip, std::string(1000, 'a') + "tail");
  cut.resize(cut.size() - 12);
  body = buffer(cut);
  failure = decode_body("gzip", body, kPlenty);
  EXPECT_EQ(failure.code, 1000);
  EXPECT_EQ(failure.message, "unexpected EOF");
  EXPECT_FALSE(body.empty());
}

TEST(ContentCoding, stops_at_bombs) {
  const std::string bomb(8 << 20, '\0');
  for (const ContentCoding coding : kCodings) {
    Buffer body = buffer(encode_body(coding, bomb));
    EXPECT_LT(body.size(), 100'000U);
    EXPECT_EQ(decode_body(coding, body, kPlenty).code, 1701);
    EXPECT_LE(body.capacity(), 4 * kPlenty);
  }
}

TEST(ContentCoding, survives_any_bytes) {
  EXPECT_TRUE(rc::check("no crash", [](const std::string& text) {
    for (const ContentCoding coding : kCodings) {
      Buffer body = buffer(text);
      decode_body(coding, body, kPlenty);
      std::string damaged = encode_body(coding, text);
      if (!damaged.empty()) damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 0x55);
      Buffer second = buffer(damaged);
      decode_body(coding, second, kPlenty);
    }
  }));
}

}  // namespace
}  // namespace gauntlet::engine::wire
