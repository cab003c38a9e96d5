#pragma once
// What the program allocates while somebody watches: tcmalloc tells of every allocation, one in 512 KiB is kept with
// its stack. Nothing is hooked, and nothing costs, at other times.
#include <cstddef>
#include <cstdint>
#include <string>

namespace gauntlet::base::admin {

/// The mean distance of two samples, as tcmalloc recommends it.
inline constexpr std::int64_t kBytesPerSample = 512 * 1024;

/// One at a time in a process.
class AllocationProfile {
 public:
  /// Whether this program's allocator is tcmalloc.
  static bool is_supported();
  /// From here on allocations of all threads are sampled. False when another profile is being taken.
  static bool start();
  /// Ends it: gperftools' heap profile text, in which nothing is in use and what was allocated stands in brackets, with
  /// the memory map that pprof finds the functions by.
  static std::string stop();

 private:
  AllocationProfile() = delete;
};

}  // namespace gauntlet::base::admin
