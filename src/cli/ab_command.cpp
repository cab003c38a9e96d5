#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cli/commands.hpp"
#include "cli/session.hpp"
#include "lab/comparison/ab_run.hpp"

namespace gauntlet::cli {

void add_ab_command(CLI::App& app, Session& session) {
  auto* command =
      app.add_subcommand(
             "ab", "Run the same load with and without one changed setting of the services, and judge the difference")
          ->group(kLabGroup);
  struct Flags {
    std::string script, change;
    std::vector<std::string> variables;
    int seconds = 15, pairs = 4;
  };
  auto flags = std::make_shared<Flags>();
  command->add_option("script", flags->script, "The load, for example test/k6/scenario1_api_load.js")
      ->required()
      ->check(CLI::ExistingFile);
  command->add_option("--change", flags->change, "NAME=VALUE, over .env, for example DB_MAX_OPEN_CONNS=50")->required();
  command->add_option("-e,--env", flags->variables, "A variable for the script, NAME=VALUE; may be repeated")
      ->allow_extra_args(false);
  command->add_option("--seconds", flags->seconds, "Length of each run")
      ->capture_default_str()
      ->check(CLI::Range(2, 3600));
  command->add_option("--pairs", flags->pairs, "Runs of each side")->capture_default_str()->check(CLI::Range(2, 100));
  command->callback([flags, &session] {
    lab::AbOptions options;
    auto split = [&](const std::string& text, std::string& name, std::string& value) {
      const auto equals = text.find('=');
      if (equals == std::string::npos || equals == 0) return false;
      name = text.substr(0, equals);
      value = text.substr(equals + 1);
      return true;
    };
    if (!split(flags->change, options.name, options.value))
      return session.fail(
          {base::ErrorKind::invalid_argument, fmt::format("--change {}: write it as NAME=VALUE", flags->change)});
    for (const auto& variable : flags->variables) {
      std::string name, value;
      if (!split(variable, name, value))
        return session.fail(
            {base::ErrorKind::invalid_argument, fmt::format("--env {}: write it as NAME=VALUE", variable)});
      options.variables[name] = value;
    }
    auto stack = session.open_stack();
    if (!stack) return session.fail(stack.error());
    if (!stack->is_supervised())
      return session.fail(
          {base::ErrorKind::unavailable, "the stack is not up: gauntlet up (or make dev-up) starts it"});
    options.programs = Session::programs();
    options.script = std::filesystem::absolute(flags->script);
    options.length = std::chrono::seconds(flags->seconds);
    options.pairs = flags->pairs;
    lab::Interruption interruption;
    const auto report = run_ab(*stack, options, interruption, Session::tell);
    if (!report) return session.fail(report.error());
    fmt::print("\n{}", to_text(*report));
  });
}

}  // namespace gauntlet::cli
