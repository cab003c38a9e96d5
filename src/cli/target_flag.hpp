#pragma once
// --target NAME of the commands that work on other systems than this checkout's stack.
#include <string>

#include "base/error.hpp"
#include "lab/target/target_profile.hpp"

namespace gauntlet::cli {

class Session;

/// A profile of the project's gauntlet.toml; where there is no project, of the one in the working directory.
base::Expected<lab::TargetProfile> read_target(const Session& session, const std::string& name);

}  // namespace gauntlet::cli
