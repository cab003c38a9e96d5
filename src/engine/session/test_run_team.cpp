#include "engine/session/test_run.hpp"

namespace gauntlet::engine::session {

using metrics::MetricId;

void TestRun::run_as_member() {
  TeamMember& leader = *settings_.member;
  const bool initialized = initialize_vus();
  bool went_well = initialized;
  if (initialized) {
    leader.say_ready();
    if (leader.is_first()) {
      went_well = run_setup();
      if (went_well) leader.give_setup_data(test_.setup_data);
    }
  }
  if (went_well) {
    TeamMember::Start start = leader.wait_for_start();
    if (start.go) {
      test_.setup_data = std::move(start.setup_data);
      run_scenarios();
    }
    leader.say_finished();
    if (leader.is_first() && start.go && leader.wait_for_teardown()) run_teardown();
  }
  if (initialized) {
    judge();
    leader.give_results(results::to_json(gathered(), registry_));
  }
}

void TestRun::lead_team() {
  signals_.reset();                               // the team has its own
  phase_ = results::RunProgress::Phase::running;  // the members', which end in order when a signal comes
  TeamResults results = settings_.team->lead([this](int number) { count_signal(number); });
  watch_signals();
  of_team_.emplace();
  for (const std::string& json : results.gathered_json) {
    if (auto ok = results::add(*of_team_, json, registry_, results::Generators::share_the_cores); !ok) {
      judge_.give({ExitCode::other, ok.error().message, ""});
    }
  }
  results::GeneratorHealth health;
  health.cpu_share = of_team_->cpu_share;
  health.busiest_thread = of_team_->busiest_thread;
  health.interrupted = of_team_->interrupted;
  watch_->set_health(health);
  collector_->adopt(std::move(of_team_->snapshot));
  if (const auto* iterations = collector_->snapshot().find(MetricId::iterations)) {
    test_.iterations_completed = static_cast<std::uint64_t>(iterations->total.sum);
  }
  test_.setup_data = std::move(results.setup_data);
  if (results.code != ExitCode::ok) judge_.give({results.code, results.message, results.hint});
  if (results.gathered_json.empty()) return;
  judge();
  report();
}

}  // namespace gauntlet::engine::session
