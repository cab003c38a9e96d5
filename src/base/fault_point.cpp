#include "base/fault_point.hpp"

namespace gauntlet::base {

// Weak, so that a test's definition takes its place at link time.
[[gnu::weak]] void fault_point(std::string_view) {}

}  // namespace gauntlet::base
