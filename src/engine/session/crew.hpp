#pragma once
// Who does the work of a run: its threads, the virtual users on them, and the executors that say when these work. All calls come
// from the control thread; those that wait run its loop meanwhile.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/event_loop.hpp"
#include "engine/metrics/collector.hpp"
#include "engine/results/progress.hpp"
#include "engine/users/executor/executor.hpp"
#include "engine/users/scenario_run.hpp"
#include "engine/users/stage_call.hpp"
#include "engine/users/test_state.hpp"
#include "engine/users/vu_pool.hpp"
#include "engine/users/worker.hpp"

namespace gauntlet::engine::session {

class Crew {
 public:
  /// Starts so many threads, at least one. What is given outlives it.
  Crew(users::TestState& test, base::EventLoop& control, metrics::Collector& collector, std::size_t threads);
  /// Nothing may run any more.
  ~Crew();
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  /// From now on each thread notes how late its own timers are.
  void watch_loops();
  /// Makes so many virtual users and waits for it; tells why the script failed in one.
  std::optional<users::Vu::InitFailure> initialize(std::int64_t vus);
  /// Calls an exported function with `argument`, which is JSON, in a virtual user of its own, and waits for it. `group` is the
  /// tag of its samples.
  users::StageResult call(const char* function, const char* group, std::optional<std::string> argument, std::chrono::nanoseconds timeout);
  /// Runs the scenarios from TestState::start on, and waits until all are over.
  void run(const std::vector<plan::Scenario>& scenarios);

  /// Cuts short what runs; scenarios that have not begun never do.
  void abort();
  bool is_aborted() const { return is_aborted_; }
  /// That each thread has used.
  std::vector<double> cpu_seconds() const;
  /// Of each scenario; empty before run().
  std::vector<results::ScenarioProgress> progress() const;

 private:
  void wait_until(const std::function<bool()>& over);

  users::TestState& test_;
  base::EventLoop& control_;
  std::vector<std::unique_ptr<users::Worker>> workers_;
  std::unique_ptr<users::VuPool> pool_;
  users::ExecutorContext context_;
  std::vector<std::unique_ptr<users::ScenarioRun>> scenarios_;
  std::vector<std::unique_ptr<users::Executor>> executors_;
  std::size_t finished_ = 0;                 // of the executors
  std::unique_ptr<users::StageCall> stage_;  // while one runs
  bool is_aborted_ = false;
};

}  // namespace gauntlet::engine::session
