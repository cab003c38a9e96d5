#pragma once
// ramping-vus: a number of looping virtual users that follows stages.
#include <memory>

#include "engine/users/executor/executor.hpp"

namespace gauntlet::engine::users {

std::unique_ptr<Executor> make_ramping_vus(ExecutorContext& context, ScenarioRun& scenario);

}  // namespace gauntlet::engine::users
