#pragma once
// `gauntlet agent`: runs what a leader tells it to, over its standard input and output.
#include "engine/session/exit_code.hpp"

namespace gauntlet::engine::session {

/// Blocks until the leader's test is over. Nothing but words to the leader goes to `to_leader`, and nothing at all to the standard
/// output. No thread may exist yet: it blocks signals for those that it starts.
ExitCode run_agent(int from_leader, int to_leader);

}  // namespace gauntlet::engine::session
