#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cli/commands.hpp"
#include "cli/session.hpp"
#include "lab/target/stack_reset.hpp"

namespace gauntlet::cli {

void add_reset_command(CLI::App& app, Session& session) {
  auto* command = app.add_subcommand("reset", "Empty the progress tables and statistics, then give every player of test/fixtures its goals")
                      ->group(kDataGroup);
  struct Flags {
    lab::SeedOptions seed;
    int active = 0;
    bool no_seed = false;
  };
  auto flags = std::make_shared<Flags>();
  command->add_flag("--no-seed", flags->no_seed, "Leave the tables empty; events then change nothing until players are initialised");
  command->add_option("--completed", flags->seed.completed, "Share of the goals that are completed and unclaimed, 0 to 1")
      ->capture_default_str();
  auto* active = command->add_option("--active", flags->active, "Goals given to each player (default: the default-assigned ones)");
  command->add_option("--seed", flags->seed.seed, "Which goals are the completed ones")->capture_default_str();
  command->callback([flags, active, &session] {
    if (active->count() > 0) flags->seed.active = flags->active;
    const auto reset = [&]() -> base::Expected<lab::SeedReport> {
      const auto seed = flags->no_seed ? std::nullopt : std::optional(flags->seed);
      if (session.docker) return lab::reset_stack(TRY(session.open_containers()), seed);
      const auto stack = TRY(session.open_stack());
      return lab::reset_stack(stack, seed);
    };
    const auto report = reset();
    if (!report) return session.fail(report.error());
    if (flags->no_seed) return Session::tell("progress and statistics are empty");
    Session::tell(
        fmt::format("seeded {} rows, {} of them completed and unclaimed, in {:.1f} s", report->rows, report->completed, report->seconds));
    if (!report->warning.empty()) fmt::print(stderr, "gauntlet: {}\n", report->warning);
  });
}

}  // namespace gauntlet::cli
