#pragma once
// For how long a test has been paused while its scenarios ran. The test's time, which durations, progress and rates count
// by, stands still meanwhile.
#include <atomic>
#include <chrono>

#include "base/event_loop.hpp"

namespace gauntlet::engine::run {

using Clock = base::EventLoop::Clock;

/// Written by the control thread, read by any: virtual users see a whole number of pauses, for they do not run in one.
class Pauses {
 public:
  void begin(Clock::time_point now) { since_ = now.time_since_epoch(); }
  void end(Clock::time_point now) {
    if (!is_on()) return;
    const Clock::duration pause = now.time_since_epoch() - since_.load();
    since_ = Clock::duration(0);
    over_ = over_.load() + pause;
  }
  bool is_on() const { return since_.load() != Clock::duration(0); }
  /// All of them, the one that is under way until `now`.
  std::chrono::nanoseconds total(Clock::time_point now) const {
    const Clock::duration since = since_;
    return over_.load() + (since == Clock::duration(0) ? since : now.time_since_epoch() - since);
  }

 private:
  std::atomic<Clock::duration> over_{Clock::duration(0)};
  std::atomic<Clock::duration> since_{Clock::duration(0)};  // 0: none is under way
};

}  // namespace gauntlet::engine::run
