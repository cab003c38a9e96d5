#include "engine/session/machine.hpp"

#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "base/machine_memory.hpp"
#include "engine/script/runtime.hpp"

namespace gauntlet::engine::session {

std::size_t usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return static_cast<std::size_t>(std::max(1, CPU_COUNT(&set)));
}

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

std::uint64_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");  // proc(5): total and resident pages
  std::uint64_t total = 0, resident = 0;
  statm >> total >> resident;
  return resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

std::size_t default_heap_bytes(std::int64_t vus) {
  constexpr std::size_t kLeast = std::size_t{64} << 20;
  return std::clamp(base::machine_memory_bytes() / 2 / static_cast<std::size_t>(std::max<std::int64_t>(vus, 1)), kLeast,
                    script::Runtime::kMaxHeapBytes);
}

plan::MemoryRoom memory_room(std::size_t shares) { return {.bytes = base::machine_memory_bytes() / shares, .is_share = shares > 1}; }

void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace gauntlet::engine::session
