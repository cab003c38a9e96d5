#include "cli/agent_command.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/fleet_flags.hpp"
#include "cli/session.hpp"
#include "engine/session/agent.hpp"
#include "engine/session/fleet_check.hpp"

namespace gauntlet::cli {

int agent_command() {
  // What would be printed goes to standard error: the words to the leader are alone on what was the standard output.
  const int to_leader = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
  const int from_leader = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
  const int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (to_leader < 0 || from_leader < 0 || nothing < 0 || isatty(to_leader) == 1) {
    fmt::print(stderr,
               "gauntlet agent is started by a leader, which speaks to it: gauntlet run --agent 'ssh HOST' SCRIPT (docs/FLEET.md)\n");
    return kWrongUsage;
  }
  dup2(nothing, STDIN_FILENO);
  dup2(STDERR_FILENO, STDOUT_FILENO);
  close(nothing);
  return static_cast<int>(engine::session::run_agent(from_leader, to_leader));
}

void add_fleet_command(CLI::App& app, Session& session) {
  auto* command = app.add_subcommand("fleet", "Agents of a test on many machines: check tries them")->group(kLoadGroup);
  command->require_subcommand(1);
  auto* check = command->add_subcommand("check", "Try every carrier before any load: version, cores, clock, latency, open files");
  auto flags = std::make_shared<FleetFlags>();
  flags->declare(*check);
  check->callback([flags, &session] {
    const auto team = flags->read();
    if (!team) return session.fail(team.error());
    if (team->places.empty())
      return session.fail({base::ErrorKind::invalid_argument, "there is nobody to check: --agent CMD, --fleet FILE or --kubernetes N"});
    std::string problems;
    fmt::print("{:<24} {:<16} {:<12} {:>5} {:>7} {:>12} {:>14} {:>11}\n", "AGENT", "HOST", "VERSION", "CORES", "SHARE", "ROUND TRIP",
               "CLOCK OFFSET", "OPEN FILES");
    for (std::size_t i = 0; const auto& [agent, problem] : engine::session::check_fleet(*team)) {
      double whole = 0;
      for (const auto& place : team->places) whole += place.weight;
      const double share = 100 * team->places[i++].weight / whole;
      if (problem.empty()) {
        fmt::print("{:<24} {:<16} {:<12} {:>5} {:>5.1f} % {:>9.2f} ms {:>11.2f} ms {:>11}\n", agent.name, agent.host, agent.version,
                   agent.cores, share, agent.round_trip_ms, agent.clock_offset_ms, agent.open_files);
      } else {
        fmt::print("{:<24} does not answer as it should\n", agent.name);
        problems += (problems.empty() ? "" : "\n") + problem;
      }
    }
    if (!problems.empty()) session.fail({base::ErrorKind::failed_precondition, problems});
  });
}

}  // namespace gauntlet::cli
