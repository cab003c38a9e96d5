#pragma once
// Open-model executors: constant-arrival-rate and ramping-arrival-rate. Iterations start when they are due, whatever
// became of the ones before.
#include <memory>

#include "engine/users/executor/executor.hpp"

namespace gauntlet::engine::users {

std::unique_ptr<Executor> make_arrival_rate(ExecutorContext& context, ScenarioRun& scenario);

}  // namespace gauntlet::engine::users
