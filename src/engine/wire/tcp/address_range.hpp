#pragma once
// Ranges of IP addresses, as option blacklistIPs and NO_PROXY name them.
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/wire/tcp/stream.hpp"

namespace gauntlet::engine::wire {

/// An IPv4 or IPv6 range, "10.0.0.0/8".
class AddressRange {
 public:
  /// From CIDR notation or a single address; nothing when it is neither.
  static std::optional<AddressRange> parse(std::string_view text);
  bool contains(const Endpoint& endpoint) const;
  const std::string& text() const { return text_; }

 private:
  std::array<std::uint8_t, 16> bytes_{};
  int bits_ = 0;
  bool ipv6_ = false;
  std::string text_;
};

}  // namespace gauntlet::engine::wire
