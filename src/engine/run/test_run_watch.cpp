#include "engine/run/test_run.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/duration.hpp"
#include "engine/run/machine.hpp"

namespace gauntlet::engine::run {

using metrics::MetricId;
using output::RunProgress;
using std::chrono::milliseconds;

namespace {

constexpr milliseconds kTick(1000);         // gauges, snapshots, and progress where there is no terminal
constexpr milliseconds kDrawInterval(100);  // progress on a terminal
constexpr int kTicksPerEvaluation = 2;      // of thresholds

}  // namespace

void TestRun::start_watching() {
  if (!registry_.strict_k6()) crew_->watch_loops();
  tick_timer_ = control_.call_after(kTick, [this] { tick(); });
  if (screen_.is_terminal() && !settings_.quiet) draw_timer_ = control_.call_after(kDrawInterval, [this] { draw(); });
}

void TestRun::tick() {
  ++ticks_;
  tick_timer_ = control_.call_after(kTick, [this] { tick(); });
  record_gauges();
  collector_->sample(Clock::now());
  record_health();
  if (phase_ == RunProgress::Phase::running && ticks_ % kTicksPerEvaluation == 0) evaluate_thresholds();
  update_dashboard();
  if (!screen_.is_terminal()) show_progress();
}

void TestRun::draw() {
  draw_timer_ = control_.call_after(kDrawInterval, [this] { draw(); });
  show_progress();
}

void TestRun::record_gauges() {
  const auto now = Clock::now();
  metrics::TagSet* tags = recorder_->tags().empty();
  recorder_->add(MetricId::vus, tags, static_cast<double>(test_.vus_active.load()), now);
  recorder_->add(MetricId::vus_max, tags, static_cast<double>(test_.vus_initialized.load()), now);
}

void TestRun::update_dashboard() {
  if (!dashboard_ || started_ == Clock::time_point{}) return;
  const output::Summary summary = summarize(dashboard::trend_stats());
  const RunProgress now = progress();
  dashboard_->update({collector_->snapshot(), judge_.thresholds(), summary, now, use_}, collector_->series());
}

void TestRun::end_dashboard() {
  if (!dashboard_) return;
  const output::Summary summary = summarize(dashboard::trend_stats());
  const RunProgress now = progress();
  dashboard::Ending ending;
  if (const auto& verdict = judge_.verdict()) ending = {.exit_code = static_cast<int>(verdict->code), .reason = verdict->message};
  dashboard_->end({collector_->snapshot(), judge_.thresholds(), summary, now, generator_use()}, collector_->series(), ending);
  if (settings_.dashboard.export_path.empty()) return;
  if (auto ok = dashboard_->write_report(); !ok) {
    log_.write(LogLevel::error, "the report could not be written", {{"error", ok.error().message}});
    judge_.give({ExitCode::other, ok.error().message, ""});
  } else {
    written_files_.emplace_back("report", settings_.dashboard.export_path);
  }
}

dashboard::GeneratorUse TestRun::generator_use() {
  const auto now = Clock::now();
  const double used = cpu_seconds();
  const double elapsed_s = base::seconds_of(now - last_tick_);
  dashboard::GeneratorUse use{.cpu_cores = elapsed_s > 0 ? (used - cpu_at_tick_s_) / elapsed_s : 0, .resident_bytes = resident_bytes()};
  last_tick_ = now;
  cpu_at_tick_s_ = used;
  return use;
}

/// Judges the second that has just been merged; its own sample comes with the next one.
void TestRun::record_health() {
  use_ = generator_use();
  const double share = use_.cpu_cores / static_cast<double>(usable_cores());
  if (phase_ == RunProgress::Phase::running && !registry_.strict_k6()) {
    const bool ok = output::GeneratorHealth::kept_up(collector_->snapshot(), share);
    recorder_->add(MetricId::generator_ok, recorder_->tags().empty(), ok ? 1 : 0, Clock::now());
  }
  if (collector_->stream() != nullptr && collector_->stream()->dropped() > 0 && !told_of_lost_samples_) {
    told_of_lost_samples_ = true;
    log_.write(LogLevel::warning, "an --out cannot keep up: it loses samples; the summary and the thresholds have them all");
  }
}

void TestRun::end_warm_up() {
  warming_up_ = false;
  if (phase_ != RunProgress::Phase::running) return;
  started_ = Clock::now();
  collector_->restart(started_);
  cpu_at_start_s_ = cpu_seconds();
  log_.write(LogLevel::info, fmt::format("the warm-up of {} is over: results count from here", format_duration(settings_.warm_up)));
}

void TestRun::evaluate_thresholds() {
  if (warming_up_ || settings_.member != nullptr) return;
  if (crew_->is_aborted()) return;
  if (auto verdict = judge_.look(collector_->snapshot())) abort(std::move(*verdict));
}

RunProgress TestRun::progress() const {
  const auto now = Clock::now();
  RunProgress progress;
  progress.phase = phase_;
  if (test_.start != Clock::time_point{}) progress.elapsed = (end_ == Clock::time_point{} ? now : end_) - test_.start;
  progress.max_duration = plan_.longest;
  progress.vus_active = test_.vus_active;
  progress.vus_initialized = test_.vus_initialized;
  progress.vus_to_initialize = plan_.planned_vus;
  progress.max_vus = plan_.most_vus;
  progress.iterations_complete = test_.iterations_completed;
  progress.iterations_interrupted = test_.iterations_interrupted;
  progress.scenarios = crew_->progress();
  if (progress.scenarios.empty()) {
    for (const Scenario& scenario : plan_.scenarios) {
      output::ScenarioProgress waiting;
      waiting.name = scenario.name;
      waiting.kind = static_cast<output::ScenarioProgress::Kind>(scenario.executor);
      progress.scenarios.push_back(std::move(waiting));
    }
  }
  return progress;
}

void TestRun::show_progress() {
  if (settings_.quiet) return;
  screen_.show_progress(
      output::render_progress(progress(), {.bars = screen_.is_terminal(), .color = screen_.color(), .columns = screen_.columns()}));
}

}  // namespace gauntlet::engine::run
