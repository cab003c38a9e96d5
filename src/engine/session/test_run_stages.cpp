#include "engine/session/test_run.hpp"

#include <fmt/format.h>

namespace gauntlet::engine::session {

using results::RunProgress;

void TestRun::use_stage_failure(const users::StageResult& result, const char* function, const char* option,
                                std::chrono::nanoseconds timeout, ExitCode timeout_code) {
  if (result.init_failure) {
    judge_.give(verdict_of(program_, *result.init_failure));
  } else if (result.timed_out) {
    judge_.give(
        {timeout_code, problem_of(result, function, timeout), fmt::format("You can increase the time limit via the {} option", option)});
  } else if (result.kind == users::Vu::CallResult::Kind::threw) {
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
  const users::StageResult result = crew_->call("setup", "::setup", std::nullopt, timeout);
  use_stage_failure(result, "setup", "setupTimeout", timeout, ExitCode::setup_timeout);
  if (result.is_function || !result.unusable_json.empty()) judge_.give({ExitCode::other, problem_of(result, "setup", timeout), ""});
  const bool went_well = !judge_.verdict() && !crew_->is_aborted();
  if (went_well) test_.setup_data = result.json;
  teardown_is_due_ = went_well;
  return went_well;
}

void TestRun::run_scenarios(users::Clock::time_point start) {
  phase_ = RunProgress::Phase::running;
  test_.start = start;
  if (settings_.warm_up.count() > 0) watch_->warm_up_until(test_.start + settings_.warm_up);
  crew_->run(plan_.scenarios);
  test_.end = users::Clock::now();
}

void TestRun::run_teardown() {
  if (!teardown_is_due_ || test_.options.no_teardown || !has_function("teardown")) return;
  phase_ = RunProgress::Phase::teardown;
  const auto timeout = test_.options.teardown_timeout.value;
  const users::StageResult result = crew_->call("teardown", "::teardown", test_.setup_data, timeout);
  use_stage_failure(result, "teardown", "teardownTimeout", timeout, ExitCode::teardown_timeout);
}

void TestRun::linger() {
  if (!settings_.linger || signals_seen_ > 0) return;
  if (!settings_.quiet) screen_.print("The test is done, but --linger was enabled, so k6 is waiting for Ctrl+C to continue...\n");
  lingering_ = true;
  run_until([this] { return !lingering_; });
}

}  // namespace gauntlet::engine::session
