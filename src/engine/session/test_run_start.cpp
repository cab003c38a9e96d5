#include "engine/session/test_run.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/version.hpp"
#include "engine/session/machine.hpp"
#include "engine/sinks/file/output_file.hpp"

namespace gauntlet::engine::session {

bool TestRun::open_outputs() {
  if (!settings_.strict_k6) {
    std::vector<std::string> files;
    for (const auto& spec : settings_.outputs) {
      if (spec.writes_file()) files.push_back(spec.path);
    }
    if (!settings_.summary_export.empty()) files.push_back(settings_.summary_export);
    for (const std::string& file : files) {
      if (auto prepared = sinks::prepare_place(file); !prepared) {
        judge_.give({ExitCode::other, prepared.error().message, ""});
        return false;
      }
    }
  }
  metrics::CollectorOptions options;
  if (test_.options.system_tags.given) {
    auto tags = metrics::SystemTagSet::from_names(test_.options.system_tags);
    if (!tags) {
      judge_.give({ExitCode::invalid_config, tags.error().message, ""});
      return false;
    }
    options.system_tags = *tags;
  }
  options.lifecycle_apart = settings_.setup_apart;
  options.parts = settings_.summary_mode == sinks::SummaryMode::full;
  const bool wants_samples =
      !settings_.team &&  // its agents do
      std::any_of(settings_.outputs.begin(), settings_.outputs.end(), [](const auto& spec) { return spec.wants_samples(); });
  if (wants_samples) options.stream_bytes = session::kSampleRingBytes;
  options.deltas = settings_.member != nullptr;
  collector_ = std::make_unique<metrics::Collector>(registry_, options, users::Clock::now());
  recorder_ = collector_->make_recorder(nullptr);
  if (!wants_samples) return true;
  auto opened = session::SampleOutputs::open(settings_.outputs, *collector_->stream(), registry_, options.system_tags,
                                             [this](const std::string& message) { log_.write(users::LogLevel::warning, message); });
  if (!opened) {
    judge_.give({ExitCode::other, opened.error().message, ""});
    return false;
  }
  sample_outputs_ = std::move(*opened);
  sample_outputs_->start();
  files_to_end_ = sample_outputs_.get();
  return true;
}

void TestRun::open_dashboard() {
  if (!settings_.dashboard.enabled) return;
  dashboard::RunFacts facts;
  facts.script = program_.given_name();
  facts.version = base::kVersion;
  for (const plan::Scenario& scenario : plan_.scenarios) facts.scenarios.emplace_back(scenario.name, describe(scenario));
  facts.max_duration = plan_.longest;
  facts.max_vus = plan_.most_vus;
  facts.threads = thread_count();
  facts.cores = usable_cores();
  facts.started = std::chrono::system_clock::now();
  dashboard_ = std::make_unique<dashboard::Dashboard>(settings_.dashboard, facts, settings_.system_view);
  if (settings_.dashboard.port < 0) return;
  if (auto serving = dashboard_->serve(); !serving) {
    const std::string holder = settings_.describe_port_holder(settings_.dashboard.port);
    log_.write(users::LogLevel::warning,
               fmt::format("the test runs without the live page: {}{}; K6_WEB_DASHBOARD_PORT chooses another port, 0 takes a free one",
                           serving.error().message, holder.empty() ? "" : ", held by " + holder));
  }
}

void TestRun::show_header() {
  if (settings_.quiet) return;
  sinks::RunHeader header;
  if (dashboard_) header.dashboard_url = dashboard_->url();
  header.script = program_.given_name();
  for (const auto& spec : settings_.outputs) header.outputs.push_back(spec.description());
  header.segment_share = test_.stripe.share();
  header.max_vus = plan_.most_vus;
  header.max_duration = plan::format_duration(plan_.longest);
  for (const plan::Scenario& scenario : plan_.scenarios) header.scenarios.emplace_back(scenario.name, describe(scenario));
  screen_.print(sinks::render_banner(screen_.color()) + sinks::render_header(header, screen_.color()));
}

std::size_t TestRun::thread_count() const {
  std::size_t wanted = settings_.threads != 0 ? settings_.threads : usable_cores();
  if (settings_.team) wanted = 1;  // a leader only has handleSummary() to run
  return std::clamp<std::size_t>(static_cast<std::size_t>(plan_.most_vus), 1, wanted);
}

void TestRun::start_crew() {
  raise_descriptor_limit();
  crew_ = std::make_unique<Crew>(test_, control_, *collector_, thread_count());
  test_.abort = [this](std::string reason) {
    control_.post([this, reason = std::move(reason)] { abort({ExitCode::script_aborted, reason, ""}); });
  };
  test_.mark_failed = [this](std::string reason) {
    log_.write(users::LogLevel::error, reason.empty() ? "test marked as failed" : "test marked as failed: " + reason);
    control_.post([this] {
      if (settings_.member != nullptr) settings_.member->say_failed();
      judge_.mark_failed();
    });
  };
  watch_ = std::make_unique<Watch>(
      control_, Watched{settings_, plan_, test_, phase_, *crew_, *collector_, *recorder_, judge_, screen_, dashboard_.get()},
      [this](Verdict verdict) { abort(std::move(verdict)); });
  if (settings_.team) return;  // its watch begins with the team
  if (!settings_.strict_k6) crew_->watch_loops();
  watch_->start();
}

bool TestRun::initialize_vus() {
  if (test_.changes_builtins && !settings_.strict_k6 && !test_.options.isolated_users.value) {
    test_.log.write(
        users::LogLevel::info,
        "the script changes built-in objects: each virtual user gets its own, as with the option isolatedUsers, and is some 100 KB "
        "bigger and slower to start");
  }
  const auto failure = crew_->initialize(plan_.planned_vus);
  if (failure) judge_.give(verdict_of(program_, *failure));
  if (failure || crew_->is_aborted()) return false;
  watch_->begin_results();
  return true;
}

}  // namespace gauntlet::engine::session
