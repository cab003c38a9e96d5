#include "base/timer_wheel.hpp"

#include <algorithm>
#include <bit>

namespace gauntlet::base {

TimerWheel::Timeout::~Timeout() { disarm(); }

TimerWheel::TimerWheel(EventLoop& loop) : loop_(loop), origin_(EventLoop::Clock::now()) {}

TimerWheel::~TimerWheel() {
  if (wake_timer_ != 0) loop_.cancel(wake_timer_);
  for (Timeout*& head : slots_) {
    while (head != nullptr) {
      Timeout& timeout = *head;
      head = timeout.next_;
      timeout.wheel_ = nullptr;
    }
  }
}

std::uint64_t TimerWheel::tick_at(EventLoop::Clock::time_point time) const {
  return time <= origin_ ? 0 : static_cast<std::uint64_t>((time - origin_) / kTick);
}

EventLoop::Clock::time_point TimerWheel::time_of(std::uint64_t tick) const { return origin_ + kTick * static_cast<std::int64_t>(tick); }

void TimerWheel::arm(Timeout& timeout, EventLoop::Clock::time_point due) {
  if (timeout.wheel_ != nullptr) unlink(timeout);
  // Rounded up, so that nothing fires early; and never into a tick that has already been passed.
  timeout.due_tick_ = std::max(tick_at(due) + 1, passed_tick_ + 1);
  timeout.wheel_ = this;
  link(timeout);
  // A wheel that stood still has no need to walk over the ticks it slept through.
  const std::uint64_t slot_tick = std::min(timeout.due_tick_, passed_tick_ + 1 + (timeout.due_tick_ - passed_tick_ - 1) % kSlots);
  if (slot_tick < wake_tick_) wake_at(slot_tick);
}

void TimerWheel::disarm(Timeout& timeout) {
  if (timeout.wheel_ == nullptr) return;
  unlink(timeout);
  timeout.wheel_ = nullptr;
}

void TimerWheel::link(Timeout& timeout) {
  const std::size_t slot = timeout.due_tick_ % kSlots;
  timeout.previous_ = nullptr;
  timeout.next_ = slots_[slot];
  if (timeout.next_ != nullptr) timeout.next_->previous_ = &timeout;
  slots_[slot] = &timeout;
  occupied_[slot / 64] |= std::uint64_t{1} << (slot % 64);
}

void TimerWheel::unlink(Timeout& timeout) {
  const std::size_t slot = timeout.due_tick_ % kSlots;
  if (timeout.next_ != nullptr) timeout.next_->previous_ = timeout.previous_;
  if (timeout.previous_ != nullptr) {
    timeout.previous_->next_ = timeout.next_;
  } else {
    slots_[slot] = timeout.next_;
  }
  if (slots_[slot] == nullptr) occupied_[slot / 64] &= ~(std::uint64_t{1} << (slot % 64));
}

void TimerWheel::wake_at(std::uint64_t tick) {
  if (wake_timer_ != 0) loop_.cancel(wake_timer_);
  wake_tick_ = tick;
  wake_timer_ = loop_.call_at(time_of(tick), [this] {
    wake_timer_ = 0;
    wake_tick_ = kNever;
    advance();
  });
}

void TimerWheel::advance() {
  const std::uint64_t now_tick = tick_at(loop_.now());
  // At most one revolution: each slot once is enough, however long the loop has been away.
  const std::uint64_t first = std::max(passed_tick_ + 1, now_tick >= kSlots ? now_tick - kSlots + 1 : 0);
  passed_tick_ = std::max(passed_tick_, now_tick);
  for (std::uint64_t tick = first; tick <= now_tick; ++tick) {
    const std::size_t slot = tick % kSlots;
    // A callback may arm, disarm or destroy others of this slot, so the walk starts over after each one.
    bool fired = true;
    while (fired) {
      fired = false;
      for (Timeout* timeout = slots_[slot]; timeout != nullptr; timeout = timeout->next_) {
        if (timeout->due_tick_ > now_tick) continue;
        disarm(*timeout);
        timeout->on_timeout();
        fired = true;
        break;
      }
    }
  }
  const std::uint64_t next = next_occupied(passed_tick_);
  if (next < wake_tick_) wake_at(next);
}

std::uint64_t TimerWheel::next_occupied(std::uint64_t tick) const {
  // Walks words; the first, when entered in its middle, comes again at the end for its low bits.
  const std::uint64_t first = tick + 1;
  for (std::uint64_t step = 0; step < kSlots;) {
    const std::size_t slot = (first + step) % kSlots;
    const std::uint64_t word = occupied_[slot / 64] >> (slot % 64);
    if (word != 0) {
      const std::uint64_t found = step + static_cast<std::uint64_t>(std::countr_zero(word));
      return found < kSlots ? first + found : kNever;
    }
    step += 64 - slot % 64;
  }
  return kNever;
}

}  // namespace gauntlet::base
