#include "base/version.hpp"

namespace gauntlet::base {

const char* const kVersion = GAUNTLET_VERSION;

}  // namespace gauntlet::base
