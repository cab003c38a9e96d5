#include "engine/session/test_run.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <thread>

namespace gauntlet::engine::session {

using results::RunProgress;

ExitCode TestRun::run() {
  // Before the script runs for the first time: it may do so for ever.
  watch_signals();
  const bool ready = look_at_script() && plan() && check_thresholds() && open_outputs();
  if (ready) {
    open_dashboard();
    show_header();
    start_crew();
    if (settings_.team) {
      lead_team();
    } else if (settings_.member != nullptr) {
      run_as_member();
    } else if (initialize_vus()) {
      if (run_setup()) run_scenarios(users::Clock::now());
      run_teardown();
      judge();
      linger();
      report();
    }
    close_outputs();
  }
  if (settings_.member != nullptr) {
    const Verdict verdict = judge_.verdict().value_or(Verdict());
    settings_.member->stop_listening();
    settings_.member->give_verdict(verdict, /*last=*/true);
    return verdict.code;
  }
  return finish();
}

ExitCode TestRun::finish() {
  const std::optional<Verdict>& verdict = judge_.verdict();
  if (!verdict) return ExitCode::ok;
  users::LogFields fields;
  if (!verdict->hint.empty()) fields.push_back({"hint", verdict->hint});
  log_.write(users::LogLevel::error, verdict->message, fields);
  return verdict->code;
}

void TestRun::warn(const std::string& message, const users::LogFields& fields) {
  if (!is_checked_) return log_.write(users::LogLevel::warning, message, fields);
  warnings_.emplace_back(fields.empty() ? std::string_view(message) : fields.front().value);
}

void TestRun::close_outputs() {
  watch_.reset();
  team_.reset();
  dashboard_.reset();
  crew_.reset();  // its recorders go before the collector
  if (sample_outputs_) {
    auto ok = sample_outputs_->finish();
    if (ok && settings_.member != nullptr) ok = give_samples();
    if (!ok) judge_.give({ExitCode::other, ok.error().message, ""});
  }
  recorder_.reset();
}

void TestRun::abort(Verdict verdict) {
  if (settings_.member != nullptr && !judge_.verdict()) settings_.member->give_verdict(verdict, /*last=*/false);
  judge_.give(std::move(verdict));
  if (team_) team_->stop();
  crew_->abort();
}

void TestRun::watch_signals() {
  signals_ = std::make_unique<SignalThread>([this](int number) { count_signal(number); });
}

void TestRun::count_signal(int number) {
  // There is nothing to end in order while scripts load, and one that loads for ever would not let it happen. Carriers of agents are
  // to be asked: one that waits for its machine has nothing yet that it would miss.
  if (++signals_seen_ > 1 || (phase_ == RunProgress::Phase::init && !has_carriers_)) end_at_once();
  control_.post([this, number] { end_in_order(number); });
}

void TestRun::end_at_once() {
  // Nothing that follows may hold this up: a full disk's file system, a pager at the other end of standard error.
  static constexpr std::chrono::milliseconds kPatience(900);
  static constexpr int kCode = static_cast<int>(ExitCode::interrupted);
  std::thread([] {
    std::this_thread::sleep_for(kPatience);
    _exit(kCode);
  }).detach();
  if (session::SampleOutputs* outputs = files_to_end_) outputs->end_files();
  log_.write(users::LogLevel::error, "Aborting k6 in response to signal");
  _exit(kCode);
}

void TestRun::end_in_order(int number) {
  if (lingering_) {
    lingering_ = false;
    return;
  }
  abort({ExitCode::interrupted,
         fmt::format("test run was aborted because k6 received a '{}' signal", number == SIGTERM ? "terminated" : "interrupt"), ""});
}

void TestRun::run_until(const std::function<bool()>& over) {
  while (!over()) control_.run_once(std::chrono::hours(1));
}

Verdict not_loaded(const script::Program& program, ExitCode code, const std::string& reason) {
  return {code,
          fmt::format("could not initialize '{}': could not load JS test '{}': {}", program.given_name(), program.entry_url(), reason), ""};
}

Verdict verdict_of(const script::Program& program, const users::Vu::InitFailure& failure) {
  switch (failure.kind) {
    case users::Vu::InitFailure::Kind::load: return not_loaded(program, ExitCode::script_exception, failure.message);
    case users::Vu::InitFailure::Kind::aborted: return not_loaded(program, ExitCode::script_aborted, failure.message);
    case users::Vu::InitFailure::Kind::exception: break;
  }
  return {ExitCode::script_exception, failure.message, "script exception"};
}

}  // namespace gauntlet::engine::session
