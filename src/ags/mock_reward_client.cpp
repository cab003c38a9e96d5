#include "ags/mock_reward_client.hpp"

namespace gauntlet::ags {

using std::chrono::microseconds;

MockRewardClient::MockRewardClient(base::EventLoop& loop, MockLatency latency, std::uint64_t seed)
    : loop_(loop), latency_us_(microseconds(latency.least).count(), microseconds(latency.most).count()), random_(seed) {}

void MockRewardClient::grant(const Grant&, base::EventLoop::Clock::time_point deadline, std::function<void(GrantOutcome)> done) {
  const microseconds latency(latency_us_(random_));
  if (latency.count() == 0) return done({GrantOutcome::Result::granted, {}});
  const auto due = base::EventLoop::Clock::now() + latency;
  if (due <= deadline) {
    loop_.call_at(due, [done = std::move(done)] { done({GrantOutcome::Result::granted, {}}); });
  } else {
    loop_.call_at(deadline, [done = std::move(done)] { done({GrantOutcome::Result::uncertain, "no answer in time"}); });
  }
}

}  // namespace gauntlet::ags
