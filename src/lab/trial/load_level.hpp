#pragma once
// The load that a scenario is run at, and the guide's levels of it.
#include <array>

namespace gauntlet::lab {

struct LoadLevel {
  int requests_per_s = 0;  // TARGET_RPS; 0: none
  int events_per_s = 0;    // TARGET_EPS; 0: none
};

// The guide's levels, smallest first.
inline constexpr std::array<LoadLevel, 7> kApiLevels{{{50, 0}, {100, 0}, {200, 0}, {500, 0}, {1000, 0}, {2000, 0}, {5000, 0}}};
inline constexpr std::array<LoadLevel, 6> kEventLevels{{{0, 100}, {0, 500}, {0, 1000}, {0, 2000}, {0, 5000}, {0, 10000}}};
inline constexpr std::array<LoadLevel, 5> kCombinedLevels{{{50, 100}, {100, 500}, {200, 1000}, {500, 2000}, {1000, 5000}}};

}  // namespace gauntlet::lab
