#include "cli/program.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.hpp"
#include "base/version.hpp"
#include "cli/agent_command.hpp"
#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/features.hpp"
#include "cli/new_command.hpp"
#include "cli/run_command.hpp"
#include "cli/session.hpp"

namespace gauntlet::cli {
namespace {

constexpr const char* kK6Help =
    "This k6 is Gauntlet's load engine under k6's name.\n"
    "\n"
    "  k6 run [flags] SCRIPT   run a load test; k6 run --help lists the flags\n"
    "  k6 new [FILE]           write a script to begin with\n"
    "  k6 inspect SCRIPT       print a script's options\n"
    "  k6 archive SCRIPT       pack a script with all that it needs; k6 run takes the archive\n"
    "  k6 deps SCRIPT          list what a script imports\n"
    "  k6 features             list what run --features switches on\n"
    "  k6 version              say which version of k6 it follows\n"
    "\n"
    "`gauntlet --help` lists what Gauntlet can do beside that.\n";

/// Flags that stand before any command, and the variables that say the same.
struct GlobalFlag {
  std::string_view name;
  const char* variable;
  std::string Session::*value;
  const char* help;
};
constexpr std::array kGlobalFlags = {
    GlobalFlag{"--project", "GAUNTLET_PROJECT", &Session::project,
               "The checkout to work on (default: the one around the working directory)"},
    GlobalFlag{"--state-dir", "GAUNTLET_STATE_DIR", &Session::state_dir,
               "Where the stack keeps its data (default: .gauntlet/ in the project, or below /var/lib/gauntlet where the servers' user "
               "cannot enter that)"},
};

struct GoneCommand {
  std::string_view name;
  const char* instead;
};
constexpr const char* kShowsTest = "--web shows a test while it runs, and --out prometheus=PORT lets it be scraped";
constexpr const char* kBeginsLater = "startTime lets a scenario begin later, and a stage with target 0 holds it back";
constexpr std::array kGone = {
    GoneCommand{"pause", kBeginsLater},
    GoneCommand{"resume", kBeginsLater},
    GoneCommand{"scale", "the stages of ramping-vus and ramping-arrival-rate say how the load changes"},
    GoneCommand{"status", kShowsTest},
    GoneCommand{"stats", kShowsTest},
    GoneCommand{"login", "an output takes its credentials from variables; docs/OUTPUTS.md lists them"},
};

/// Those of k6's commands that need no more than its flags; nothing when `command` is none of them.
std::optional<int> run_script_command(std::string_view command, int argc, char** argv) {
  if (command == "run") return run_command(argc, argv);
  if (command == "agent" && argc == 1) return agent_command();
  if (command == "new") return new_command(argc, argv);
  if (command == "inspect" || command == "archive" || command == "deps" || command == "check") return script_command(argc, argv);
  if (command == "features") return features_command();
  const auto gone = std::find_if(kGone.begin(), kGone.end(), [&](const GoneCommand& one) { return one.name == command; });
  if (gone != kGone.end()) return fail_as_k6(fmt::format("the command {} is gone, as in k6 2: {}", command, gone->instead));
  return std::nullopt;
}

/// `k6 ...`: the commands of the real one that we have, under their own rules.
int run_as_k6(int argc, char** argv) {
  const std::string_view command = argc > 1 ? argv[1] : "help";
  if (const auto code = argc > 1 ? run_script_command(command, argc - 1, argv + 1) : std::nullopt) return *code;
  if (command == "version" || command == "--version") {
    fmt::print("k6 v2.3.0 (compatible engine of gauntlet {})\n", base::kVersion);
    return kDone;
  }
  if (command == "help" || command == "--help" || command == "-h") {
    std::fputs(kK6Help, stdout);
    return kDone;
  }
  fmt::print(stderr, "k6: there is no `{}` here\n{}", command, kK6Help);
  return kWrongUsage;
}

/// `gauntlet --project DIR run ...`: commands that read their arguments themselves get the flags before them as variables.
std::optional<int> run_script_command_after_flags(int argc, char** argv) {
  std::vector<std::pair<const char*, const char*>> variables;
  int at = 1;
  for (; at < argc; ++at) {
    const std::string_view word = argv[at];
    if (word == "--docker") continue;  // a script's target is its own affair
    const std::string_view name = word.substr(0, word.find('='));
    const auto flag = std::find_if(kGlobalFlags.begin(), kGlobalFlags.end(), [&](const GlobalFlag& one) { return one.name == name; });
    if (flag == kGlobalFlags.end()) break;
    if (word.size() > name.size()) variables.emplace_back(flag->variable, argv[at] + name.size() + 1);
    else if (++at < argc) variables.emplace_back(flag->variable, argv[at]);
  }
  const std::string_view command = at < argc ? argv[at] : "";
  if (command.empty() || command == "status") return std::nullopt;  // `gauntlet status` is the stack's
  for (const auto& [name, value] : variables) ::setenv(name, value, 1);
  return command == "k6-compatible" ? run_as_k6(argc - at, argv + at) : run_script_command(command, argc - at, argv + at);
}

void describe_load_commands(CLI::App& app) {
  // They read their flags themselves, k6's way, and never reach this parser; here for --help only.
  app.add_subcommand("run", "Run a k6 script on this engine (gauntlet run --help lists the flags)")->group(kLoadGroup);
  app.add_subcommand("new", "Write a script to begin with (--template minimal, protocol, or a file; --types: with types for an editor)")
      ->group(kLoadGroup);
  app.add_subcommand("inspect", "Print a script's options (--execution-requirements: with its duration and most VUs)")->group(kLoadGroup);
  app.add_subcommand("archive", "Pack a script with all that it imports and opens; run takes the archive, and so does k6")
      ->group(kLoadGroup);
  app.add_subcommand("deps", "List what a script imports (--json)")->group(kLoadGroup);
  app.add_subcommand("features", "List what run --features switches on")->group(kLoadGroup);
  app.add_subcommand("check", "Say what a script would do and what would go wrong, without a request (--json)")->group(kLoadGroup);
  app.add_subcommand("k6-compatible", "Be k6: gauntlet k6-compatible run SCRIPT; also under the name `k6`")->group(kLoadGroup);
}

/// ", did you mean up?", or nothing.
std::string meant(std::string_view word, const std::vector<std::string>& names) {
  const std::string_view nearest = base::nearest_name(word, std::vector<std::string_view>(names.begin(), names.end()));
  return nearest.empty() ? "" : fmt::format(", did you mean {}?", nearest);
}

/// Names the first argument that the command, or its own command, does not take.
int refuse_extras(const CLI::App& app) {
  const CLI::App* command = &app;
  std::string path = app.get_name();
  while (!command->get_subcommands().empty()) {
    command = command->get_subcommands().front();
    path += " " + command->get_name();
  }
  const std::vector<std::string> extras = app.remaining(true);
  const auto flag = std::find_if(extras.begin(), extras.end(), [](const std::string& word) { return word.starts_with('-'); });
  const std::string& word = flag == extras.end() ? extras.front() : *flag;
  std::vector<std::string> names;
  for (const CLI::Option* option : command->get_options())
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  fmt::print(stderr, "{} does not take {}{}; {} --help says what it takes\n", path, word, meant(word.substr(0, word.find('=')), names),
             path);
  return kWrongUsage;
}

}  // namespace

int run_program(int argc, char** argv) {
  const std::string_view first = argc > 1 ? argv[1] : "";
  if (argc > 0 && std::filesystem::path(argv[0]).filename() == "k6") return run_as_k6(argc, argv);
  if (const auto code = run_script_command_after_flags(argc, argv)) return *code;

  CLI::App app("Gauntlet: load tests for the challenge backend, and the backend to test", "gauntlet");
  Session session;
  app.require_subcommand(1);
  app.set_version_flag("--version", std::string("gauntlet ") + base::kVersion);
  app.footer(exit_codes_help());
  for (const GlobalFlag& flag : kGlobalFlags)
    app.add_option(std::string(flag.name), session.*flag.value, flag.help)->envname(flag.variable);
  app.add_flag("--docker", session.docker, "The stack of docker-compose.yml instead of the native one, also by STACK=docker");
  app.fallthrough();
  add_up_command(app, session);
  add_ps_command(app, session);
  add_restart_command(app, session);
  add_down_command(app, session);
  add_logs_command(app, session);
  add_status_command(app, session);
  add_env_command(app, session);
  add_events_command(app, session);
  add_exec_sql_command(app, session);
  add_supervise_command(app, session);
  add_fixtures_command(app, session);
  add_reset_command(app, session);
  describe_load_commands(app);
  add_demo_command(app, session);
  add_watch_command(app, session);
  add_merge_command(app, session);
  add_compare_command(app, session);
  add_compatibility_command(app);
  add_claims_command(app, session);
  add_ags_mock_command(app, session);
  add_contract_test_command(app, session);
  add_profile_command(app, session);
  add_campaign_command(app, session);
  add_limit_command(app, session);
  add_explain_command(app, session);
  add_report_command(app, session);
  add_runs_command(app, session);
  add_ab_command(app, session);
  add_doctor_command(app, session);
  add_plan_command(app, session);
  add_agent_command(app, session);
  add_fleet_command(app, session);
  add_completion_commands(app);
  app.add_subcommand("version", "Say which version this is (k6-compatible version: which k6 the engine follows)")
      ->group(kLoadGroup)
      ->callback([] { fmt::print("gauntlet {}\n", base::kVersion); });
  if (!first.empty() && first.front() != '-' && app.get_subcommands([&](const CLI::App* c) { return c->get_name() == first; }).empty()) {
    const auto commands = app.get_subcommands([](const CLI::App* c) { return !c->get_group().empty(); });
    std::vector<std::string> names;
    for (const CLI::App* command : commands) names.push_back(command->get_name());
    fmt::print(stderr, "gauntlet: there is no command `{}`{}; gauntlet --help lists them\n", first, meant(first, names));
    return kWrongUsage;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ExtrasError&) {
    return refuse_extras(app);
  } catch (const CLI::ParseError& problem) {
    return app.exit(problem) == 0 ? kDone : kWrongUsage;
  }
  return session.exit_code;
}

}  // namespace gauntlet::cli
