#pragma once
// The load that a scenario asks for, over time, and as a line of characters. Pure.
//
//   constant-vus            ▏      ██████████
//   ramping-arrival-rate    ▏▁▂▃▄▅▆▇█▇▅▃▁
#include <cstddef>
#include <string>
#include <vector>

#include "engine/plan/scenario.hpp"

namespace gauntlet::engine::plan {

struct LoadCurve {
  std::vector<double> values;      ///< the most in each of equal parts of the time; 0 where the scenario asks for nothing
  double most = 0;                 ///< the greatest of them
  bool is_rate = false;            ///< iterations begun a second, where it is not virtual users
  bool may_end_before_it = false;  ///< it counts iterations: its end is the latest that can be
};

/// Until when the load curves of the scenarios go: the last that has a duration of its own or, where none has, that may end.
Nanoseconds drawn_time(const std::vector<Scenario>& scenarios);

/// `parts` and `whole` are above 0.
LoadCurve load_curve(const Scenario& scenario, Nanoseconds whole, std::size_t parts);

/// A character a part, of eight heights; shaded where the scenario may have ended before.
std::string drawn(const LoadCurve& curve);

}  // namespace gauntlet::engine::plan
