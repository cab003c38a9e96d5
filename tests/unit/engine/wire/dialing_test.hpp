#pragma once
// What tests of the engine's clients stand on: a loop and a dialer of its thread, and waiting with an end.
#include <gtest/gtest.h>

#include <chrono>

#include "base/event_loop.hpp"
#include "engine/wire/tcp/dialer.hpp"

namespace gauntlet::engine::wire {

class DialingTest : public testing::Test {
 protected:
  /// Runs the loop until then; fails the test after ten seconds.
  template <class Condition>
  void run_until(Condition&& condition) {
    const auto limit = base::EventLoop::Clock::now() + std::chrono::seconds(10);
    while (!condition()) {
      ASSERT_LT(base::EventLoop::Clock::now(), limit) << "nothing happened";
      loop_.run_once(std::chrono::milliseconds(100));
    }
  }

  base::EventLoop loop_;
  Traffic traffic_;
  Resolver resolver_{DnsOptions{}};
  DialPolicy policy_;
  Dialer dialer_{loop_, resolver_, policy_, nullptr, traffic_, 1};
};

}  // namespace gauntlet::engine::wire
