#include "engine/session/watch.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/duration.hpp"
#include "engine/results/gathered.hpp"
#include "engine/session/machine.hpp"
#include "engine/session/team_member.hpp"
#include "engine/sinks/terminal/terminal.hpp"

namespace gauntlet::engine::session {

using metrics::MetricId;
using results::RunProgress;
using std::chrono::milliseconds;

namespace {

constexpr milliseconds kTick(1000);         // gauges, snapshots, and progress where there is no terminal
constexpr milliseconds kDrawInterval(100);  // progress on a terminal
constexpr int kTicksPerEvaluation = 2;      // of thresholds

/// Of a core, by the thread that used the most.
double busiest_share(const std::vector<double>& before_s, const std::vector<double>& now_s, double elapsed_s) {
  double most = 0;
  for (std::size_t i = 0; i < std::min(before_s.size(), now_s.size()); ++i) most = std::max(most, now_s[i] - before_s[i]);
  return elapsed_s > 0 ? most / elapsed_s : 0;
}

}  // namespace

Watch::Watch(base::EventLoop& control, const Watched& watched, std::function<void(Verdict)> abort)
    : control_(control), watched_(watched), abort_(std::move(abort)) {}

void Watch::start() {
  tick_timer_ = control_.call_after(kTick, [this] { tick(); });
  if (watched_.screen.is_terminal() && !watched_.settings.quiet) {
    draw_timer_ = control_.call_after(kDrawInterval, [this] { draw(); });
  }
}

void Watch::stop() {
  control_.cancel(tick_timer_);
  control_.cancel(draw_timer_);
  control_.cancel(warm_up_timer_);
}

void Watch::begin_results() {
  begun_ = last_look_ = users::Clock::now();
  cpu_at_begin_s_ = cpu_at_last_look_s_ = cpu_seconds();
  threads_at_begin_s_ = threads_at_last_look_s_ = watched_.crew.cpu_seconds();
  watched_.collector.restart(*begun_);
  anew_ = true;
}

void Watch::warm_up_until(users::Clock::time_point end) {
  is_warming_up_ = true;
  warm_up_timer_ = control_.call_at(end, [this] { end_warm_up(); });
}

void Watch::end_warm_up() {
  is_warming_up_ = false;
  if (watched_.phase != RunProgress::Phase::running || team_ != nullptr) return;
  begun_ = users::Clock::now();
  cpu_at_begin_s_ = cpu_seconds();
  threads_at_begin_s_ = watched_.crew.cpu_seconds();
  watched_.collector.restart(*begun_);
  anew_ = true;
  watched_.test.log.write(users::LogLevel::info, fmt::format("the warm-up of {} is over: results count from here",
                                                             plan::format_duration(watched_.settings.warm_up)));
}

void Watch::tick() {
  ++ticks_;
  tick_timer_ = control_.call_after(kTick, [this] { tick(); });
  if (team_ != nullptr) {
    take_from_team();
  } else {
    record_gauges();
    watched_.collector.sample(users::Clock::now());
    record_health();
  }
  if (watched_.settings.member != nullptr && watched_.settings.member->is_clear()) report_to_leader();
  if (watched_.phase == RunProgress::Phase::running && ticks_ % kTicksPerEvaluation == 0) judge_thresholds();
  update_page();
  if (!watched_.screen.is_terminal()) show_progress();
}

void Watch::draw() {
  draw_timer_ = control_.call_after(kDrawInterval, [this] { draw(); });
  show_progress();
}

void Watch::record_gauges() {
  const auto now = users::Clock::now();
  metrics::TagSet* tags = watched_.recorder.tags().empty();
  watched_.recorder.add(MetricId::vus, tags, static_cast<double>(watched_.test.vus_active.load()), now);
  watched_.recorder.add(MetricId::vus_max, tags, static_cast<double>(watched_.test.vus_initialized.load()), now);
}

/// Judges the second that has just been merged; its own sample comes with the next one.
void Watch::record_health() {
  last_use_ = generator_use();
  const double share = last_use_.cpu_cores / static_cast<double>(usable_cores());
  if (watched_.phase == RunProgress::Phase::running && !watched_.settings.strict_k6) {
    const bool ok = results::GeneratorHealth::kept_up(watched_.collector.snapshot(), share, busiest_thread_);
    watched_.recorder.add(MetricId::generator_ok, watched_.recorder.tags().empty(), ok ? 1 : 0, users::Clock::now());
  }
  const metrics::SampleStream* stream = watched_.collector.stream();
  if (stream != nullptr && stream->dropped() > 0 && !told_of_lost_samples_) {
    told_of_lost_samples_ = true;
    watched_.test.log.write(users::LogLevel::warning,
                            "an --out cannot keep up: it loses samples; the summary and the thresholds have them all");
  }
}

void Watch::take_from_team() {
  watched_.collector.adopt(team_->add_up());
  last_use_ = team_->use();
}

void Watch::report_to_leader() {
  if (const std::uint64_t dropped = watched_.settings.member->take_dropped_lines(); dropped > 0) {
    watched_.test.log.write(users::LogLevel::warning,
                            fmt::format("{} lines of this log were dropped: they came faster than the leader reads", dropped));
  }
  const results::GeneratorHealth now = health();
  const results::Gathered gathered{.snapshot = watched_.collector.take_delta(),
                                   .rows = {},
                                   .thresholds = {},
                                   .cpu_share = now.cpu_share,
                                   .busiest_thread = now.busiest_thread,
                                   .interrupted = now.interrupted,
                                   .samples_dropped = now.samples_dropped};
  watched_.settings.member->give_window(results::to_json(gathered, watched_.collector.registry()), std::exchange(anew_, false), last_use_,
                                        progress());
}

void Watch::judge_thresholds() {
  if (is_warming_up_ || watched_.settings.member != nullptr || watched_.crew.is_aborted()) return;
  if (auto verdict = watched_.judge.look(watched_.collector.snapshot())) abort_(std::move(*verdict));
}

dashboard::GeneratorUse Watch::generator_use() {
  const auto now = users::Clock::now();
  const double used = cpu_seconds();
  const double elapsed_s = base::seconds_of(now - last_look_);
  dashboard::GeneratorUse use{.cpu_cores = elapsed_s > 0 ? (used - cpu_at_last_look_s_) / elapsed_s : 0,
                              .resident_bytes = resident_bytes()};
  std::vector<double> of_threads_s = watched_.crew.cpu_seconds();
  busiest_thread_ = busiest_share(threads_at_last_look_s_, of_threads_s, elapsed_s);
  threads_at_last_look_s_ = std::move(of_threads_s);
  last_look_ = now;
  cpu_at_last_look_s_ = used;
  return use;
}

results::GeneratorHealth Watch::health() const {
  results::GeneratorHealth health;
  if (team_ != nullptr) {
    health.cpu_share = team_->sum().cpu_share;
    health.busiest_thread = team_->sum().busiest_thread;
    health.interrupted = team_->sum().interrupted;
    if (std::string limits = team_->limits(); !limits.empty()) health.who = std::move(limits);
    return health;
  }
  const double elapsed_s = base::seconds_of(users::Clock::now() - begun_.value_or(users::Clock::time_point{}));
  if (elapsed_s > 0) {
    health.cpu_share = (cpu_seconds() - cpu_at_begin_s_) / elapsed_s / static_cast<double>(usable_cores());
    health.busiest_thread = busiest_share(threads_at_begin_s_, watched_.crew.cpu_seconds(), elapsed_s);
  }
  health.interrupted = watched_.test.iterations_interrupted;
  if (const metrics::SampleStream* stream = watched_.collector.stream()) health.samples_dropped = stream->dropped();
  return health;
}

results::Summary Watch::summarize(std::vector<std::string> trend_stats) const {
  const users::TestState& test = watched_.test;
  results::SummaryOptions options;
  options.trend_stats = std::move(trend_stats);
  options.time_unit = test.options.summary_time_unit;
  options.no_color = !watched_.settings.color;
  options.stdout_is_tty = isatty(STDOUT_FILENO) == 1;
  options.stderr_is_tty = isatty(STDERR_FILENO) == 1;
  options.explicit_scenarios = test.options.scenarios.given;
  options.says_no_data = !watched_.settings.strict_k6;
  options.rate_over_no_time = watched_.settings.strict_k6;
  options.setup_data_json = test.setup_data.value_or("");
  options.health = health();
  results::Summary summary = results::summarize(watched_.collector.snapshot(), watched_.judge.thresholds(), std::move(options));
  if (team_ != nullptr) summary.agents = team_->agents();
  summary.load = progress().scenarios;
  return summary;
}

RunProgress Watch::progress() const {
  const users::TestState& test = watched_.test;
  RunProgress progress;
  progress.phase = watched_.phase;
  if (test.start != users::Clock::time_point{})
    progress.elapsed = (test.end == users::Clock::time_point{} ? users::Clock::now() : test.end) - test.start;
  progress.max_duration = watched_.plan.longest;
  progress.vus_active = test.vus_active;
  progress.vus_initialized = test.vus_initialized;
  progress.vus_to_initialize = watched_.plan.planned_vus;
  progress.max_vus = watched_.plan.most_vus;
  progress.iterations_complete = test.iterations_completed;
  progress.iterations_interrupted = test.iterations_interrupted;
  progress.scenarios = watched_.crew.progress();
  if (progress.scenarios.empty()) {
    for (const plan::Scenario& scenario : watched_.plan.scenarios) {
      results::ScenarioProgress waiting;
      waiting.name = scenario.name;
      waiting.kind = static_cast<results::ScenarioProgress::Kind>(scenario.executor);
      if (team_ != nullptr) {
        waiting.start_time = scenario.start_time;
        waiting.duration = regular_duration(scenario);
        waiting.duration_text = plan::format_duration(waiting.duration);
      }
      progress.scenarios.push_back(std::move(waiting));
    }
  }
  if (team_ != nullptr) team_->report_progress(progress);
  return progress;
}

void Watch::show_progress() {
  if (watched_.settings.quiet) return;
  Screen& screen = watched_.screen;
  screen.show_progress(sinks::render_progress(
      progress(),
      {.bars = screen.is_terminal(), .color = screen.color(), .columns = screen.columns(), .rates = !watched_.settings.strict_k6}));
}

template <class Show>
void Watch::show_on_page(const dashboard::GeneratorUse& use, const Show& show) {
  const results::Summary summary = summarize(dashboard::trend_stats());
  const RunProgress now = progress();
  show(dashboard::Moment{watched_.collector.snapshot(), watched_.judge.thresholds(), summary, now, use}, watched_.collector.series());
}

void Watch::update_page() {
  if (watched_.page == nullptr || (!begun_ && team_ == nullptr)) return;
  show_on_page(last_use_, [&](const auto& moment, const auto& series) { watched_.page->update(moment, series); });
}

void Watch::end_page(const dashboard::Ending& ending) {
  show_on_page(team_ != nullptr ? last_use_ : generator_use(),
               [&](const auto& moment, const auto& series) { watched_.page->end(moment, series, ending); });
}

}  // namespace gauntlet::engine::session
