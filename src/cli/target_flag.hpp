#pragma once
// --target NAME of the commands that work on other systems than this checkout's stack.
#include <memory>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "cli/fleet_flags.hpp"
#include "lab/stack/stack.hpp"
#include "lab/target/system_under_test.hpp"
#include "lab/target/target_profile.hpp"

namespace CLI {
class App;
}

namespace gauntlet::cli {

class Session;

/// A profile of the project's gauntlet.toml; where there is no project, of the one in the working directory.
base::Expected<lab::TargetProfile> read_target(const Session& session, const std::string& name);

/// A system to load, and the stack that it is where it is this checkout's.
struct LoadedSystem {
  std::unique_ptr<lab::Stack> stack;  // nullptr: it is not
  lab::SystemUnderTest system;
};

/// --target and --yes-i-own of commands that load a system, and who makes the load.
struct LoadedTargetFlags {
  std::string target;  // "": this checkout's stack
  std::vector<std::string> owned;
  FleetFlags fleet;

  void declare(CLI::App& command);
  /// The stack need not be up. Of a target elsewhere permission_denied says what its owner has to say.
  base::Expected<LoadedSystem> open(const Session& session) const;
};

}  // namespace gauntlet::cli
