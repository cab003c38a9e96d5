#include <CLI/CLI.hpp>

#include "cli/commands.hpp"
#include "cli/session.hpp"
#include "lab/stack/supervisor.hpp"

namespace gauntlet::cli {

void add_supervise_command(CLI::App& app, Session& session) {
  auto* command = app.add_subcommand("supervise", "The stack's daemon, which `up` starts")->group("");  // not for people
  struct Flags {
    std::string folder;
    bool only_end = false;
  };
  auto flags = std::make_shared<Flags>();
  command->add_option("folder", flags->folder, "The stack's folder")->required();
  command->add_flag("--only-end", flags->only_end, "End what an earlier one left running");
  command->callback([flags, &session] {
    if (auto done = lab::supervise(lab::StackDirectory(flags->folder), flags->only_end); !done) session.fail(done.error());
  });
}

}  // namespace gauntlet::cli
