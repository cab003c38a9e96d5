#pragma once
// What a run will do, known before a thread starts: from its options and what the script exports. Pure.
#include <cstdint>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "engine/plan/options.hpp"
#include "engine/plan/scenario.hpp"
#include "engine/plan/segment.hpp"

namespace gauntlet::engine::plan {

struct RunPlan {
  Stripe stripe;                    ///< what of the test this process runs
  std::vector<Scenario> of_test;    ///< the whole test's, by name
  std::vector<Scenario> scenarios;  ///< this process's share of them, by start time, then name
  std::int64_t planned_vus = 0;     ///< the most at a time that the scenarios begin with
  std::int64_t most_vus = 0;        ///< with those that arrival rates may initialise besides
  Nanoseconds longest{0};           ///< until the last graceful stop is over
};

/// What of the options a run takes, and how.
struct PlanChoices {
  std::vector<std::string> scenarios;  ///< only these; empty: all
  bool once = false;                   ///< each scenario is one iteration of one virtual user, with its exec, env and tags
  bool strict_k6 = false;
};

/// `functions` are the names of those that the script exports. The error says all that is wrong, in k6's words; `warnings`
/// are for the user either way.
base::Expected<RunPlan> plan_run(const Options& options, const std::vector<std::string>& functions, const MemoryRoom& room,
                                 std::vector<std::string>& warnings, const PlanChoices& choices = {});

}  // namespace gauntlet::engine::plan
