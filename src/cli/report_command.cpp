#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cli/commands.hpp"
#include "cli/session.hpp"
#include "lab/report/documents.hpp"
#include "lab/target/system_under_test.hpp"

namespace gauntlet::cli {

void add_report_command(CLI::App& app, Session& session) {
  auto* command = app.add_subcommand("report", "Write the guide's documents and report.html, .md, .json, .xml (JUnit) from test/results")
                      ->group(kLabGroup);
  auto target = std::make_shared<std::string>();
  command->add_option("--target", *target, "Of the campaign on this target of gauntlet.toml");
  command->callback([target, &session] {
    const auto project = session.find_project();
    if (!project) return session.fail(project.error());
    const auto results = lab::results_of_target(*project, *target);
    const auto files = lab::write_reports(results, target->empty() ? *project / "docs" : results);
    if (!files) return session.fail(files.error());
    for (const auto& file : *files) Session::tell(file.lexically_relative(*project).string());
  });
}

void add_plan_command(CLI::App& app, Session& session) {
  auto* command =
      app.add_subcommand("plan", "Say what a number of players needs, by the model fitted to the last campaign")->group(kLabGroup);
  struct Flags {
    lab::PlayerBehaviour players;
    std::string headroom = "2x", target;
  };
  auto flags = std::make_shared<Flags>();
  auto& p = flags->players;
  command->add_option("--dau", p.daily_players, "Players a day")->required()->check(CLI::PositiveNumber);
  command->add_option("--headroom", flags->headroom, "Capacity over the peak's need, as in 2x")->capture_default_str();
  command->add_option("--requests", p.requests_per_player, "API requests of a player a day (an assumption)")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  command->add_option("--events", p.events_per_player, "Events of a player a day (an assumption)")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  command->add_option("--peak", p.peak_factor, "Busiest hour over the day's mean (an assumption)")
      ->capture_default_str()
      ->check(CLI::Range(1.0, 24.0));
  command->add_option("--goals", p.goals_per_player, "Goals that each player has (an assumption)")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  command->add_option("--target", flags->target, "By the campaign on this target of gauntlet.toml");
  command->callback([flags, &session] {
    char* end = nullptr;
    flags->players.headroom = std::strtod(flags->headroom.c_str(), &end);
    if (end == flags->headroom.c_str() || (*end != '\0' && std::string(end) != "x") || flags->players.headroom < 1)
      return session.fail(
          {base::ErrorKind::invalid_argument, fmt::format("--headroom {}: write a number of at least 1, as in 2x", flags->headroom)});
    const auto project = session.find_project();
    if (!project) return session.fail(project.error());
    const auto facts = lab::read_campaign_facts(lab::results_of_target(*project, flags->target));
    if (!facts) return session.fail(facts.error());
    if (!facts->model)
      return session.fail({base::ErrorKind::failed_precondition,
                           "no model: the last campaign has too few levels that held with monitors (scenarios 1 and 2 "
                           "are needed): gauntlet campaign --quick"});
    fmt::print("{}", plan_text(*facts->model, flags->players, plan_capacity(*facts->model, flags->players, bytes_per_row(*facts))));
  });
}

}  // namespace gauntlet::cli
