#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cli/commands.hpp"
#include "cli/session.hpp"
#include "lab/campaign/campaign.hpp"
#include "lab/report/documents.hpp"

namespace gauntlet::cli {

void add_campaign_command(CLI::App& app, Session& session) {
  auto* command =
      app.add_subcommand("campaign", "Run the guide's five scenarios at all levels, stopping each at its first failure")
          ->group(kLabGroup);
  struct Flags {
    bool quick = false, standard = false, full = false, resume = false;
    int scenario = 0, seconds = 0, most_rps = 0, most_eps = 0;
  };
  auto flags = std::make_shared<Flags>();
  auto* quick = command->add_flag("--quick", flags->quick, "20 s a level: under 20 minutes in all");
  auto* standard =
      command->add_flag("--standard", flags->standard, "2 minutes a level: under an hour in all (the default)");
  auto* full = command->add_flag("--full", flags->full, "The guide's 30 minutes a level: 6 to 12 hours");
  quick->excludes(standard)->excludes(full);
  standard->excludes(full);
  command->add_option("--scenario", flags->scenario, "Only this one, 1 to 5")->check(CLI::Range(1, 5));
  command->add_option("--seconds", flags->seconds, "Length of each level instead of the size's")
      ->check(CLI::Range(2, 86'400));
  command->add_option("--max-rps", flags->most_rps, "Leave out levels with more requests a second")
      ->check(CLI::PositiveNumber);
  command->add_option("--max-eps", flags->most_eps, "Leave out levels with more events a second")
      ->check(CLI::PositiveNumber);
  command->add_flag("--resume", flags->resume,
                    "Go on with the campaign that was interrupted: finished levels are kept");
  command->callback([flags, &session] {
    auto stack = session.open_stack();
    if (!stack) return session.fail(stack.error());
    lab::Interruption interruption;
    lab::CampaignOptions options;
    options.programs = Session::programs();
    options.size = flags->quick  ? lab::CampaignSize::quick
                   : flags->full ? lab::CampaignSize::full
                                 : lab::CampaignSize::standard;
    if (flags->scenario > 0) options.scenario = flags->scenario;
    if (flags->seconds > 0) options.duration = std::chrono::seconds(flags->seconds);
    if (flags->most_rps > 0 || flags->most_eps > 0) options.highest = lab::LoadLevel{flags->most_rps, flags->most_eps};
    options.resume = flags->resume;
    const auto journal = run_campaign(*stack, options, interruption, Session::tell);
    if (!journal) return session.fail(journal.error());
    for (int scenario = 1; scenario <= 5; ++scenario) {
      const auto* held = journal->highest_held(scenario);
      const auto* failed = journal->first_failed(scenario);
      if (held == nullptr && failed == nullptr) continue;
      Session::tell(fmt::format(
          "scenario {}: holds {}{}", scenario, held == nullptr ? "no level" : level_title(held->level.load),
          failed == nullptr ? "; no level failed"
                            : fmt::format("; {} failed: {}", level_title(failed->level.load), failed->reason)));
    }
    const auto files = lab::write_reports(stack->project());
    if (!files) return session.fail(files.error());
    Session::tell(
        "the documents are in docs/ (PERFORMANCE_BASELINE.md, CAPACITY_PLANNING.md, PERFORMANCE_TUNING.md, "
        "TECH_SPEC_M2.md), report.html, report.json and report.xml in test/results");
    Session::tell("results are in test/results/scenario1 to scenario5, what was done in test/results/campaign.json");
  });
}

}  // namespace gauntlet::cli
