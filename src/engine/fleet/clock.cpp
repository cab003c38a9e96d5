#include "engine/fleet/clock.hpp"

namespace gauntlet::engine::fleet {

std::int64_t steady_ns() { return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count(); }
std::int64_t calendar_ns() { return std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count(); }

void ClockOffset::take(const words::Pong& pong, std::int64_t now_ns, std::int64_t now_calendar_ns) {
  ++trips_;
  const std::int64_t round_trip = now_ns - pong.leader_ns();
  if (round_trip < 0 || (is_known() && round_trip >= round_trip_ns_)) return;
  round_trip_ns_ = round_trip;
  offset_ns_ = pong.agent_ns() - (pong.leader_ns() + round_trip / 2);
  calendar_offset_ns_ = pong.calendar_ns() - (now_calendar_ns - round_trip / 2);
}

}  // namespace gauntlet::engine::fleet
