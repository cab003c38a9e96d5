#pragma once
// UUIDs (RFC 9562) and their text.
#include <array>
#include <compare>
#include <optional>
#include <string>
#include <string_view>

namespace gauntlet::base {

/// 16 bytes in the order in which they are written out.
struct Uuid {
  std::array<unsigned char, 16> bytes{};
  auto operator<=>(const Uuid&) const = default;
};

/// 32 hex digits, in any case, with dashes in their four places or with none.
std::optional<Uuid> parse_uuid(std::string_view text);
/// "01234567-89ab-cdef-0123-456789abcdef"
std::string format_uuid(const Uuid& uuid);

}  // namespace gauntlet::base
