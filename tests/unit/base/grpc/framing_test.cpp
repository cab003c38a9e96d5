#include "base/grpc/framing.hpp"

#include <gtest/gtest.h>

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
  const auto prefix = prefix_of(0x01020304);
  const std::string_view bytes(prefix.data(), prefix.size());
  EXPECT_EQ(bytes, std::string("\0\1\2\3\4", 5));
  EXPECT_EQ(read_prefix(bytes).length, 0x01020304u);
  EXPECT_EQ(read_prefix(bytes).compressed, 0);
  EXPECT_EQ(read_prefix("\x01\xff\xff\xff\xff").length, 0xffffffffu);
}

}  // namespace
}  // namespace gauntlet::base::grpc
