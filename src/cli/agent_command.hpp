#pragma once
// `gauntlet agent`: a share of a test that another machine leads; see docs/FLEET.md.

namespace gauntlet::cli {

/// Runs what a leader says on standard input.
int agent_command();

}  // namespace gauntlet::cli
