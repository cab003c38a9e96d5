#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/session.hpp"
#include "lab/stack/stack_plan.hpp"
#include "lab/stack/stack_report.hpp"

namespace gauntlet::cli {

void add_status_command(CLI::App& app, Session& session) {
  auto* command =
      app.add_subcommand("status", "Say where the stack is, what it reads, and at which addresses it answers")->group(kStackGroup);
  command->callback([&session] {
    auto stack = session.open_stack();
    if (!stack) return session.fail(stack.error());
    auto lines = lab::describe_stack(*stack);
    if (!lines) return session.fail(lines.error());
    for (const auto& [name, value] : *lines) fmt::print("{:<28}{}\n", name, value);
    if (!stack->is_supervised()) session.exit_code = kNotUp;
  });
}

}  // namespace gauntlet::cli
