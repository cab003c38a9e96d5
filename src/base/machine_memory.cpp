#include "base/machine_memory.hpp"

#include <unistd.h>

#include <algorithm>
#include <fstream>

namespace gauntlet::base {

std::size_t machine_memory_bytes() {
  static const std::size_t bytes = [] {
    const auto machine = static_cast<std::size_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    std::size_t container = machine;
    std::ifstream limit("/sys/fs/cgroup/memory.max");  // "max", which is no number, or bytes
    if (std::size_t value = 0; limit >> value && value > 0) container = value;
    return std::min(machine, container);
  }();
  return bytes;
}

}  // namespace gauntlet::base
