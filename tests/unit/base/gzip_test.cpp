#include "base/gzip.hpp"

#include <gtest/gtest.h>

namespace gauntlet::base {
namespace {

std::string deflated(ZlibFormat format, std::string_view text) {
  std::string packed;
  Deflater(format).append(packed, text, Z_FINISH);
  return packed;
}

TEST(Gzip, is_inflated_within_its_limit) {
  Inflater inflater(ZlibFormat::gzip_or_zlib);
  std::string text;
  const std::string whole = deflated(ZlibFormat::gzip, "hello");
  EXPECT_EQ(inflater.read(whole, 5, text), Inflated::ok);
  EXPECT_EQ(text, "hello");
  EXPECT_EQ(inflater.read(deflated(ZlibFormat::zlib, ""), 5, text), Inflated::ok);
  EXPECT_EQ(text, "");
  EXPECT_EQ(inflater.read(deflated(ZlibFormat::gzip, "hello!"), 5, text), Inflated::too_large);
  EXPECT_EQ(inflater.read(deflated(ZlibFormat::gzip, std::string(10'000'000, 'a')), 1'000'000, text), Inflated::too_large);
  for (const std::string& bad : {std::string("not gzip"), std::string(), whole.substr(0, whole.size() - 1), whole + "x"})
    EXPECT_EQ(inflater.read(bad, 100, text), Inflated::malformed) << bad;
  EXPECT_EQ(inflater.read(whole, 100, text), Inflated::ok);  // what was malformed is forgotten
}

TEST(Gzip, of_many_pieces_is_one_stream) {
  Deflater deflater(ZlibFormat::gzip, 1);
  Inflater inflater(ZlibFormat::gzip);
  for (int round = 0; round < 2; ++round) {
    std::string all, packed;
    deflater.reset();
    for (int i = 0; i < 20'000; ++i) {
      const std::string piece = std::to_string(i * 7919 % 10'007);
      all += piece;
      deflater.append(packed, piece, Z_NO_FLUSH);
    }
    deflater.append(packed, {}, Z_FINISH);
    std::string text;
    ASSERT_EQ(inflater.read(packed, all.size(), text), Inflated::ok);
    EXPECT_EQ(text, all);
  }
}

TEST(Gzip, raw_blocks_that_are_flushed_can_be_joined) {
  std::string packed;
  for (const char* text : {"first ", "second"}) Deflater(ZlibFormat::raw).append(packed, text, Z_SYNC_FLUSH);
  Deflater(ZlibFormat::raw).append(packed, {}, Z_FINISH);
  std::string text;
  EXPECT_EQ(Inflater(ZlibFormat::raw).read(packed, 100, text), Inflated::ok);
  EXPECT_EQ(text, "first second");
}

}  // namespace
}  // namespace gauntlet::base
