#include <CLI/CLI.hpp>

#include "cli/commands.hpp"
#include "cli/fleet_flags.hpp"
#include "cli/session.hpp"
#include "lab/demo/demo.hpp"

namespace gauntlet::cli {

void add_demo_command(CLI::App& app, Session& session) {
  auto* command =
      app.add_subcommand("demo", "Start the stack, run the guide's scenarios 1 to 3 at a level that this machine holds, show one table")
          ->group(kLoadGroup);
  struct Flags {
    int seconds = 20;
    bool down = false;
    FleetFlags fleet;
  };
  auto flags = std::make_shared<Flags>();
  command->add_option("--seconds", flags->seconds, "Length of each run")->capture_default_str()->check(CLI::Range(5, 3600));
  command->add_flag("--down", flags->down, "Take the stack down at the end instead of leaving it up");
  flags->fleet.declare(*command);
  command->callback([flags, &session] {
    if (const auto fleet = flags->fleet.read(); !fleet) return session.fail(fleet.error());
    auto stack = session.open_stack();
    if (!stack) return session.fail(stack.error());
    lab::Interruption interruption;
    const lab::DemoOptions options{.programs = Session::programs(),
                                   .duration = std::chrono::seconds(flags->seconds),
                                   .down_afterwards = flags->down,
                                   .loaded_with = flags->fleet.for_run()};
    if (auto done = run_demo(*stack, options, interruption, Session::tell); !done) return session.fail(done.error());
    if (!flags->down) Session::tell("the stack is up; make dev-down (gauntlet down) stops it");
  });
}

}  // namespace gauntlet::cli
