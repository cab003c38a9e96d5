#pragma once
// Runs one scenario: decides when its virtual users start iterations and when they stop. One class per executor of k6,
// one file each. Executors live on the control thread; what they hand to the workers is in their own files.
#include <cstdint>
#include <functional>
#include <memory>

#include "base/event_loop.hpp"
#include "engine/metrics/recorder.hpp"
#include "engine/results/progress.hpp"
#include "engine/users/scenario_run.hpp"
#include "engine/users/vu_pool.hpp"

namespace gauntlet::engine::users {

/// What executors share; outlives them.
struct ExecutorContext {
  TestState& test;
  base::EventLoop& control;
  std::vector<std::unique_ptr<Worker>>& workers;
  VuPool& pool;
};

class Executor {
 public:
  Executor(ExecutorContext& context, ScenarioRun& scenario) : context_(context), scenario_(scenario) {}
  virtual ~Executor() = default;
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  /// Begins; `finished` is called once, when no iteration runs any more and the virtual users are given back.
  void start(std::function<void()> finished);
  /// Ends it at once: running iterations are cut short. Before start() it then never begins.
  void abort();

  ScenarioRun& scenario() { return scenario_; }
  bool is_finished() const { return finished_; }
  bool is_started() const { return started_; }
  results::ScenarioProgress progress(Clock::time_point now);

 protected:
  virtual void begin() = 0;
  /// No new iterations from now on, and those that run are cut short.
  virtual void cut_short() = 0;
  virtual void describe_progress(results::ScenarioProgress& progress, Clock::time_point now) const = 0;

  /// At an offset from the scenario's start, unless it has finished by then.
  void at(plan::Nanoseconds offset, std::function<void()> task);
  /// The regular time is over: shown as stopping until the last iteration is done.
  void set_stopping() { stopping_ = true; }
  void set_interrupted() { interrupted_ = true; }
  void finish();
  bool is_aborted() const { return aborted_; }

  /// A virtual user that loops in this scenario comes into it, and goes. On its fiber.
  void enter(Vu& vu);
  void leave(Vu& vu);

  ExecutorContext& context_;
  ScenarioRun& scenario_;

 private:
  double done_rate(Clock::time_point now);

  std::function<void()> on_finished_;
  std::vector<base::EventLoop::TimerId> timers_;
  Clock::time_point ended_{};
  // Of the second that done_rate() looks at.
  Clock::time_point looked_at_{};
  std::uint64_t done_by_then_ = 0;
  double done_rate_ = 0;
  bool started_ = false;
  bool stopping_ = false;
  bool interrupted_ = false;
  bool aborted_ = false;
  bool finished_ = false;
};

std::unique_ptr<Executor> make_executor(ExecutorContext& context, ScenarioRun& scenario);

}  // namespace gauntlet::engine::users
