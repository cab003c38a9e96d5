#pragma once
// The `gauntlet` command as a function, so that tests can call it.
namespace gauntlet::cli {

/// Runs the command that the arguments name and answers its exit code (exit_code.hpp). Called under the name `k6`, or as
/// `gauntlet k6-compatible`, it takes k6's commands: run, version.
int run_program(int argc, char** argv);

}  // namespace gauntlet::cli
