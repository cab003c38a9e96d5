#include "engine/users/scenario_run.hpp"

#include <algorithm>

#include "base/duration.hpp"
#include "engine/metrics/recorder.hpp"
#include "engine/metrics/tags.hpp"

namespace gauntlet::engine::users {

void ScenarioRun::record_dropped(metrics::Recorder& recorder, const TestState& test, std::uint64_t count) {
  metrics::TagBuilder tags(recorder.tags(), recorder.tags().empty());
  for (const auto& [name, value] : test.options.tags.value) tags.set(name, value);
  tags.set(metrics::SystemTag::scenario, config.name);
  for (const auto& [name, value] : config.tags.value) tags.set(name, value);
  recorder.add(metrics::MetricId::dropped_iterations, tags.intern(), static_cast<double>(count), Clock::now());
  iterations_dropped.fetch_add(count, std::memory_order_relaxed);
}

double ScenarioRun::progress(Clock::time_point now) const {
  if (started == Clock::time_point{}) return 0;
  const double done = static_cast<double>(iterations_completed.load(std::memory_order_relaxed));
  if (config.executor == plan::ExecutorKind::shared_iterations) {
    return std::min(1.0, done / static_cast<double>(config.iterations.value));
  }
  if (config.executor == plan::ExecutorKind::per_vu_iterations) {
    return std::min(1.0, done / (static_cast<double>(config.iterations.value) * static_cast<double>(config.vus.value)));
  }
  const plan::Nanoseconds duration = regular_duration(config);
  return std::min(1.0, base::seconds_of(now - started) / base::seconds_of(duration));
}

}  // namespace gauntlet::engine::users
