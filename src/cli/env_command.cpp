#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cli/commands.hpp"
#include "cli/session.hpp"
#include "cli/shell_text.hpp"

namespace gauntlet::cli {

void add_env_command(CLI::App& app, Session& session) {
  auto* command = app.add_subcommand("env", "Print shell exports that point scripts and psql at the stack: eval \"$(gauntlet env)\"")
                      ->group(kStackGroup);
  command->callback([&session] {
    auto stack = session.open_stack();
    if (!stack) return session.fail(stack.error());
    auto plan = stack->plan();
    if (!plan) return session.fail(plan.error());
    for (const auto& [name, value] : lab::client_environment(*plan)) fmt::print("export {}={}\n", name, shell_quoted(value));
  });
}

}  // namespace gauntlet::cli
