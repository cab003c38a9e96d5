#pragma once
// `make demo`: from a built checkout to one table of what this machine does under the guide's first three scenarios.
#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "lab/stack/stack.hpp"
#include "lab/trial/interruption.hpp"

namespace gauntlet::lab {

struct DemoOptions {
  std::filesystem::path programs;
  std::chrono::seconds duration{20};          // of each scenario
  bool down_afterwards = false;               // take the stack down at the end even if all went well
  std::vector<std::string> loaded_with = {};  // further flags of `run`: who makes the load
};

/// Fixtures where they are missing, the guide's configuration, the stack (on free ports where the usual ones are taken),
/// and for each scenario: a level that this machine holds, a reset database, the run. The table goes to `tell` and to
/// test/results/demo.txt. The stack is left up, so that the guide can be walked on it. On failure or interruption
/// (cancelled) a stack that was not up before is taken down again, and the engine is ended.
base::Expected<void> run_demo(Stack& stack, const DemoOptions& options, Interruption& interruption, const Tell& tell);

}  // namespace gauntlet::lab
