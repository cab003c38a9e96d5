#include "service/admission.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace gauntlet::service {
namespace {

using namespace std::chrono_literals;
using Clock = base::EventLoop::Clock;

TEST(PlayerRate, allows_a_burst_and_then_its_rate) {
  PlayerRate rate(10, 3);
  const Clock::time_point start{1h};
  for (int i = 0; i < 3; ++i) EXPECT_EQ(rate.until_allowed("ann", start), 0ns);
  EXPECT_EQ(rate.until_allowed("ann", start), 100ms);
  EXPECT_EQ(rate.until_allowed("ben", start), 0ns) << "each player for himself";
  EXPECT_EQ(rate.until_allowed("ann", start + 60ms), 40ms);
  EXPECT_EQ(rate.until_allowed("ann", start + 100ms), 0ns);
  EXPECT_EQ(rate.until_allowed("ann", start + 100ms), 100ms);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(rate.until_allowed("ann", start + 1h), 0ns) << "the burst is whole again";
  EXPECT_EQ(rate.until_allowed("ann", start + 1h), 100ms);
}

TEST(PlayerRate, forgets_players_rather_than_growing) {
  PlayerRate rate(1, 1);
  const Clock::time_point start{1h};
  // Far more than it keeps: those whose second is over make room, so the last ones are still counted.
  for (int second = 0; second < 4; ++second) {
    for (int i = 0; i < 200'000; ++i) rate.until_allowed("player-" + std::to_string(second) + "-" + std::to_string(i), start + second * 2s);
  }
  EXPECT_EQ(rate.until_allowed("ann", start + 10s), 0ns);
  EXPECT_EQ(rate.until_allowed("ann", start + 10s), 1s);
}

struct AnyPlayer final : Authenticator {
  void authenticate(const Credentials&, std::function<void(base::Expected<std::string>)> done) override { done(std::string("ann")); }
};

TEST(Admission, sheds_while_requests_wait_longer_than_allowed_and_recovers) {
  base::EventLoop loop;
  base::metrics::Registry metrics;
  QueueProbe probe(loop);
  AnyPlayer inner;
  Admission admission(inner, probe, 200ms, nullptr, metrics);
  const auto admitted = [&] {
    base::Expected<std::string> player;
    admission.authenticate({}, [&](base::Expected<std::string> result) { player = std::move(result); });
    EXPECT_TRUE(player || player.error().kind == base::ErrorKind::unavailable);
    return player.has_value();
  };
  const auto run_until = [&](bool expected) {
    const auto give_up = Clock::now() + 10s;
    while (admitted() != expected && Clock::now() < give_up) loop.run_once(20ms);
    return admitted();
  };
  EXPECT_TRUE(admitted());
  // Work that keeps the loop from everything else for longer than a request may wait.
  loop.post([] { std::this_thread::sleep_for(400ms); });
  EXPECT_FALSE(run_until(false));
  EXPECT_TRUE(run_until(true)) << "the work is done";
}

}  // namespace
}  // namespace gauntlet::service
