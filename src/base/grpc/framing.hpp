#pragma once
// The wire pieces of gRPC over HTTP/2 (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md) as pure
// functions.
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/big_endian.hpp"

namespace gauntlet::base::grpc {

/// Before each message: one byte "compressed", four bytes length, big-endian.
inline constexpr std::size_t kPrefixBytes = 5;

struct Prefix {
  std::uint8_t compressed;  // 0 or 1; anything else is malformed
  std::uint32_t length;
};
/// `bytes` has at least kPrefixBytes.
inline Prefix read_prefix(std::string_view bytes) {
  return {static_cast<std::uint8_t>(bytes[0]), big_endian::get<std::uint32_t>(bytes.data() + 1)};
}
/// Of an uncompressed message.
inline std::array<char, kPrefixBytes> prefix_of(std::size_t length) {
  std::array<char, kPrefixBytes> prefix{};
  big_endian::put(prefix.data() + 1, static_cast<std::uint32_t>(length));
  return prefix;
}

/// grpc-timeout: one to eight digits and a unit (H M S m u n); nothing when malformed.
std::optional<std::chrono::nanoseconds> parse_timeout(std::string_view text);

/// "InvalidArgument" for 3, as grpc-go and the metrics of gRPC services name codes; "OK" for 0, "" for a number without a name.
std::string_view code_name(int code);

}  // namespace gauntlet::base::grpc
