#include "base/grpc/framing.hpp"

#include <algorithm>

namespace gauntlet::base::grpc {

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
  return code >= 0 && static_cast<std::size_t>(code) < kNames.size() ? kNames[static_cast<std::size_t>(code)] : std::string_view();
}

}  // namespace gauntlet::base::grpc
