#include <CLI/CLI.hpp>
#include <cstdio>

#include "cli/commands.hpp"
#include "engine/session/compatibility.hpp"

namespace gauntlet::cli {

void add_compatibility_command(CLI::App& app) {
  auto* command = app.add_subcommand("compatibility", "Print what of k6 the engine has, as Markdown")->group(kLoadGroup);
  command->callback([] { std::fputs(engine::compatibility_markdown().c_str(), stdout); });
}

}  // namespace gauntlet::cli
