#pragma once
// `new`, as k6 has it: a script to begin with.
namespace gauntlet::cli {

/// argv[0] is the command's name. Returns the exit code: 0, or k6's 255 with a message.
int new_command(int argc, char** argv);

}  // namespace gauntlet::cli
