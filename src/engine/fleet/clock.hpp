#pragma once
// The agents' clocks as the leader knows them: of several round trips the fastest one says how far two steady clocks are apart,
// and half of it is the most that this can be wrong.
#include <chrono>
#include <cstdint>
#include <optional>

#include "engine/fleet/frames.hpp"

namespace gauntlet::engine::fleet {

/// A side that has heard nothing for so long takes the other one for gone.
inline constexpr std::chrono::milliseconds kMostSilence(5000);

std::int64_t steady_ns();
std::int64_t calendar_ns();

class ClockOffset {
 public:
  /// A ping's answer, which came at `now_ns` of the leader's clock.
  void take(const words::Pong& pong, std::int64_t now_ns, std::int64_t now_calendar_ns);

  bool is_known() const { return round_trip_ns_ >= 0; }
  int trips() const { return trips_; }
  /// What the agent's clock shows at this moment of the leader's.
  std::int64_t agent_ns(std::int64_t leader_ns) const { return leader_ns + offset_ns_; }
  /// How far off that can be.
  std::int64_t error_ns() const { return round_trip_ns_ / 2; }
  std::int64_t round_trip_ns() const { return round_trip_ns_; }
  /// How much the agent's calendar is ahead of the leader's.
  std::int64_t calendar_offset_ns() const { return calendar_offset_ns_; }

 private:
  int trips_ = 0;
  std::int64_t round_trip_ns_ = -1;  // the fastest
  std::int64_t offset_ns_ = 0;
  std::int64_t calendar_offset_ns_ = 0;
};

}  // namespace gauntlet::engine::fleet
