#include "base/timer_wheel.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <random>
#include <vector>

namespace gauntlet::base {
namespace {

using namespace std::chrono_literals;
using Clock = EventLoop::Clock;

struct Recorder : TimerWheel::Timeout {
  std::function<void()> on_fire;
  void on_timeout() override { on_fire(); }
  ~Recorder() override = default;
};

TEST(TimerWheel, fires_each_timeout_once_and_never_early) {
  EventLoop loop;
  TimerWheel wheel(loop);
  std::mt19937 random(1);
  std::vector<std::unique_ptr<Recorder>> timeouts;
  std::size_t fired = 0;
  for (int i = 0; i < 200; ++i) {
    auto timeout = std::make_unique<Recorder>();
    const auto due = Clock::now() + std::chrono::microseconds(random() % 100'000);
    timeout->on_fire = [&, due] {
      EXPECT_GE(Clock::now(), due);
      if (++fired == 200) loop.stop();
    };
    wheel.arm(*timeout, due);
    timeouts.push_back(std::move(timeout));
  }
  loop.run();
  loop.run_once(30ms);
  EXPECT_EQ(fired, 200u);
}

TEST(TimerWheel, keeps_timeouts_beyond_one_revolution) {
  EventLoop loop;
  TimerWheel wheel(loop);
  Recorder late;
  Recorder soon;
  bool late_fired = false;
  late.on_fire = [&] { late_fired = true; };
  soon.on_fire = [&] { loop.stop(); };
  // The same slot, eight revolutions later.
  const auto due = Clock::now() + 20ms;
  wheel.arm(late, due + TimerWheel::kTick * 1024 * 8);
  wheel.arm(soon, due);
  loop.run();
  EXPECT_FALSE(late_fired);
  EXPECT_TRUE(late.armed());
}

TEST(TimerWheel, forgets_what_is_disarmed_rearmed_or_destroyed) {
  EventLoop loop;
  TimerWheel wheel(loop);
  int fired = 0;
  Recorder disarmed;
  Recorder rearmed;
  Recorder last;
  disarmed.on_fire = [&] { fired += 100; };
  rearmed.on_fire = [&] { ++fired; };
  last.on_fire = [&] { loop.stop(); };
  {
    Recorder destroyed;
    destroyed.on_fire = [&] { fired += 10'000; };
    wheel.arm(destroyed, Clock::now() + 10ms);
  }
  wheel.arm(disarmed, Clock::now() + 10ms);
  wheel.arm(rearmed, Clock::now() + 10ms);
  wheel.arm(rearmed, Clock::now() + 30ms);
  wheel.disarm(disarmed);
  wheel.arm(last, Clock::now() + 60ms);
  loop.run();
  EXPECT_EQ(fired, 1);
}

TEST(TimerWheel, lets_a_callback_destroy_its_neighbours) {
  EventLoop loop;
  TimerWheel wheel(loop);
  auto first = std::make_unique<Recorder>();
  auto second = std::make_unique<Recorder>();
  int fired = 0;
  first->on_fire = [&] { ++fired, second.reset(); };
  second->on_fire = [&] { ++fired, first.reset(); };
  const auto due = Clock::now() + 10ms;
  wheel.arm(*first, due);
  wheel.arm(*second, due);
  loop.call_after(50ms, [&] { loop.stop(); });
  loop.run();
  EXPECT_EQ(fired, 1);
}

}  // namespace
}  // namespace gauntlet::base
