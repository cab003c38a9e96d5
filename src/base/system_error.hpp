#pragma once
// What the kernel's errno means for the person who must act on it.
#include <string>

#include "base/error.hpp"

namespace gauntlet::base {

/// "what: No space left on device (free some space there)", with the kind that errno number stands for.
Error system_error(int error_number, const std::string& what);

}  // namespace gauntlet::base
