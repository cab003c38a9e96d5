#pragma once
// Closed-model executors whose number of virtual users does not change: constant-vus, shared-iterations and
// per-vu-iterations. They differ only in who may begin another iteration.
#include <memory>

#include "engine/users/executor/executor.hpp"

namespace gauntlet::engine::users {

std::unique_ptr<Executor> make_constant_vus(ExecutorContext& context, ScenarioRun& scenario);
std::unique_ptr<Executor> make_shared_iterations(ExecutorContext& context, ScenarioRun& scenario);
std::unique_ptr<Executor> make_per_vu_iterations(ExecutorContext& context, ScenarioRun& scenario);

}  // namespace gauntlet::engine::users
