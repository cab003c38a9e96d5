#pragma once
// A run from init to exit code: the state that its steps share, and the steps themselves, each group in a file of its own.
//   test_run.cpp           the story: in which order the steps come, and what ends them early
//   test_run_init.cpp      script, options, scenarios, thresholds: what is known before a thread starts
//   test_run_start.cpp     outputs, live page, header, threads, virtual users
//   test_run_stages.cpp    setup(), the scenarios, teardown()
//   test_run_report.cpp    the verdict, the summary, files
//   test_run_team.cpp      as one of several agents, or as their leader
//   test_run_inspect.cpp   what is told without running
//   test_run_check.cpp     what would go wrong, told without running
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/event_loop.hpp"
#include "engine/api/registry.hpp"
#include "engine/metrics/collector.hpp"
#include "engine/plan/plan.hpp"
#include "engine/results/gathered.hpp"
#include "engine/results/summary.hpp"
#include "engine/script/archive.hpp"
#include "engine/script/program.hpp"
#include "engine/session/crew.hpp"
#include "engine/session/engine.hpp"
#include "engine/session/judge.hpp"
#include "engine/session/sample_outputs.hpp"
#include "engine/session/screen.hpp"
#include "engine/session/signal_thread.hpp"
#include "engine/session/team.hpp"
#include "engine/session/team_member.hpp"
#include "engine/session/watch.hpp"
#include "engine/sinks/page/dashboard.hpp"
#include "engine/sinks/terminal/terminal.hpp"
#include "engine/users/stage_call.hpp"
#include "engine/users/test_state.hpp"

namespace gauntlet::engine::session {

Verdict not_loaded(const script::Program& program, ExitCode code, const std::string& reason);
Verdict verdict_of(const script::Program& program, const users::Vu::InitFailure& failure);

/// Its steps are methods, in the order of run(). All on the control thread.
class TestRun {
 public:
  TestRun(script::Program& program, users::Log& log, const RunSettings& settings)
      : settings_(settings),
        program_(program),
        log_(log),
        screen_(stdout, log, settings.color),
        registry_(settings.strict_k6),
        test_(program, api::kNatives, registry_, log) {}

  ExitCode run();
  ExitCode inspect(bool requirements);
  ExitCode archive(const std::string& path, bool leave_environment_out);
  ExitCode list_imports(bool as_json);
  ExitCode check(bool as_json);

 private:
  ExitCode finish();
  /// Tells the user, or keeps it for check() to tell.
  void warn(const std::string& message, const users::LogFields& fields = {});
  // Steps; false when the test ends there (the judge says why).
  bool look_at_script();
  bool settle_options(const std::string& script_options);
  bool plan();
  bool check_thresholds();
  bool open_outputs();
  void open_dashboard();
  void show_header();
  std::size_t thread_count() const;
  void start_crew();
  bool initialize_vus();
  bool run_setup();
  /// From that moment on.
  void run_scenarios(users::Clock::time_point start);
  void run_teardown();
  void linger();
  void judge();
  void report();
  void run_as_member();
  void lead_team();
  base::Expected<void> start_team();
  void close_outputs();
  /// To the leader: the files of samples.
  base::Expected<void> give_samples();

  void end_dashboard();
  void run_until(const std::function<bool()>& over);
  void watch_signals();
  /// On the signals' thread (of a leader while its team runs: the control thread). The first signal ends the test in order,
  /// the next one at once, whatever a thread is busy with.
  void count_signal(int number);
  [[noreturn]] void end_at_once();
  void end_in_order(int number);
  /// Cuts setup or the scenarios short.
  void abort(Verdict verdict);
  void use_stage_failure(const users::StageResult& result, const char* function, const char* option, std::chrono::nanoseconds timeout,
                         ExitCode timeout_code);

  /// The test as it is run elsewhere.
  script::Archive archived(bool with_environment) const;

  // The summary.
  results::Gathered gathered() const;
  /// What handleSummary made of it, or nothing: then the usual text is due.
  bool handle_summary(const results::Summary& summary);
  void write_summary_files(const users::StageResult& result);
  void write_export_files(const results::Summary& summary);

  bool wants_summary() const { return settings_.summary_mode != sinks::SummaryMode::disabled; }
  bool has_function(const std::string& name) const { return std::find(functions_.begin(), functions_.end(), name) != functions_.end(); }

  const RunSettings& settings_;
  script::Program& program_;
  users::Log& log_;
  Screen screen_;
  std::unique_ptr<users::Log> console_;
  base::EventLoop control_;
  metrics::MetricRegistry registry_;
  users::TestState test_;

  std::string script_options_;  // JSON, as exported
  std::vector<std::string> functions_;
  plan::RunPlan plan_;
  Judge judge_;
  bool is_checked_ = false;
  std::vector<std::string> warnings_;  // of a script that is checked

  std::unique_ptr<metrics::Collector> collector_;
  std::unique_ptr<metrics::Recorder> recorder_;
  std::unique_ptr<session::SampleOutputs> sample_outputs_;
  std::unique_ptr<dashboard::Dashboard> dashboard_;  // nullptr: not wanted
  std::unique_ptr<Crew> crew_;
  std::unique_ptr<Team> team_;  // nullptr: this process runs the test
  std::atomic<bool> has_carriers_ = false;
  std::unique_ptr<Watch> watch_;
  bool lingering_ = false;

  std::atomic<results::RunProgress::Phase> phase_ = results::RunProgress::Phase::init;
  bool teardown_is_due_ = false;
  std::atomic<int> signals_seen_{0};
  std::atomic<session::SampleOutputs*> files_to_end_{nullptr};  // of sample_outputs_, once they are open
  std::vector<std::pair<std::string, std::string>> written_files_;
  std::unique_ptr<SignalThread> signals_;  // ends first: it uses the rest
};

}  // namespace gauntlet::engine::session
