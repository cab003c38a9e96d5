#pragma once
#include <string>

namespace gauntlet::base {

/// Opens a file in that folder without a name, to be written and read: nothing is left of it when its last descriptor is closed, however
/// the process ends. -1 with the reason in errno.
int open_nameless_file(const std::string& folder);

}  // namespace gauntlet::base
