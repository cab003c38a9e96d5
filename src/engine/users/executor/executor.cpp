#include "engine/users/executor/executor.hpp"

#include <cmath>

#include "base/duration.hpp"
#include "engine/users/executor/arrival_rate.hpp"
#include "engine/users/executor/looping_vus.hpp"
#include "engine/users/executor/ramping_vus.hpp"

namespace gauntlet::engine::users {

void Executor::start(std::function<void()> finished) {
  on_finished_ = std::move(finished);
  if (aborted_) {
    finish();
    return;
  }
  started_ = true;
  scenario_.started = Clock::now();
  scenario_.started_wall = std::chrono::system_clock::now();
  begin();
}

void Executor::abort() {
  if (aborted_ || finished_) return;
  aborted_ = true;
  if (!started_) return;
  interrupted_ = true;
  cut_short();
}

void Executor::at(plan::Nanoseconds offset, std::function<void()> task) {
  timers_.push_back(context_.control.call_at(scenario_.started + offset, std::move(task)));
}

void Executor::finish() {
  if (finished_) return;
  finished_ = true;
  ended_ = Clock::now();
  for (const auto timer : timers_) context_.control.cancel(timer);
  on_finished_();
}

double Executor::done_rate(Clock::time_point now) {
  const std::uint64_t done = scenario_.iterations_completed;
  const auto rate = [&](std::uint64_t since, Clock::time_point begin, Clock::time_point end) {
    return end > begin ? static_cast<double>(done - since) / base::seconds_of(end - begin) : 0;
  };
  if (finished_) return rate(0, scenario_.started, ended_);
  if (looked_at_ == Clock::time_point{}) looked_at_ = scenario_.started;
  if (now - looked_at_ >= std::chrono::seconds(1)) {
    done_rate_ = rate(done_by_then_, looked_at_, now);
    looked_at_ = now;
    done_by_then_ = done;
  }
  return done_rate_;
}

results::ScenarioProgress Executor::progress(Clock::time_point now) {
  using Status = results::ScenarioProgress::Status;
  results::ScenarioProgress progress;
  const plan::Scenario& config = scenario_.config;
  progress.name = config.name;
  progress.kind = static_cast<results::ScenarioProgress::Kind>(config.executor);
  progress.start_time = config.start_time;
  progress.duration = regular_duration(config);
  progress.duration_text = plan::format_duration(progress.duration);
  progress.iterations_done = scenario_.iterations_completed;
  progress.iterations_dropped = scenario_.iterations_dropped;
  progress.vus_active = scenario_.vus_active;
  progress.vus_most = scenario_.vus_most;
  progress.vus = planned_vus(config);
  progress.max_vus = max_vus(config);
  if (!started_) {
    progress.status = Status::waiting;
    progress.starts_in = std::max(plan::Nanoseconds(0), config.start_time.value - (now - context_.test.start));
  } else {
    const auto end = finished_ ? ended_ : now;
    progress.elapsed = std::min<plan::Nanoseconds>(end - scenario_.started, progress.duration);
    progress.fraction = scenario_.progress(end);
    progress.done_rate = done_rate(now);
    progress.status = interrupted_ ? Status::interrupted : finished_ ? Status::done : stopping_ ? Status::stopping : Status::running;
  }
  describe_progress(progress, now);
  return progress;
}

void Executor::enter(Vu& vu) {
  vu.enter_scenario(scenario_);
  scenario_.count_active(context_.test, 1);
}

void Executor::leave(Vu& vu) {
  vu.leave_scenario();
  scenario_.count_active(context_.test, -1);
}

std::unique_ptr<Executor> make_executor(ExecutorContext& context, ScenarioRun& scenario) {
  switch (scenario.config.executor) {
    case plan::ExecutorKind::shared_iterations: return make_shared_iterations(context, scenario);
    case plan::ExecutorKind::per_vu_iterations: return make_per_vu_iterations(context, scenario);
    case plan::ExecutorKind::constant_vus: return make_constant_vus(context, scenario);
    case plan::ExecutorKind::ramping_vus: return make_ramping_vus(context, scenario);
    case plan::ExecutorKind::constant_arrival_rate:
    case plan::ExecutorKind::ramping_arrival_rate: return make_arrival_rate(context, scenario);
  }
  return nullptr;
}

}  // namespace gauntlet::engine::users
