#pragma once
// The stack's daemon: keeps the plan's servers running until told otherwise, and answers over a unix socket.
//
// It holds nothing that its death would lose: the servers live on in their own sessions, children.json says which they
// are, and the next supervisor adopts them. The kernel frees its lock, so that nobody needs to guess whether it lives.
#include "base/error.hpp"
#include "lab/stack/stack_directory.hpp"

namespace gauntlet::lab {

/// Runs plan.json of this folder until `down` or SIGTERM; with `only_end`, ends what an earlier supervisor left running
/// and starts nothing. already_exists when another supervisor does. Logs to stderr.
/// Blocks; call from a process with one thread.
base::Expected<void> supervise(const StackDirectory& directory, bool only_end);

}  // namespace gauntlet::lab
