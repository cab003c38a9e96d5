#include "cli/run_command.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/parse.hpp"
#include "cli/features.hpp"
#include "cli/fleet_flags.hpp"
#include "cli/run_flags.hpp"
#include "cli/session.hpp"
#include "cli/target_flag.hpp"
#include "engine/plan/options.hpp"
#include "engine/session/engine.hpp"
#include "engine/session/output_spec.hpp"
#include "engine/sinks/page/dashboard_options.hpp"
#include "engine/sinks/push/prometheus_remote_write.hpp"
#include "lab/monitor/live_view.hpp"
#include "lab/stack/ports.hpp"

namespace gauntlet::cli {
namespace {

using engine::plan::Options;
using engine::plan::StringMap;
using engine::session::ExitCode;
using engine::session::RunSettings;
using engine::users::LogOptions;

using Result = base::Expected<void>;

Session session_of_environment() {
  Session session;
  if (const char* project = std::getenv("GAUNTLET_PROJECT")) session.project = project;
  if (const char* folder = std::getenv("GAUNTLET_STATE_DIR")) session.state_dir = folder;
  return session;
}

/// The target's addresses become the script's variables, and its caps are asked before anything runs.
Result aim_at_target(Invocation& invocation) {
  auto profile = read_target(session_of_environment(), invocation.target);
  if (!profile) return tl::unexpected(profile.error());
  if (auto ok = lab::permit_target(*profile, invocation.owned_hosts); !ok) return ok;
  invocation.profile = std::make_shared<const lab::TargetProfile>(std::move(*profile));
  for (const auto& [name, value] : invocation.profile->target.variables) invocation.settings.environment[name] = value;
  invocation.settings.permit = [profile = invocation.profile](const auto& scenarios) { return lab::permit_scenarios(*profile, scenarios); };
  return {};
}

/// Settings that several flags make together, and those that variables may give instead.
Result finish(Invocation& invocation) {
  RunSettings& settings = invocation.settings;
  Options& options = settings.flags;
  if (!invocation.stages.empty()) {
    std::vector<engine::plan::Stage> stages;
    for (const std::string& text : invocation.stages) {
      if (text.empty()) continue;
      auto stage = engine::plan::parse_stage(text);
      if (!stage) return tl::unexpected(std::move(stage.error()).in(fmt::format("error for stage {}", stages.size())));
      stages.push_back(*stage);
    }
    options.stages = std::move(stages);
  }
  if (settings.once && (options.vus.given || options.iterations.given || options.duration.given || options.stages.given))
    return tl::unexpected(
        wrong_usage("--once is one iteration of one virtual user: leave --vus, --iterations, --duration and --stage out"));
  if (!invocation.tags.empty()) options.tags = std::move(invocation.tags);
  settings.duration_stretches = options.duration.given && !options.vus.given && !options.iterations.given && !options.stages.given;

  if (invocation.include_system_environment.value_or(!invocation.packs)) {
    for (char** entry = environ; *entry != nullptr; ++entry) {
      const std::string_view text(*entry);
      const std::size_t equals = text.find('=');
      if (equals != std::string_view::npos) settings.environment.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
  }
  if (!invocation.target.empty())
    if (auto ok = aim_at_target(invocation); !ok) return ok;
  for (const auto& [name, value] : invocation.environment) settings.environment[name] = value;
  settings.variable = [](const char* name) -> const char* { return std::getenv(name); };

  const auto from_variable = [](const char* name) { return std::getenv(name); };
  if (const char* text = from_variable("K6_SUMMARY_EXPORT"); text != nullptr && settings.summary_export.empty())
    settings.summary_export = text;
  if (const char* text = from_variable("K6_SECRET_SOURCE"); text != nullptr && *text != '\0' && settings.secret_sources.empty())
    settings.secret_sources.emplace_back(text);
  if (const char* text = from_variable("K6_OUT"); text != nullptr && *text != '\0' && invocation.outputs.empty())
    invocation.outputs.emplace_back(text);
  for (const auto& [name, member] :
       {std::pair{"K6_LINGER", &RunSettings::linger}, std::pair{"K6_NO_THRESHOLDS", &RunSettings::no_thresholds}}) {
    const char* text = from_variable(name);
    if (text == nullptr) continue;
    const auto value = base::parse_bool(text);
    if (value && *value) settings.*member = true;
  }
  if (const char* text = from_variable("K6_FEATURES"); text != nullptr) {
    if (auto ok = take_features(settings, text); !ok) return tl::unexpected(std::move(ok.error()).in("K6_FEATURES"));
  }
  if (from_variable("K6_NO_SUMMARY") != nullptr)
    return tl::unexpected(wrong_usage("K6_NO_SUMMARY is gone, as in k6 2: use K6_SUMMARY_MODE=disabled"));
  if (const char* text = from_variable("K6_SUMMARY_MODE"); text != nullptr && *text != '\0' && !invocation.summary_mode_given) {
    if (auto ok = set_summary_mode(invocation, text); !ok) return ok;
  }
  if (std::getenv("NO_COLOR") != nullptr || std::getenv("K6_NO_COLOR") != nullptr) settings.color = settings.log.color = false;
  if (const char* text = from_variable("K6_LOG_OUTPUT"); text != nullptr && settings.log.output == "stderr") settings.log.output = text;
  if (const char* text = from_variable("K6_LOG_FORMAT"); text != nullptr && settings.log.format == LogOptions::Format::automatic) {
    if (auto ok = set_log_format(invocation, text); !ok) return ok;
  }

  if (auto ok = engine::dashboard::read_dashboard_variables(settings.dashboard, from_variable); !ok) return ok;
  settings.describe_port_holder = [](int port) {
    const auto holder = lab::find_port_holder(port);
    return holder ? holder->describe() : std::string();
  };
  constexpr std::string_view kDashboard = "web-dashboard";
  const auto output_variable = [&](const char* name) {
    return settings.native_histograms && std::string_view(name) == engine::sinks::kNativeHistograms ? "true" : from_variable(name);
  };
  for (const std::string& text : invocation.outputs) {
    if (text.rfind(kDashboard, 0) == 0 && (text.size() == kDashboard.size() || text[kDashboard.size()] == '=')) {
      const std::string arguments = text.size() == kDashboard.size() ? "" : text.substr(kDashboard.size() + 1);
      if (auto ok = engine::dashboard::read_dashboard_arguments(settings.dashboard, arguments); !ok) return ok;
      continue;
    }
    auto output = TRY(engine::session::parse_output(text, settings.strict_k6, output_variable));
    settings.outputs.push_back(std::move(output));
  }
  if (invocation.processes > 1) settings.team = engine::session::TeamSettings::of_processes(invocation.processes);
  settings.environment.erase("GAUNTLET_FLEET_TOKEN");  // it is no script's
  if (invocation.fleet.listen.empty() && (invocation.fleet.expected || !invocation.fleet.token_file.empty()))
    return tl::unexpected(wrong_usage("--expect and --token-file go with --listen HOST:PORT, where agents join"));
  if (invocation.fleet.are_given()) {
    if (settings.team)
      return tl::unexpected(wrong_usage("a test has processes of this machine or agents: leave --processes or --agent out"));
    auto team = TRY(invocation.fleet.read());
    settings.team = std::move(team);
    if (!invocation.fleet.listen.empty() && !settings.quiet)
      fmt::print(stderr, "waiting for {} at {}: gauntlet agent --join HOST:PORT\n", invocation.fleet.joining(), invocation.fleet.listen);
  }
  if (settings.team) {
    settings.team->goes_on_without_lost = invocation.fleet.goes_on_without_lost;
    if (options.execution_segment.given)
      return tl::unexpected(
          wrong_usage("--processes and --agent make the segments themselves: leave --execution-segment and --segment out"));
    for (const auto& output : settings.outputs) {
      if (output.wants_samples() && output.path == "-")
        return tl::unexpected(
            wrong_usage(fmt::format("--out {} prints the samples of one process: with --processes and --agent give it a file, and each "
                                    "agent's comes under its name",
                                    output.text)));
    }
  }
  if (invocation.scripts.size() != 1) {
    return tl::unexpected(
        wrong_usage(fmt::format("accepts 1 arg(s), received {}: arg should either be \"-\", if reading script from "
                                "stdin, or a path to a script file",
                                invocation.scripts.size())));
  }
  return {};
}

/// The page shows what the target's profile says can be seen of it.
std::unique_ptr<lab::LiveView> watch_target(const lab::TargetProfile& profile) {
  auto target = profile.target;
  target.processes.push_back({"generator", getpid()});
  auto monitor = lab::Monitor::open([target]() -> base::Expected<lab::Target> { return target; });
  return monitor ? std::make_unique<lab::LiveView>(std::move(*monitor)) : nullptr;
}

/// The page shows the stack of the checkout around here beside the load, where it is up and the script is aimed at it.
std::unique_ptr<lab::LiveView> watch_stack(const StringMap& environment) {
  auto opened = session_of_environment().open_stack();
  if (!opened) return nullptr;
  auto stack = std::make_shared<lab::Stack>(std::move(*opened));  // shared: a std::function is copied
  auto monitor = lab::Monitor::open([stack]() -> base::Expected<lab::Target> {
    auto target = lab::target_of_stack(*stack);
    if (target) target->processes.push_back({"generator", getpid()});
    return target;
  });
  if (!monitor) return nullptr;
  bool elsewhere = false, here = false;
  for (const char* name : {"BASE_URL", "EVENT_HANDLER_ADDR"}) {
    const auto given = environment.find(name);
    if (given == environment.end()) continue;
    (given->second == monitor->target().variable(name) ? here : elsewhere) = true;
  }
  if (elsewhere && !here) return nullptr;
  return std::make_unique<lab::LiveView>(std::move(*monitor));
}

void print_script_help(std::string_view command) {
  if (command == "inspect") {
    fmt::print(
        "Print a script's options as JSON.\n\n  inspect [flags] SCRIPT\n\n"
        "  --execution-requirements   as a run would have them, with its duration and its most virtual users\n");
  } else if (command == "archive") {
    fmt::print(
        "Pack a script with all that it imports and opens: `run` takes the archive, and so does k6.\n\n  archive [flags] SCRIPT\n\n"
        "  -O, --archive-out FILE     where to write it (archive.tar; - prints)\n"
        "      --exclude-env-vars     without the variables of --env\n");
  } else if (command == "check") {
    fmt::print(
        "Load a script and say what it would do and what would go wrong, without a request: its options, its scenarios with their\n"
        "load over time, what it imports and opens, thresholds that never have a sample.\n\n  check [flags] SCRIPT\n\n"
        "  --json   as JSON\n\n"
        "Exit codes: 0 nothing found; 1 it runs, and something in it cannot be meant; else what `run` would end with before its load.\n");
  } else {
    fmt::print("List what a script imports.\n\n  deps [flags] SCRIPT\n\n  --json   as JSON\n");
  }
  fmt::print("\nThe flags of `run` count, too: `run --help` lists them, and what exit codes mean.\n");
}

}  // namespace

int script_command(int argc, char** argv) {
  const std::string_view command = argv[0];
  Invocation invocation;
  invocation.packs = command == "archive";
  auto ok = read_arguments(invocation, std::vector<std::string>(argv + 1, argv + argc));
  if (ok && invocation.help) {
    print_script_help(command);
    return static_cast<int>(ExitCode::ok);
  }
  if (ok) ok = finish(invocation);
  if (!ok) {
    if (auto log = engine::users::Log::open(invocation.settings.log)) (*log)->write(engine::users::LogLevel::error, ok.error().message);
    return static_cast<int>(ExitCode::other);
  }
  const std::string& script = invocation.scripts.front();
  if (command == "inspect") return static_cast<int>(engine::session::inspect_script(script, invocation.settings, invocation.requirements));
  if (command == "archive")
    return static_cast<int>(
        engine::session::archive_script(script, invocation.settings, invocation.archive_path, invocation.leave_environment_out));
  if (command == "check") return static_cast<int>(engine::session::check_script(script, invocation.settings, invocation.as_json));
  return static_cast<int>(engine::session::list_imports(script, invocation.settings, invocation.as_json));
}

int run_command(int argc, char** argv) {
  Invocation invocation;
  auto ok = read_arguments(invocation, std::vector<std::string>(argv + 1, argv + argc));
  if (ok && invocation.help) {
    print_run_help();
    return static_cast<int>(ExitCode::ok);
  }
  if (ok) ok = finish(invocation);
  if (!ok) {
    if (auto log = engine::users::Log::open(invocation.settings.log)) {
      (*log)->write(engine::users::LogLevel::error, ok.error().message);
    }
    fmt::print(stderr, "`gauntlet run --help` lists the flags\n");
    return static_cast<int>(ExitCode::other);
  }
  const std::string& script = invocation.scripts.front();
  std::unique_ptr<lab::LiveView> view;
  if (invocation.settings.dashboard.enabled) {
    view = invocation.profile ? watch_target(*invocation.profile) : watch_stack(invocation.settings.environment);
  }
  invocation.settings.system_view = view.get();
  return static_cast<int>(engine::session::run_test(script, invocation.settings));
}

}  // namespace gauntlet::cli
