#include "engine/session/test_run.hpp"

#include <fmt/format.h>

#include <cstdio>

#include "engine/results/summary_json.hpp"
#include "engine/sinks/file/output_file.hpp"

namespace gauntlet::engine::session {

void TestRun::judge() {
  watch_->stop();
  if (!team_) collector_->sample(users::Clock::now(), std::chrono::seconds(5));
  if (settings_.member != nullptr) return;
  judge_.judge(collector_->snapshot());
  if (settings_.require_all_ok) judge_.require_all(collector_->snapshot());
  if (settings_.require_generator_ok) {
    results::SummaryOptions options;
    options.health = watch_->health();
    judge_.require(results::summarize(collector_->snapshot(), judge_.thresholds(), std::move(options)).generator.verdict);
  }
}

results::Gathered TestRun::gathered() const {
  const results::GeneratorHealth health_now = watch_->health();
  return {.snapshot = collector_->snapshot(),
          .rows = collector_->series().rows(),
          .thresholds = judge_.specs(),
          .cpu_share = health_now.cpu_share,
          .busiest_thread = health_now.busiest_thread,
          .interrupted = health_now.interrupted,
          .samples_dropped = health_now.samples_dropped};
}

void TestRun::report() {
  screen_.end_progress();
  const results::Summary summary = watch_->summarize(test_.options.summary_trend_stats);
  const bool color = screen_.color();
  if (wants_summary()) {
    const bool by_script = has_function("handleSummary") && handle_summary(summary);
    if (!by_script) screen_.print(sinks::render_summary(summary, settings_.summary_mode, color));
    const std::string beyond_k6 = settings_.strict_k6 ? "" : sinks::render_beyond_k6(summary, color && !by_script);
    if (by_script) {
      // A program may read what handleSummary() prints: standard output has nothing else.
      std::fwrite(beyond_k6.data(), 1, beyond_k6.size(), stderr);
    } else {
      screen_.print(beyond_k6);
    }
  }
  write_export_files(summary);
  end_dashboard();
  watch_->show_progress();
  if (!settings_.strict_k6 && !settings_.quiet) {
    if (team_) {
      for (const std::string& file : team_->sample_files()) written_files_.emplace_back("samples", file);
    }
    for (const auto& spec : settings_.outputs) {
      if (!team_ && spec.wants_samples() && spec.writes_file()) written_files_.emplace_back(spec.label(), spec.path);
    }
    screen_.print(sinks::render_output_files(written_files_, color));
  }
  if (!judge_.verdict() && test_.iterations_completed == 0) {
    log_.write(users::LogLevel::warning, "No script iterations fully finished, consider making the test duration longer");
  }
}

bool TestRun::handle_summary(const results::Summary& summary) {
  const auto timeout = test_.options.handle_summary_timeout.value;
  const users::StageResult result = crew_->call("handleSummary", "", results::handle_summary_json(summary), timeout);
  bool handled = false;
  if (result.init_failure || result.kind != users::Vu::CallResult::Kind::returned) {
    log_.write(users::LogLevel::error, problem_of(result, "handleSummary", timeout), {{"hint", "script exception"}});
  } else if (!result.unusable_file.empty()) {
    log_.write(users::LogLevel::error, "failed to handle the end-of-test summary", {{"error", result.unusable_file}});
    handled = true;
  } else if (!result.is_falsy) {
    write_summary_files(result);
    handled = true;
  }
  return handled;
}

void TestRun::write_summary_files(const users::StageResult& result) {
  for (const auto& [name, content] : result.files) {
    if (name == "stdout") {
      screen_.print(content);
    } else if (name == "stderr") {
      std::fwrite(content.data(), 1, content.size(), stderr);
    } else if (auto ok = sinks::write_whole_file(name, content); !ok) {
      log_.write(users::LogLevel::error, "failed to handle the end-of-test summary", {{"error", ok.error().message}});
    }
  }
}

void TestRun::write_export_files(const results::Summary& summary) {
  const auto write = [&](const std::string& label, const std::string& path, const std::string& content) {
    if (auto ok = sinks::write_whole_file(path, content); !ok) {
      log_.write(users::LogLevel::error, fmt::format("the {} could not be written", label), {{"error", ok.error().message}});
      judge_.give({ExitCode::other, ok.error().message, ""});
    } else if (path != "-") {
      written_files_.emplace_back(label, path);
    }
  };
  const bool leaves_export_out = settings_.strict_k6 && !wants_summary();  // it goes with the summary there
  if (!settings_.summary_export.empty() && !leaves_export_out)
    write("summary export", settings_.summary_export, results::summary_export_json(summary));
  for (const auto& spec : settings_.outputs) {
    if (spec.wants_samples()) continue;
    const results::Gathered all = gathered();
    write(spec.label(), spec.path, results::results_json(summary, all.rows, registry_, results::to_json(all, registry_)));
  }
}

void TestRun::end_dashboard() {
  if (!dashboard_) return;
  dashboard::Ending ending;
  if (const auto& verdict = judge_.verdict()) ending = {.exit_code = static_cast<int>(verdict->code), .reason = verdict->message};
  watch_->end_page(ending);
  if (settings_.dashboard.export_path.empty()) return;
  if (auto ok = dashboard_->write_report(); !ok) {
    log_.write(users::LogLevel::error, "the report could not be written", {{"error", ok.error().message}});
    judge_.give({ExitCode::other, ok.error().message, ""});
  } else {
    written_files_.emplace_back("report", settings_.dashboard.export_path);
  }
}

}  // namespace gauntlet::engine::session
