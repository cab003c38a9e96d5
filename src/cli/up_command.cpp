#include <CLI/CLI.hpp>

#include "cli/commands.hpp"
#include "cli/session.hpp"
#include "cli/stack_flags.hpp"

namespace gauntlet::cli {

void add_up_command(CLI::App& app, Session& session) {
  auto* command = app.add_subcommand("up", "Start PostgreSQL, Redis and both services; wait until all are healthy")->group(kStackGroup);
  auto flags = std::make_shared<StackFlags>();
  flags->declare(*command);
  command->add_flag("--limits", flags->limits, "The guide's limits: 1 CPU and 1 GB a service, 4 GB the database");
  command->callback([flags, &session] {
    auto options = flags->up_options();
    if (!options) return session.fail(options.error());
    if (session.docker) {
      if (const auto checked = flags->check_for_docker(); !checked) return session.fail(checked.error());
      if (!flags->names.empty())
        return session.fail(
            {base::ErrorKind::invalid_argument, "containers start together: leave out the names, or use docker-compose up"});
      const auto containers = session.open_containers();
      if (!containers) return session.fail(containers.error());
      if (auto up = containers->up(options->timeout, Session::tell); !up) session.fail(up.error());
      return;
    }
    options->only = {flags->names.begin(), flags->names.end()};
    auto stack = session.open_stack();
    if (!stack) return session.fail(stack.error());
    if (auto up = stack->up(*options, Session::tell); !up) return session.fail(up.error());
  });
}

}  // namespace gauntlet::cli
