#pragma once
// `gauntlet agent`: a share of a test that another machine leads; see docs/FLEET.md.

namespace CLI {
class App;
}

namespace gauntlet::cli {

class Session;

/// Runs what a leader says on standard input.
int agent_command();

/// The same with flags: --join HOST:PORT calls the leader.
void add_agent_command(CLI::App& app, Session& session);

}  // namespace gauntlet::cli
