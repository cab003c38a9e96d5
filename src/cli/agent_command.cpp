#include "cli/agent_command.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/signals.hpp"
#include "base/system_error.hpp"
#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/fleet_flags.hpp"
#include "cli/session.hpp"
#include "engine/fleet/joining.hpp"
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
               "gauntlet agent is started by a leader, which speaks to it: gauntlet run --agent 'ssh HOST' SCRIPT; or it calls one: --join "
               "HOST:PORT (docs/FLEET.md)\n");
    return kWrongUsage;
  }
  dup2(nothing, STDIN_FILENO);
  dup2(STDERR_FILENO, STDOUT_FILENO);
  close(nothing);
  return static_cast<int>(engine::session::run_agent(from_leader, to_leader));
}

namespace {

using engine::fleet::Joined;

/// An agent whose words a connection carries that it has opened itself.
base::Expected<int> join_leader(const std::string& leader, const std::string& token, std::chrono::seconds patience) {
  auto joined = TRY(Joined::connect(leader, token, patience));
  base::block_signals({SIGINT, SIGTERM});  // of threads, too: a leader that ends ends it
  std::array<int, 2> from_leader{};
  std::array<int, 2> to_leader{};
  if (pipe2(from_leader.data(), O_CLOEXEC) != 0 || pipe2(to_leader.data(), O_CLOEXEC) != 0)
    return tl::unexpected(base::system_error(errno, "no pipe"));
  std::thread carrier([&] {
    joined.carry(to_leader[0], from_leader[1]);
    close(from_leader[1]);
  });
  const auto code = static_cast<int>(engine::session::run_agent(from_leader[0], to_leader[1]));
  close(to_leader[1]);
  carrier.join();
  return code;
}

/// The leader's side of such a connection, on this process's standard input and output.
base::Expected<int> carry_one_that_joins(const std::string& address, const std::string& token) {
  auto joined = TRY(Joined::accept(address, token, STDIN_FILENO));
  joined.carry(STDIN_FILENO, STDOUT_FILENO);
  return kDone;
}

}  // namespace

void add_agent_command(CLI::App& app, Session& session) {
  auto* command = app.add_subcommand("agent", "Take a share of a test that another machine leads (run --agent starts it; docs/FLEET.md)")
                      ->group(kLoadGroup);
  struct Flags {
    std::string leader, listen, token_file;
    std::int64_t patience_s = 600;
  };
  auto flags = std::make_shared<Flags>();
  auto* joins = command->add_option("--join", flags->leader, "Call the leader that listens at HOST:PORT (run --listen)");
  command->add_option("--patience", flags->patience_s, "Seconds to call it for while nobody listens there")
      ->capture_default_str()
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{86400}))
      ->needs(joins);
  command->add_option("--listen", flags->listen, "Carry the words of one agent that joins at HOST:PORT (run --listen starts it)")
      ->excludes(joins);
  command->add_option("--token-file", flags->token_file, "The token that both sides know (default: GAUNTLET_FLEET_TOKEN)");
  command->callback([flags, &session] {
    if (flags->leader.empty() && flags->listen.empty()) {
      if (!flags->token_file.empty())
        return session.fail({base::ErrorKind::invalid_argument, "--token-file goes with --join: only an agent that calls has a token"});
      session.exit_code = agent_command();
      return;
    }
    std::signal(SIGPIPE, SIG_IGN);
    const auto token = fleet_token(flags->token_file);
    if (!token) return session.fail(token.error());
    const auto code = flags->listen.empty() ? join_leader(flags->leader, *token, std::chrono::seconds(flags->patience_s))
                                            : carry_one_that_joins(flags->listen, *token);
    if (!code) return session.fail(code.error());
    session.exit_code = *code;
  });
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
      return session.fail(
          {base::ErrorKind::invalid_argument, "there is nobody to check: --agent CMD, --fleet FILE, --kubernetes N or --listen HOST:PORT"});
    std::string problems;
    fmt::print("{:<24} {:<24} {:<12} {:>5} {:>7} {:>12} {:>14} {:>11}\n", "AGENT", "HOST", "VERSION", "CORES", "SHARE", "ROUND TRIP",
               "CLOCK OFFSET", "OPEN FILES");
    for (std::size_t i = 0; const auto& [agent, problem] : engine::session::check_fleet(*team)) {
      double whole = 0;
      for (const auto& place : team->places) whole += place.weight;
      const double share = 100 * team->places[i++].weight / whole;
      if (problem.empty()) {
        fmt::print("{:<24} {:<24} {:<12} {:>5} {:>5.1f} % {:>9.2f} ms {:>11.2f} ms {:>11}\n", agent.name, agent.host, agent.version,
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
