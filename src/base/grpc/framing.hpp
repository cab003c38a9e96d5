#pragma once
// The wire pieces of gRPC over HTTP/2 (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md) as pure
// functions.
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
Prefix read_prefix(std::string_view bytes);
/// Writes an uncompressed message's prefix.
void write_prefix(std::uint32_t length, char* to);

/// grpc-timeout: one to eight digits and a unit (H M S m u n); nothing when malformed.
std::optional<std::chrono::nanoseconds> parse_timeout(std::string_view text);

/// "InvalidArgument" for 3, as the metrics of grpc services name codes; "OK" for 0.
std::string_view code_name(int code);

}  // namespace gauntlet::base::grpc
