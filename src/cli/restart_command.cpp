#include <CLI/CLI.hpp>

#include "cli/commands.hpp"
#include "cli/session.hpp"
#include "cli/stack_flags.hpp"

namespace gauntlet::cli {

void add_restart_command(CLI::App& app, Session& session) {
  auto* command =
      app.add_subcommand("restart", "Restart both services (or the named parts) with .env and config as they are now")->group(kStackGroup);
  auto flags = std::make_shared<StackFlags>();
  flags->declare(*command);
  command->callback([flags, &session] {
    auto options = flags->up_options();
    if (!options) return session.fail(options.error());
    const std::set<std::string> names(flags->names.begin(), flags->names.end());
    if (session.docker) {
      if (const auto checked = flags->check_for_docker(); !checked) return session.fail(checked.error());
      const auto containers = session.open_containers();
      if (!containers) return session.fail(containers.error());
      if (auto done = containers->restart(names, options->timeout, Session::tell); !done) session.fail(done.error());
      return;
    }
    auto stack = session.open_stack();
    if (!stack) return session.fail(stack.error());
    if (auto done = stack->restart(names, *options, Session::tell); !done) return session.fail(done.error());
  });
}

}  // namespace gauntlet::cli
