#pragma once
// Many timeouts that hardly ever fire (request deadlines, idle connections): arming and disarming is O(1) without
// allocation, precision is one tick. EventLoop's own timers are exact and cost an allocation and a heap operation each.
//
//   struct Call : TimerWheel::Timeout { void on_timeout() override { ... } };
//   wheel.arm(call, loop.now() + 2s);
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/event_loop.hpp"

namespace gauntlet::base {

/// Belongs to the loop's thread.
class TimerWheel {
 public:
  static constexpr std::chrono::milliseconds kTick{8};

  /// Something that can time out; disarms itself when destroyed. Not copyable: the wheel links it in place.
  class Timeout {
   public:
    Timeout() = default;
    Timeout(const Timeout&) = delete;
    Timeout& operator=(const Timeout&) = delete;
    /// Called once, disarmed, at most one tick (and one loop round) after it was due. May destroy any timeout.
    virtual void on_timeout() = 0;
    bool armed() const { return wheel_ != nullptr; }
    void disarm() {
      if (wheel_ != nullptr) wheel_->disarm(*this);
    }

   protected:
    virtual ~Timeout();

   private:
    friend class TimerWheel;
    TimerWheel* wheel_ = nullptr;
    Timeout* previous_ = nullptr;
    Timeout* next_ = nullptr;
    std::uint64_t due_tick_ = 0;
  };

  explicit TimerWheel(EventLoop& loop);
  /// Disarms all.
  ~TimerWheel();
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;

  /// Arms or re-arms.
  void arm(Timeout& timeout, EventLoop::Clock::time_point due);
  void disarm(Timeout& timeout);

 private:
  static constexpr std::size_t kSlots = 1024;  // 8 s; a later timeout is passed over once a revolution
  static constexpr std::uint64_t kNever = ~std::uint64_t{0};

  std::uint64_t tick_at(EventLoop::Clock::time_point time) const;
  EventLoop::Clock::time_point time_of(std::uint64_t tick) const;
  void advance();
  /// First tick after `tick` whose slot holds something; kNever when the wheel is empty.
  std::uint64_t next_occupied(std::uint64_t tick) const;
  void wake_at(std::uint64_t tick);
  void link(Timeout& timeout);
  void unlink(Timeout& timeout);

  EventLoop& loop_;
  const EventLoop::Clock::time_point origin_;
  std::uint64_t passed_tick_ = 0;  // everything due up to here has fired
  std::uint64_t wake_tick_ = kNever;
  EventLoop::TimerId wake_timer_ = 0;
  std::array<Timeout*, kSlots> slots_{};
  std::array<std::uint64_t, kSlots / 64> occupied_{};
};

}  // namespace gauntlet::base
