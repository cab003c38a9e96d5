#include "base/http/listener_settings.hpp"

#include "base/settings.hpp"

namespace gauntlet::base::http {

void read_limits(Settings& settings, ListenerOptions& options) {
  using std::chrono::duration_cast;
  using std::chrono::milliseconds;
  using std::chrono::minutes;
  using std::chrono::seconds;
  constexpr std::int64_t kMegabyte = 1024 * 1024;
  constexpr std::int64_t kMost = std::int64_t{1} << 40;
  options.max_connection_bytes = static_cast<std::size_t>(
      settings.integer("CONNECTION_BYTES_MAX", 32 * kMegabyte, {kMegabyte, kMost},
                       "bytes of requests, and of answers that the client does not take, that one HTTP/2 connection may "
                       "hold; beyond, its stream that has moved nothing for longest is reset"));
  options.max_held_bytes = static_cast<std::size_t>(
      settings.integer("HELD_BYTES_MAX", 128 * kMegabyte, {kMegabyte, kMost},
                       "the same of all connections of one port and thread together; beyond, those that hold most are closed"));
  options.write_timeout =
      duration_cast<milliseconds>(settings.duration("SLOW_CLIENT_TIMEOUT", seconds(30), milliseconds(100), minutes(60), seconds(1),
                                                    "a client that takes nothing of its answer for so long loses it"));
  options.max_resets_per_second = settings.integer<std::uint32_t>(
      "STREAM_RESETS_PER_SECOND", 1000, {1, 1'000'000},
      "streams that one HTTP/2 connection may cancel; it is slowed when ahead of that by twice as many, closed by four times");
}

}  // namespace gauntlet::base::http
