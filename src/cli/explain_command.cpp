#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cli/commands.hpp"
#include "cli/session.hpp"
#include "lab/verdict/explanation.hpp"

namespace gauntlet::cli {

void add_explain_command(CLI::App& app, Session& session) {
  auto* command = app.add_subcommand("explain", "Say what limited a run, by which evidence, and what to change")->group(kLabGroup);
  struct Flags {
    std::string result;
    bool json = false;
  };
  auto flags = std::make_shared<Flags>();
  command->add_option("result", flags->result, "A result file of a campaign, for example test/results/scenario1/level_500rps.json")
      ->required();
  command->add_flag("--json", flags->json, "As JSON");
  command->callback([flags, &session] {
    const auto verdict = lab::explain(flags->result);
    if (!verdict) return session.fail(verdict.error());
    fmt::print("{}", flags->json ? lab::to_json(*verdict) : lab::to_text(*verdict));
  });
}

}  // namespace gauntlet::cli
