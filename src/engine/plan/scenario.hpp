#pragma once
// From options to the scenarios that run: shortcuts, checks, the words that describe them, and how many virtual users
// they need at which time.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "engine/plan/options.hpp"

namespace gauntlet::engine::plan {

struct ScenarioPlan {
  std::vector<Scenario> scenarios;  // sorted by name
  std::vector<std::string> warnings;
};
/// The scenarios that the options mean: `scenarios`, or one named "default" from a shortcut or for a single iteration.
/// Fails on two shortcuts at once.
base::Expected<ScenarioPlan> plan_scenarios(const Options& options, bool strict_k6 = false);

/// What is wrong with a scenario, in k6's words; empty when nothing is.
std::vector<std::string> problems_of(const Scenario& scenario);

/// The memory that the virtual users of this process share.
struct MemoryRoom {
  std::size_t bytes = 0;
  bool is_share = false;  ///< of the machine's, beside other processes of the test
};
/// Why so many virtual users have no room in it: what they need and what there is; empty when they may fit.
std::string memory_problem(std::int64_t vus, const MemoryRoom& room);

/// What is wrong with it for this process, of whose plan `stripe` is the share: more virtual users than fit into the room, or
/// a ramp that would take as much to plan. To be asked before anything is counted by virtual users. Empty when nothing is.
std::string size_problem_of(const Scenario& scenario, const Stripe& stripe, const MemoryRoom& room);

/// Stretches or shortens a test to `duration`: every startTime, duration, stage and given maxDuration alike. Its end is that of
/// the last scenario that has a duration or, where all count iterations, that of the last maxDuration. What waits for running
/// iterations (gracefulStop, gracefulRampDown) stays, and nothing gets shorter than k6 takes. False, and nothing is changed, when
/// no scenario has such a time.
bool stretch(std::vector<Scenario>& scenarios, Nanoseconds duration);

/// Leaves of the scenario what the segment runs: its counts of virtual users and iterations become that segment's own.
/// False when nothing is left.
bool take_share(Scenario& scenario, const Stripe& stripe);

/// From the scenario's own start, without its graceful stop.
Nanoseconds regular_duration(const Scenario& scenario);
/// As regular_duration, with what its running iterations may take at the end. Both without start_time.
Nanoseconds longest_duration(const Scenario& scenario);
/// The most virtual users that it can have.
std::int64_t max_vus(const Scenario& scenario);
/// Those it has from the beginning, or by its own plan; an arrival rate may initialise further ones up to max_vus().
std::int64_t planned_vus(const Scenario& scenario);

/// "5 looping VUs for 10s (gracefulStop: 30s)"
std::string describe(const Scenario& scenario);

/// From `offset` after the test's start this many virtual users are needed.
struct VuNeed {
  Nanoseconds offset{0};
  std::int64_t vus = 0;
};
/// By offset; the last one has no virtual users. `most` counts max_vus() instead of planned_vus().
std::vector<VuNeed> needs_of(const Scenario& scenario, bool most);
/// The greatest sum of the scenarios' needs at any time.
std::int64_t peak_vus(const std::vector<Scenario>& scenarios, bool most);

}  // namespace gauntlet::engine::plan
