#include "base/grpc/framing.hpp"

#include <gtest/gtest.h>
#include <zlib.h>

#include <array>

namespace gauntlet::base::grpc {
namespace {

using namespace std::chrono_literals;

TEST(GrpcTimeout, has_up_to_eight_digits_and_a_unit) {
  EXPECT_EQ(parse_timeout("120S"), 120s);
  EXPECT_EQ(parse_timeout("99999999n"), 99'999'999ns);
  EXPECT_EQ(parse_timeout("1H"), 1h);
  EXPECT_EQ(parse_timeout("2M"), 2min);
  EXPECT_EQ(parse_timeout("250m"), 250ms);
  EXPECT_EQ(parse_timeout("7u"), 7us);
  EXPECT_EQ(parse_timeout("99999999H"), 8784h);  // cut to a year, so that it fits
  for (const char* bad : {"", "S", "1", "1s", "-1S", "1.5S", " 1S", "123456789S", "1SS"}) EXPECT_FALSE(parse_timeout(bad)) << bad;
}

TEST(GrpcPrefix, is_read_as_written) {
  std::string bytes(5, '?');
  write_prefix(0x01020304, bytes.data());
  EXPECT_EQ(bytes, std::string("\0\1\2\3\4", 5));
  EXPECT_EQ(read_prefix(bytes).length, 0x01020304u);
  EXPECT_EQ(read_prefix(bytes).compressed, 0);
  EXPECT_EQ(read_prefix("\x01\xff\xff\xff\xff").length, 0xffffffffu);
}

std::string gzip(const std::string& text) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string bytes(deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(bytes.data());
  stream.avail_out = static_cast<uInt>(bytes.size());
  deflate(&stream, Z_FINISH);
  bytes.resize(stream.total_out);
  deflateEnd(&stream);
  return bytes;
}

TEST(Gzip, is_inflated_within_its_limit) {
  std::string text;
  const std::string bomb = gzip(std::string(10'000'000, 'a'));
  EXPECT_EQ(inflate_gzip(gzip("hello"), 5, text), Inflated::ok);
  EXPECT_EQ(text, "hello");
  EXPECT_EQ(inflate_gzip(gzip(""), 5, text), Inflated::ok);
  EXPECT_EQ(text, "");
  EXPECT_EQ(inflate_gzip(gzip("hello!"), 5, text), Inflated::too_large);
  EXPECT_EQ(inflate_gzip(bomb, 1'000'000, text), Inflated::too_large);
  EXPECT_EQ(inflate_gzip("not gzip", 100, text), Inflated::malformed);
  EXPECT_EQ(inflate_gzip("", 100, text), Inflated::malformed);
  const std::string whole = gzip("hello");
  EXPECT_EQ(inflate_gzip(std::string_view(whole).substr(0, whole.size() - 1), 100, text), Inflated::malformed);
  EXPECT_EQ(inflate_gzip(whole + "x", 100, text), Inflated::malformed);
}

}  // namespace
}  // namespace gauntlet::base::grpc
