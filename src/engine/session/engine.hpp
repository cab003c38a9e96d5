#pragma once
// Runs a test from its script to its exit code: the one public entry of the engine.
//
//   session::RunSettings settings;
//   settings.environment = ...;
//   return static_cast<int>(session::run_test("script.js", settings));
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/plan/options.hpp"
#include "engine/session/exit_code.hpp"
#include "engine/session/output_spec.hpp"
#include "engine/session/team.hpp"
#include "engine/sinks/page/dashboard_options.hpp"
#include "engine/sinks/page/system_view.hpp"
#include "engine/sinks/terminal/summary_text.hpp"
#include "engine/users/log.hpp"
#include "engine/users/secrets.hpp"

namespace gauntlet::engine::session {

class TeamMember;

struct RunSettings {
  /// From the command line: wins over everything else.
  plan::Options flags;
  /// --duration came alone: stretches what has a duration instead of replacing the scenarios (unless strict_k6).
  bool duration_stretches = false;
  /// K6_* variables of the options; nullptr for what is not set.
  std::function<const char*(const char*)> variable = [](const char*) { return nullptr; };
  /// JSON options file; empty: none. Its absence is an error.
  std::string config_path;
  /// __ENV of the script.
  plan::StringMap environment;
  users::LogOptions log;
  bool color = true;
  bool quiet = false;
  bool no_thresholds = false;
  bool strict_k6 = false;
  /// Only these of the script's scenarios; empty: all.
  std::vector<std::string> scenarios;
  /// One iteration of one virtual user in each scenario, whatever the options say.
  bool once = false;
  /// --tag adds to the script's option `tags` in place of replacing it.
  bool merge_run_tags = false;
  /// Trends go to Prometheus as native histograms.
  bool native_histograms = false;
  /// The script cannot change __ENV.
  bool freeze_env = false;
  sinks::SummaryMode summary_mode = sinks::SummaryMode::compact;
  std::string summary_export;
  std::vector<session::OutputSpec> outputs;
  /// The live page; `system_view` is what it shows beside the load (nullptr: nothing) and outlives the run.
  dashboard::DashboardOptions dashboard;
  dashboard::SystemView* system_view = nullptr;
  /// Says who listens on a port, for the message that the page's is taken; "" when that is not known.
  std::function<std::string(int port)> describe_port_holder = [](int) { return std::string(); };
  /// Asked once the scenarios are known and before anything runs: an error refuses the test.
  std::function<base::Expected<void>(const std::vector<plan::Scenario>&)> permit;
  /// Engine threads; 0: one per core that the process may use, at most one per virtual user.
  std::size_t threads = 0;
  /// What happens in the scenarios' first so much time is in no result.
  plan::Nanoseconds warm_up{0};
  /// Requests of setup() and teardown() are in no total, and in the endpoint table by names of their own.
  bool setup_apart = false;
  /// When the generator was the limit and nothing else went wrong, the exit code says so.
  bool require_generator_ok = false;
  /// A check that failed and a threshold that never had a sample are failures of the test.
  bool require_all_ok = false;
  /// This process is one of several: it runs its segment and reports to the leader.
  TeamMember* member = nullptr;
  /// Where console.* goes in place of the log; nullptr: there. Outlives the run.
  users::Log* console = nullptr;
  /// Agents do the work, each with a segment of the test and all from one moment on, and this process adds up, judges and reports.
  std::optional<TeamSettings> team;
  /// What --secret-source names; see Secrets.
  std::vector<std::string> secret_sources;
  /// In place of what they name.
  std::optional<users::Secrets> secrets;
  /// After the test, before its summary: stay until SIGINT or SIGTERM, so that the live page can be looked at.
  bool linger = false;
};

/// Blocks until the test is over. `script` is a path, of an archive too, or "-" for standard input. Everything is reported by then.
ExitCode run_test(const std::string& script, const RunSettings& settings);

// What is told of a script without running it; the script's init runs once.
/// Prints its options as JSON; with `requirements` those that a run would have, and its duration and most VUs.
ExitCode inspect_script(const std::string& script, const RunSettings& settings, bool requirements);
/// Packs it with all that it imports and opens; see script::Archive. "-" prints.
ExitCode archive_script(const std::string& script, const RunSettings& settings, const std::string& path, bool leave_environment_out);
/// Prints what it would do, and what would go wrong: the exit code that a run would end with before its load, 1 where it would
/// run and something in it cannot be meant, else 0.
ExitCode check_script(const std::string& script, const RunSettings& settings, bool as_json);
/// Prints what it imports.
ExitCode list_imports(const std::string& script, const RunSettings& settings, bool as_json);

}  // namespace gauntlet::engine::session
