#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cli/assignment.hpp"
#include "cli/commands.hpp"
#include "cli/session.hpp"
#include "cli/target_flag.hpp"
#include "lab/comparison/ab_run.hpp"

namespace gauntlet::cli {

void add_ab_command(CLI::App& app, Session& session) {
  auto* command =
      app.add_subcommand("ab", "Run the same load with and without one change of the system, and judge the difference")->group(kLabGroup);
  struct Flags {
    std::string script, change, before, after;
    std::vector<std::string> variables;
    int seconds = 15, pairs = 4;
    LoadedTargetFlags target;
  };
  auto flags = std::make_shared<Flags>();
  command->add_option("script", flags->script, "The load, for example test/k6/scenario1_api_load.js")->required()->check(CLI::ExistingFile);
  auto* setting =
      command->add_option("--change", flags->change, "A setting of the stack's services, over .env, for example DB_MAX_OPEN_CONNS=50");
  auto* before = command->add_option("--before", flags->before, "Or two commands of the shell: how it was,");
  command->add_option("--after", flags->after, "and the change, for example --after \"./tune.sh on\"")->needs(before)->excludes(setting);
  before->needs("--after");
  command->add_option("-e,--env", flags->variables, "A variable for the script, NAME=VALUE; may be repeated")->allow_extra_args(false);
  command->add_option("--seconds", flags->seconds, "Length of each run")->capture_default_str()->check(CLI::Range(2, 3600));
  command->add_option("--pairs", flags->pairs, "Runs of each side")->capture_default_str()->check(CLI::Range(2, 100));
  flags->target.declare(*command);
  command->callback([flags, &session] {
    lab::AbOptions options;
    auto variables = read_assignments("--env", flags->variables);
    if (!variables) return session.fail(variables.error());
    options.variables = std::move(*variables);
    if (flags->change.empty() == flags->after.empty())
      return session.fail({base::ErrorKind::invalid_argument, "say what changes: --change, or --before and --after"});
    const auto loaded = flags->target.open(session);
    if (!loaded) return session.fail(loaded.error());
    lab::AbChange change;
    if (flags->change.empty()) {
      change = lab::changed_by_commands(loaded->system.project, flags->before, flags->after);
    } else {
      const auto assigned = read_assignment("--change", flags->change);
      if (!assigned) return session.fail(assigned.error());
      if (!loaded->stack)
        return session.fail(
            {base::ErrorKind::invalid_argument, "--change restarts this checkout's services; a target is changed by --before and --after"});
      change = lab::changed_setting(*loaded->stack, Session::programs(), assigned->first, assigned->second);
    }
    if (loaded->stack)
      if (auto up = loaded->stack->require_up(); !up) return session.fail(up.error());
    options.script = std::filesystem::absolute(flags->script);
    options.length = std::chrono::seconds(flags->seconds);
    options.pairs = flags->pairs;
    lab::Interruption interruption;
    const auto report = run_ab(loaded->system, change, options, interruption, Session::tell);
    if (!report) return session.fail(report.error());
    fmt::print("\n{}", to_text(*report));
  });
}

}  // namespace gauntlet::cli
