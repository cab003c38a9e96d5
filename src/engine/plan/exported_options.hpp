#pragma once
// What `inspect` prints of a script.
#include <string>

#include "engine/plan/options.hpp"

namespace gauntlet::engine::plan {

/// The options as a script exports them, in k6's form: null where it says nothing, a line for each member.
std::string exported_json(const Options& options);

}  // namespace gauntlet::engine::plan
