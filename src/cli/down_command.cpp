#include <CLI/CLI.hpp>

#include "cli/commands.hpp"
#include "cli/session.hpp"

namespace gauntlet::cli {

void add_down_command(CLI::App& app, Session& session) {
  auto* command = app.add_subcommand("down", "Stop the stack; the database stays on disk")->group(kStackGroup);
  auto wipe = std::make_shared<bool>(false);
  command->add_flag("--wipe", *wipe, "Also delete the database, the logs and all else of this stack");
  command->callback([wipe, &session] {
    const auto down = [&]() -> base::Expected<void> {
      if (session.docker) return TRY(session.open_containers()).down(*wipe);
      auto stack = TRY(session.open_stack());
      return *wipe ? stack.wipe() : stack.down();
    };
    if (const auto done = down(); !done) return session.fail(done.error());
    Session::tell(*wipe ? "the stack is down, its data deleted" : "the stack is down");
  });
}

}  // namespace gauntlet::cli
