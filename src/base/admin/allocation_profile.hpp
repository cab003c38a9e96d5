#pragma once
// What the program allocates while somebody watches: tcmalloc tells of every allocation, one in 512 KiB is kept with
// its stack. Nothing is hooked, and nothing costs, at other times.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace gauntlet::base::admin {

/// The mean distance of two samples, as tcmalloc recommends it.
inline constexpr std::int64_t kBytesPerSample = 512 * 1024;

/// One at a time in a process; its end ends the sampling.
class AllocationProfile {
 public:
  /// Whether this program's allocator is tcmalloc.
  static bool is_supported();
  /// From here on allocations of all threads are sampled. Null when another profile is being taken.
  static std::unique_ptr<AllocationProfile> start();
  ~AllocationProfile();
  AllocationProfile(const AllocationProfile&) = delete;
  AllocationProfile& operator=(const AllocationProfile&) = delete;

  /// What has been allocated so far, as gperftools' heap profile text, in which nothing is in use and what was allocated
  /// stands in brackets.
  std::string text() const;

 private:
  AllocationProfile() = default;
};

}  // namespace gauntlet::base::admin
