#include <fmt/format.h>

#include <map>

#include "base/duration.hpp"
#include "engine/script/archive.hpp"
#include "engine/session/machine.hpp"
#include "engine/session/test_run.hpp"

namespace gauntlet::engine::session {

using metrics::MetricId;
using results::RunProgress;

void TestRun::run_as_member() {
  TeamMember& leader = *settings_.member;
  leader.listen(control_, [this] { crew_->abort(); });
  if (!initialize_vus()) return;
  leader.say_ready();
  if (leader.is_first()) {
    run_until([&] { return leader.may_set_up(); });
    if (!run_setup()) {
      judge();
      watch_->report_to_leader();
      return;
    }
    leader.give_setup_data(test_.setup_data);
  }
  run_until([&] { return leader.start().has_value(); });
  test_.setup_data = leader.start()->setup_data;
  if (const auto late = users::Clock::now() - leader.start()->at; late > std::chrono::milliseconds(5)) {
    log_.write(users::LogLevel::warning, fmt::format("the leader's word to begin came {:.0f} ms late", base::milliseconds_of(late)));
  }
  run_scenarios(leader.start()->at);
  leader.say_finished();
  if (leader.is_first()) {
    run_until([&] { return leader.may_tear_down(); });
    run_teardown();
  }
  judge();
  watch_->report_to_leader();
}

base::Expected<void> TestRun::give_samples() {
  auto descriptor = sample_outputs_->for_leader().begin();
  for (std::uint32_t i = 0; i < settings_.outputs.size(); ++i) {
    if (settings_.outputs[i].for_leader) TRY(settings_.member->give_samples(i, *descriptor++));
  }
  return {};
}

base::Expected<void> TestRun::start_team() {
  const auto packed = TRY(script::pack_archive(archived(/*with_environment=*/true)));
  fleet::words::Assignment assignment;
  assignment.set_script(program_.given_name());
  assignment.set_machine_shares(1);
  assignment.set_threads(static_cast<std::uint32_t>(settings_.threads));
  if (settings_.team->share_the_machine) {
    const std::size_t shares = settings_.team->places.size();
    assignment.set_machine_shares(static_cast<std::uint32_t>(shares));
    if (settings_.threads == 0) assignment.set_threads(static_cast<std::uint32_t>(std::max<std::size_t>(1, usable_cores() / shares)));
  }
  *assignment.mutable_scenarios() = {settings_.scenarios.begin(), settings_.scenarios.end()};
  assignment.set_once(settings_.once);
  assignment.set_strict_k6(settings_.strict_k6);
  assignment.set_freeze_env(settings_.freeze_env);
  assignment.set_no_thresholds(settings_.no_thresholds);
  assignment.set_parts(settings_.summary_mode == sinks::SummaryMode::full);
  assignment.set_setup_apart(settings_.setup_apart);
  assignment.set_verbose(settings_.log.verbose);
  assignment.set_warm_up_ns(settings_.warm_up.count());
  assignment.set_local_ips(test_.options.local_ips.value);
  for (const auto& [name, values] : test_.secrets.sources()) {
    fleet::words::Secrets& source = *assignment.add_secrets();
    source.set_name(name);
    *source.mutable_values() = {values.begin(), values.end()};
    for (const auto& [key, secret] : values) log_.hide(secret);
  }
  std::map<std::uint32_t, std::string> sample_files;
  for (const OutputSpec& output : settings_.outputs) {
    if (!output.wants_samples()) continue;
    if (output.writes_file()) sample_files.emplace(assignment.outputs_size(), output.path);
    assignment.add_outputs(output.text);
    assignment.mutable_output_variables()->insert(output.variables.begin(), output.variables.end());
  }
  TRY(team_->start(packed, assignment, sample_files));
  if (const std::string names = team_->names_of_sample_files(); !names.empty() && !settings_.quiet)
    log_.write(users::LogLevel::info, fmt::format("each agent writes its samples, which come at the end as {}", names));
  return {};
}

void TestRun::lead_team() {
  Team::Ears ears;
  ears.note = [this](const std::string& agent, const fleet::words::Note& note) {
    users::LogFields fields;
    for (const auto& field : note.fields()) fields.push_back({field.key(), field.value()});
    if (!settings_.team->share_the_machine && !agent.empty()) fields.push_back({"agent", agent});
    (note.console() ? *test_.console : log_).write(static_cast<users::LogLevel>(std::min(note.level(), 3U)), note.message(), fields);
  };
  ears.fail = [this](Verdict verdict) { abort(std::move(verdict)); };
  ears.mark_failed = [this] { judge_.mark_failed(); };
  ears.phase = [this](RunProgress::Phase phase) {
    phase_ = phase;
    const auto now = users::Clock::now();
    if (phase == RunProgress::Phase::running) {
      test_.start = now;
      // The agents' words that it is over are there a little later.
      if (settings_.warm_up.count() > 0) watch_->warm_up_until(now + settings_.warm_up + std::chrono::seconds(2));
    }
    if (phase == RunProgress::Phase::teardown) test_.end = now;
  };
  ears.anew = [this] { collector_->forget_series(); };
  team_ = std::make_unique<Team>(control_, *settings_.team, registry_, std::move(ears));
  has_carriers_ = true;
  if (auto started = start_team(); !started) {
    judge_.give({ExitCode::other, started.error().message, ""});
    return;
  }
  watch_->look_at(*team_);
  watch_->start();
  run_until([this] { return team_->is_over(); });
  watch_->stop();
  watch_->take_from_team();
  if (const auto* iterations = collector_->snapshot().find(MetricId::iterations)) {
    test_.iterations_completed = static_cast<std::uint64_t>(iterations->total.sum);
  }
  test_.setup_data = team_->setup_data();
  if (phase_ == RunProgress::Phase::init) return;
  judge();
  if (const std::string lost = team_->lost(); !lost.empty())
    judge_.give({ExitCode::agent_lost, fmt::format("the test went on without {}", lost), ""});
  report();
}

}  // namespace gauntlet::engine::session
