#pragma once
// A server that was the primary and wakes up still believing so is of an older timeline than its cluster's newest.
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>

namespace gauntlet::postgres {

/// The newest timeline of each cluster that any thread of this program has met.
class Timelines {
 public:
  /// After `met` has been, too.
  std::int64_t newest(std::int64_t cluster, std::int64_t met) {
    const std::lock_guard lock(mutex_);
    auto& newest = newest_[cluster];
    if (newest != 0 && newest < met) ++raises_;
    return newest = std::max(newest, met);
  }
  /// How often a newer one than before was met.
  std::uint64_t raises() const { return raises_; }

  static Timelines& of_program() {
    static Timelines timelines;
    return timelines;
  }

 private:
  std::atomic<std::uint64_t> raises_ = 0;
  std::mutex mutex_;
  std::map<std::int64_t, std::int64_t> newest_;
};

}  // namespace gauntlet::postgres
