#include "base/hex.hpp"

#include <gtest/gtest.h>

#include "base/uuid.hpp"

namespace gauntlet::base {
namespace {

TEST(Hex, has_two_digits_a_byte) {
  EXPECT_EQ(to_hex(std::string_view("\0\x0f\xa5\xff", 4)), "000fa5ff");
  std::string upper, number(16, '?');
  append_hex(upper, 0xa5, HexCase::upper);
  EXPECT_EQ(upper, "A5");
  write_hex(number.data(), 0x0123456789abcdef);
  EXPECT_EQ(number, "0123456789abcdef");
}

TEST(Uuid, is_read_with_dashes_in_their_places_or_without) {
  constexpr std::string_view kText = "01234567-89ab-cdef-0123-456789abcdef";
  const auto dashed = parse_uuid(kText);
  ASSERT_TRUE(dashed);
  EXPECT_EQ(format_uuid(*dashed), kText);
  EXPECT_EQ(parse_uuid("0123456789ABCDEF0123456789abcdef"), dashed);
  for (const char* bad :
       {"", "-", "0123456789abcdef0123456789abcde", "0123456789abcdef0123456789abcdeg", "01234567-89ab-cdef-01234-56789abcdef",
        "01234567-89ab-cdef-0123-456789abcdef0", "01234567889ab-cdef-0123-456789abcdef"})
    EXPECT_FALSE(parse_uuid(bad)) << bad;
}

}  // namespace
}  // namespace gauntlet::base
