#include "engine/run/scenario_run.hpp"

#include <algorithm>

namespace gauntlet::engine::run {

double ScenarioRun::progress(Clock::time_point now) const {
  if (started == Clock::time_point{}) return 0;
  const double done = static_cast<double>(iterations_completed.load(std::memory_order_relaxed));
  if (config.executor == ExecutorKind::shared_iterations) {
    return std::min(1.0, done / static_cast<double>(config.iterations.value));
  }
  if (config.executor == ExecutorKind::per_vu_iterations) {
    return std::min(1.0, done / static_cast<double>(config.iterations.value * config.vus.value));
  }
  const double elapsed = std::chrono::duration<double>(now - started).count();
  return std::min(1.0, elapsed / std::chrono::duration<double>(regular_duration(config)).count());
}

}  // namespace gauntlet::engine::run
