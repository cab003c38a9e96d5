#pragma once
// The memory that this process may hope for.
#include <cstddef>

namespace gauntlet::base {

/// Of the machine, or of the container where that is less (cgroup v2, memory.max). In bytes, never 0; measured once.
std::size_t machine_memory_bytes();

}  // namespace gauntlet::base
