#pragma once
// `gauntlet run` and `k6 run`: k6's flags, and ours.

namespace gauntlet::cli {

/// `argv[0]` is "run". Returns k6's exit codes (97 to 110, 255 for wrong usage).
int run_command(int argc, char** argv);

/// `inspect`, `archive` and `deps`, by argv[0]: what is told of a script without running it. They take run's flags, too.
int script_command(int argc, char** argv);

}  // namespace gauntlet::cli
