#pragma once
// The wire pieces of gRPC over HTTP/2 (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md) as pure
// functions.
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace gauntlet::base::grpc {

/// Before each message: one byte "compressed", four bytes length, big-endian.
inline constexpr std::size_t kPrefixBytes = 5;

struct Prefix {
  std::uint8_t compressed;  // 0 or 1; anything else is malformed
  std::uint32_t length;
};
/// `bytes` has at least kPrefixBytes.
inline Prefix read_prefix(std::string_view bytes) {
  const auto at = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i])); };
  return {static_cast<std::uint8_t>(at(0)), at(1) << 24 | at(2) << 16 | at(3) << 8 | at(4)};
}
/// Of an uncompressed message.
inline std::array<char, kPrefixBytes> prefix_of(std::size_t length) {
  return {0, static_cast<char>(length >> 24), static_cast<char>(length >> 16), static_cast<char>(length >> 8), static_cast<char>(length)};
}

/// grpc-timeout: one to eight digits and a unit (H M S m u n); nothing when malformed.
std::optional<std::chrono::nanoseconds> parse_timeout(std::string_view text);

/// "InvalidArgument" for 3, as grpc-go and the metrics of gRPC services name codes; "OK" for 0, "" for a number without a name.
std::string_view code_name(int code);

}  // namespace gauntlet::base::grpc
