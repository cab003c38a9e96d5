#include "base/grpc/framing.hpp"

#include <algorithm>
#include <array>

namespace gauntlet::base::grpc {

Prefix read_prefix(std::string_view bytes) {
  const auto at = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i])); };
  return {static_cast<std::uint8_t>(at(0)), at(1) << 24 | at(2) << 16 | at(3) << 8 | at(4)};
}

void write_prefix(std::uint32_t length, char* to) {
  to[0] = 0;
  to[1] = static_cast<char>(length >> 24);
  to[2] = static_cast<char>(length >> 16 & 0xff);
  to[3] = static_cast<char>(length >> 8 & 0xff);
  to[4] = static_cast<char>(length & 0xff);
}

std::optional<std::chrono::nanoseconds> parse_timeout(std::string_view text) {
  using namespace std::chrono;
  if (text.size() < 2 || text.size() > 9) return std::nullopt;
  std::int64_t value = 0;
  for (const char c : text.substr(0, text.size() - 1)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  switch (text.back()) {
    // 99,999,999 hours do not fit into 64 bits of nanoseconds; nobody waits longer than a year.
    case 'H': return std::min<nanoseconds>(hours(std::min<std::int64_t>(value, 8784)), hours(8784));
    case 'M': return std::min<nanoseconds>(minutes(value), hours(8784));
    case 'S': return std::min<nanoseconds>(seconds(value), hours(8784));
    case 'm': return milliseconds(value);
    case 'u': return microseconds(value);
    case 'n': return nanoseconds(value);
    default: return std::nullopt;
  }
}

std::string_view code_name(int code) {
  static constexpr std::array<std::string_view, 17> kNames{
      "OK",       "Canceled",       "Unknown",          "InvalidArgument",   "DeadlineExceeded",
      "NotFound", "AlreadyExists",  "PermissionDenied", "ResourceExhausted", "FailedPrecondition",
      "Aborted",  "OutOfRange",     "Unimplemented",    "Internal",          "Unavailable",
      "DataLoss", "Unauthenticated"};
  return code >= 0 && static_cast<std::size_t>(code) < kNames.size() ? kNames[static_cast<std::size_t>(code)] : "Unknown";
}

}  // namespace gauntlet::base::grpc
