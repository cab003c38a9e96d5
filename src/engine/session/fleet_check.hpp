#pragma once
// Tries the carriers of a fleet before any load: `gauntlet fleet check`.
#include <string>
#include <vector>

#include "engine/results/run_result.hpp"
#include "engine/session/team.hpp"

namespace gauntlet::engine::session {

struct AgentCheck {
  results::AgentResult agent;
  std::string problem;  ///< empty: it answers, and is of this version
};

/// All at a time; blocks until each has answered or failed.
std::vector<AgentCheck> check_fleet(const TeamSettings& settings);

}  // namespace gauntlet::engine::session
