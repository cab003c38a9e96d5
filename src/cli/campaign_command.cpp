#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cli/commands.hpp"
#include "cli/session.hpp"
#include "cli/target_flag.hpp"
#include "lab/campaign/campaign.hpp"
#include "lab/report/documents.hpp"

namespace gauntlet::cli {

void add_campaign_command(CLI::App& app, Session& session) {
  auto* command =
      app.add_subcommand("campaign", "Run the guide's five scenarios at all levels, stopping each at its first failure")->group(kLabGroup);
  struct Flags {
    bool quick = false, standard = false, full = false, resume = false, web = false;
    int scenario = 0, seconds = 0, most_rps = 0, most_eps = 0;
    LoadedTargetFlags target;
  };
  auto flags = std::make_shared<Flags>();
  auto* quick = command->add_flag("--quick", flags->quick, "20 s a level: under 20 minutes in all");
  auto* standard = command->add_flag("--standard", flags->standard, "2 minutes a level: under an hour in all (the default)");
  auto* full = command->add_flag("--full", flags->full, "The guide's 30 minutes a level: 6 to 12 hours");
  quick->excludes(standard)->excludes(full);
  standard->excludes(full);
  command->add_option("--scenario", flags->scenario, "Only this one, 1 to 5")->check(CLI::Range(1, 5));
  command->add_option("--seconds", flags->seconds, "Length of each level instead of the size's")->check(CLI::Range(2, 86'400));
  command->add_option("--max-rps", flags->most_rps, "Leave out levels with more requests a second")->check(CLI::PositiveNumber);
  command->add_option("--max-eps", flags->most_eps, "Leave out levels with more events a second")->check(CLI::PositiveNumber);
  command->add_flag("--web", flags->web, "The live page at http://127.0.0.1:5665, from level to level (K6_WEB_DASHBOARD_* as with run)");
  command->add_flag("--resume", flags->resume, "Go on with the campaign that was interrupted: finished levels are kept");
  flags->target.declare(*command);
  command->callback([flags, &session] {
    const auto loaded = flags->target.open(session);
    if (!loaded) return session.fail(loaded.error());
    lab::Interruption interruption;
    lab::CampaignOptions options;
    options.programs = Session::programs();
    options.size = flags->quick ? lab::CampaignSize::quick : flags->full ? lab::CampaignSize::full : lab::CampaignSize::standard;
    if (flags->scenario > 0) options.scenario = flags->scenario;
    if (flags->seconds > 0) options.duration = std::chrono::seconds(flags->seconds);
    if (flags->most_rps > 0 || flags->most_eps > 0) options.highest = lab::LoadLevel{flags->most_rps, flags->most_eps};
    options.resume = flags->resume;
    options.web = flags->web;
    const auto journal = run_campaign(loaded->system, loaded->stack.get(), options, interruption, Session::tell);
    if (!journal) return session.fail(journal.error());
    for (int scenario = 1; scenario <= 5; ++scenario) {
      const auto* held = journal->highest_held(scenario);
      const auto* failed = journal->first_failed(scenario);
      if (held == nullptr && failed == nullptr) continue;
      Session::tell(fmt::format(
          "scenario {}: holds {}{}", scenario, held == nullptr ? "no level" : level_title(held->level.load),
          failed == nullptr ? "; no level failed" : fmt::format("; {} failed: {}", level_title(failed->level.load), failed->reason)));
    }
    const auto& system = loaded->system;
    const auto files = lab::write_reports(system.results, system.documents);
    if (!files) return session.fail(files.error());
    const std::string results = system.results.lexically_relative(system.project).string();
    Session::tell(
        fmt::format("the documents are in {}/ (PERFORMANCE_BASELINE.md, CAPACITY_PLANNING.md, PERFORMANCE_TUNING.md, "
                    "TECH_SPEC_M2.md), report.html, report.json and report.xml in {}",
                    system.documents.lexically_relative(system.project).string(), results));
    Session::tell(fmt::format("results are in {0}/scenario1 to scenario5, what was done in {0}/campaign.json", results));
  });
}

}  // namespace gauntlet::cli
