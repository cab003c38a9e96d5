#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <regex>

#include "cli/assignment.hpp"
#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/session.hpp"
#include "cli/target_flag.hpp"
#include "lab/limit/limit_run.hpp"

namespace gauntlet::cli {

void add_limit_command(CLI::App& app, Session& session) {
  auto* command =
      app.add_subcommand("limit", "Find the highest level at which a script's thresholds hold, with a 95 % interval")->group(kLabGroup);
  struct Flags {
    std::string script, over, out;
    std::vector<std::string> variables;
    int window_s = 15, budget_s = 840;
    bool no_reset = false;
    LoadedTargetFlags target;
  };
  auto flags = std::make_shared<Flags>();
  command->add_option("script", flags->script, "A script that takes its level and DURATION from variables")->required();
  command->add_option("--over", flags->over, "The variable and its range, for example TARGET_RPS=50..5000")->required();
  command->add_option("-e,--env", flags->variables, "A further variable for the script, NAME=VALUE; may be repeated")
      ->allow_extra_args(false);
  command->add_option("--window", flags->window_s, "Seconds of each trial")->capture_default_str()->check(CLI::Range(5, 600));
  command->add_option("--budget", flags->budget_s, "Seconds for the whole search")->capture_default_str()->check(CLI::Range(10, 86'400));
  command->add_flag("--no-reset", flags->no_reset, "Do not empty and seed the database before each trial");
  command->add_option("-o,--out", flags->out, "Folder of the results (default: test/results/limit/<script>)");
  flags->target.declare(*command);
  command->callback([flags, &session] {
    static const std::regex kOver(R"(([A-Za-z_][A-Za-z0-9_]*)=(\d+)\.\.(\d+))");
    std::smatch parts;
    lab::LimitOptions options;
    if (!std::regex_match(flags->over, parts, kOver) || (options.lowest = std::stod(parts[2])) < 1 ||
        (options.highest = std::stod(parts[3])) <= options.lowest)
      return session.fail({base::ErrorKind::invalid_argument,
                           fmt::format("--over {}: write NAME=LOWEST..HIGHEST, for example TARGET_RPS=50..5000", flags->over)});
    options.variable = parts[1];
    auto variables = read_assignments("--env", flags->variables);
    if (!variables) return session.fail(variables.error());
    options.variables = std::move(*variables);
    const auto loaded = flags->target.open(session);
    if (!loaded) return session.fail(loaded.error());
    if (loaded->stack)
      if (auto up = loaded->stack->require_up(); !up) return session.fail(up.error());
    options.script = std::filesystem::absolute(flags->script);
    options.window = std::chrono::seconds(flags->window_s);
    options.budget = std::chrono::seconds(flags->budget_s);
    options.reset = !flags->no_reset;
    const auto folder =
        flags->out.empty() ? loaded->system.results / "limit" / options.script.stem() : std::filesystem::absolute(flags->out);
    lab::Interruption interruption;
    const auto report = find_limit(loaded->system, options, folder, interruption, Session::tell);
    if (!report) return session.fail(report.error());
    fmt::print("\n{}", to_text(*report));
    fmt::print("\nThe trials, what was seen at the limit, and profiles are in {}\n", folder.string());
    if (report->refused) session.exit_code = kFailed;
  });
}

}  // namespace gauntlet::cli
