#pragma once
// Calendar time, handed to whoever needs it so that tests and the simulator can set it.
#include <chrono>
#include <functional>

namespace gauntlet::base {

using WallTime = std::chrono::system_clock::time_point;
/// Gives the time now; called often, so cheap.
using WallClock = std::function<WallTime()>;

inline WallClock system_wall_clock() {
  return [] { return std::chrono::system_clock::now(); };
}

}  // namespace gauntlet::base
