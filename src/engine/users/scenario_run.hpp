#pragma once
// A scenario while it runs: what its virtual users and k6/execution look at.
#include <atomic>
#include <cstdint>
#include <functional>

#include "engine/plan/scenario.hpp"
#include "engine/users/test_state.hpp"

namespace gauntlet::engine::metrics {
class Recorder;
}

namespace gauntlet::engine::users {

struct ScenarioRun {
  explicit ScenarioRun(plan::Scenario scenario) : config(std::move(scenario)) {}

  const plan::Scenario config;
  /// Set by the control thread before the first virtual user of the scenario is told to run.
  Clock::time_point started{};
  std::chrono::system_clock::time_point started_wall{};

  /// The number of the next iteration (exec.scenario.iterationInTest) where nothing else gives one out.
  std::atomic<std::uint64_t> next_iteration{0};
  std::atomic<std::uint64_t> iterations_completed{0};
  std::atomic<std::uint64_t> iterations_dropped{0};
  std::atomic<std::int64_t> vus_active{0};
  std::atomic<std::int64_t> vus_most{0};  // of vus_active

  /// One virtual user more (1) or less (-1) runs iterations, of this scenario and of the test.
  void count_active(TestState& test, std::int64_t by) {
    const std::int64_t now = vus_active.fetch_add(by, std::memory_order_relaxed) + by;
    std::int64_t most = vus_most.load(std::memory_order_relaxed);
    while (now > most && !vus_most.compare_exchange_weak(most, now, std::memory_order_relaxed)) {
    }
    test.vus_active.fetch_add(by, std::memory_order_relaxed);
  }
  /// Records iterations that were due and did not begin, from the recorder's thread.
  void record_dropped(metrics::Recorder& recorder, const TestState& test, std::uint64_t count);

  /// 0 to 1: by the clock, or by iterations where these end the scenario.
  double progress(Clock::time_point now) const;
};

}  // namespace gauntlet::engine::users
