#pragma once
// What `gauntlet status` tells of a stack.
#include <string>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "lab/stack/stack.hpp"

namespace gauntlet::lab {

/// Name and value, in the order to print: state, folder, user, addresses, challenge files, mode, database, where settings come from.
base::Expected<std::vector<std::pair<std::string, std::string>>> describe_stack(const Stack& stack);

}  // namespace gauntlet::lab
