#pragma once
// How long to wait before a server that died is started again.
#include <algorithm>
#include <chrono>

namespace gauntlet::lab {

/// 250 ms, then twice as long each time, 30 s at most; a server that stayed up for a minute has earned a fresh start.
/// Pure; one per server.
class Backoff {
 public:
  using Duration = std::chrono::milliseconds;
  static constexpr Duration kFirst{250};
  static constexpr Duration kLongest{30'000};
  static constexpr Duration kForgiven{60'000};

  /// The delay after a death, given how long the server had run.
  Duration after_death(Duration ran_for) {
    if (ran_for >= kForgiven) next_ = kFirst;
    const Duration delay = next_;
    next_ = std::min(kLongest, next_ * 2);
    return delay;
  }

 private:
  Duration next_ = kFirst;
};

}  // namespace gauntlet::lab
