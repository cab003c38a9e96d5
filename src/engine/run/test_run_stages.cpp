#include "engine/run/test_run.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace gauntlet::engine::run {

using output::RunProgress;

const StageResult& TestRun::call_stage(const char* function, const char* group, std::optional<std::string> argument,
                                       std::chrono::nanoseconds timeout) {
  stage_ = std::make_unique<StageCall>(test_, control_, *workers_.front(), function, group, std::move(argument));
  bool done = false;
  stage_->start(timeout, [&] { done = true; });
  run_until([&] { return done; });
  return stage_->result();
}

void TestRun::use_stage_failure(const StageResult& result, const char* function, const char* option, std::chrono::nanoseconds timeout,
                                ExitCode timeout_code) {
  if (result.init_failure) {
    judge_.give(verdict_of(program_, *result.init_failure));
  } else if (result.timed_out) {
    judge_.give(
        {timeout_code, problem_of(result, function, timeout), fmt::format("You can increase the time limit via the {} option", option)});
  } else if (result.kind == Vu::CallResult::Kind::threw) {
    judge_.give({ExitCode::script_exception, result.error, "script exception"});
  }
}

bool TestRun::run_setup() {
  if (test_.options.no_setup || !has_function("setup")) {
    teardown_is_due_ = true;
    return true;
  }
  phase_ = RunProgress::Phase::setup;
  const auto timeout = test_.options.setup_timeout.value;
  const StageResult& result = call_stage("setup", "::setup", std::nullopt, timeout);
  use_stage_failure(result, "setup", "setupTimeout", timeout, ExitCode::setup_timeout);
  if (result.is_function || !result.unusable_json.empty()) judge_.give({ExitCode::other, problem_of(result, "setup", timeout), ""});
  const bool went_well = !judge_.verdict() && !aborted_;
  if (went_well) test_.setup_data = result.json;
  stage_.reset();
  teardown_is_due_ = went_well;
  return went_well;
}

void TestRun::run_scenarios() {
  phase_ = RunProgress::Phase::running;
  test_.start = Clock::now();
  if (settings_.warm_up.count() > 0) {
    warming_up_ = true;
    control_.call_at(test_.start + settings_.warm_up, [this] { end_warm_up(); });
  }
  std::size_t finished = 0;
  for (const Scenario& scenario : plan_.scenarios) {
    scenario_runs_.push_back(std::make_unique<ScenarioRun>(scenario));
    executors_.push_back(make_executor(*context_, *scenario_runs_.back()));
  }
  for (auto& executor : executors_) {
    control_.call_at(test_.start + executor->scenario().config.start_time.value,
                     [executor = executor.get(), &finished] { executor->start([&finished] { ++finished; }); });
  }
  run_until([&] {
    // An aborted test does not wait for scenarios that have not begun.
    return finished == executors_.size() || (aborted_ && std::all_of(executors_.begin(), executors_.end(), [](const auto& executor) {
                                               return executor->is_finished() || !executor->is_started();
                                             }));
  });
  end_ = Clock::now();
}

void TestRun::run_teardown() {
  if (!teardown_is_due_ || test_.options.no_teardown || !has_function("teardown")) return;
  phase_ = RunProgress::Phase::teardown;
  const auto timeout = test_.options.teardown_timeout.value;
  const StageResult& result = call_stage("teardown", "::teardown", test_.setup_data, timeout);
  use_stage_failure(result, "teardown", "teardownTimeout", timeout, ExitCode::teardown_timeout);
  stage_.reset();
}

void TestRun::linger() {
  if (!settings_.linger || signals_seen_ > 0) return;
  if (!settings_.quiet) screen_.print("The test is done, but --linger was enabled, so k6 is waiting for Ctrl+C to continue...\n");
  lingering_ = true;
  run_until([this] { return !lingering_; });
}

}  // namespace gauntlet::engine::run
