#include "support/source_directory.hpp"

namespace gauntlet::support {

std::string source_directory() { return GAUNTLET_SOURCE_DIR; }

}  // namespace gauntlet::support
