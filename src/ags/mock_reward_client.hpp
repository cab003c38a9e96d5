#pragma once
// Says of every reward that it is granted, after a delay like the platform's, and gives nothing: REWARD_CLIENT_MODE=mock.
#include <chrono>
#include <random>

#include "ags/reward_client.hpp"

namespace gauntlet::ags {

/// Each grant takes a time drawn evenly from [least, most]; both zero: no time at all.
struct MockLatency {
  std::chrono::milliseconds least{0};
  std::chrono::milliseconds most{0};
};

class MockRewardClient final : public RewardClient {
 public:
  /// `seed` makes the delays repeatable.
  MockRewardClient(base::EventLoop& loop, MockLatency latency, std::uint64_t seed);
  void grant(const Grant& grant, base::EventLoop::Clock::time_point deadline, std::function<void(GrantOutcome)> done) override;
  bool is_mock() const override { return true; }

 private:
  base::EventLoop& loop_;
  std::uniform_int_distribution<std::int64_t> latency_us_;
  std::mt19937_64 random_;
};

}  // namespace gauntlet::ags
