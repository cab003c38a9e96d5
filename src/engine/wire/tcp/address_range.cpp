#include "engine/wire/tcp/address_range.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>

namespace gauntlet::engine::wire {
namespace {

std::pair<const std::uint8_t*, int> address_bytes(const Endpoint& endpoint) {
  if (endpoint.is_ipv6()) return {endpoint.address.sin6_addr.s6_addr, 16};
  return {reinterpret_cast<const std::uint8_t*>(&reinterpret_cast<const sockaddr_in*>(&endpoint.address)->sin_addr), 4};
}

}  // namespace

std::optional<AddressRange> AddressRange::parse(std::string_view text) {
  AddressRange range;
  range.text_ = text;
  const auto slash = text.find('/');
  Endpoint endpoint;
  if (!Endpoint::parse(text.substr(0, slash), 0, endpoint)) return std::nullopt;
  const auto [bytes, length] = address_bytes(endpoint);
  std::memcpy(range.bytes_.data(), bytes, static_cast<std::size_t>(length));
  range.ipv6_ = endpoint.is_ipv6();
  range.bits_ = length * 8;
  if (slash != std::string_view::npos) {
    const std::string_view bits = text.substr(slash + 1);
    const auto [end, problem] = std::from_chars(bits.data(), bits.data() + bits.size(), range.bits_);
    if (problem != std::errc() || end != bits.data() + bits.size() || range.bits_ < 0 || range.bits_ > length * 8) return std::nullopt;
  }
  return range;
}

bool AddressRange::contains(const Endpoint& endpoint) const {
  if (endpoint.is_ipv6() != ipv6_) return false;
  const std::uint8_t* const bytes = address_bytes(endpoint).first;
  for (int bit = 0; bit < bits_; bit += 8) {
    const auto index = static_cast<std::size_t>(bit / 8);
    const int kept = std::min(8, bits_ - bit);
    const auto mask = static_cast<std::uint8_t>(0xff << (8 - kept));
    if ((bytes[index] & mask) != (bytes_[index] & mask)) return false;
  }
  return true;
}

}  // namespace gauntlet::engine::wire
