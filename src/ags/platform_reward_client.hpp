#pragma once
// Grants rewards through the platform (REWARD_CLIENT_MODE=real): items as entitlements, currencies as wallet credits.
#include <memory>

#include "ags/platform_access.hpp"
#include "ags/reward_client.hpp"

namespace gauntlet::ags {

/// After so many attempts in a row without a sound answer the platform is left alone for the pause; then one attempt
/// tries.
inline constexpr int kBreakerFailures = 10;
inline constexpr std::chrono::seconds kBreakerPause{5};

/// Belongs to its loop's thread.
class PlatformRewardClient final : public RewardClient {
 public:
  /// `send_keys`: the idempotency key goes along in the request's metadata (REWARD_IDEMPOTENCY). `http` and `access`
  /// outlive it.
  PlatformRewardClient(HttpClient& http, PlatformAccess& access, bool send_keys);
  ~PlatformRewardClient() override;

  void grant(const Grant& grant, base::EventLoop::Clock::time_point deadline, std::function<void(GrantOutcome)> done) override;

 private:
  HttpRequest request(const Grant& grant, const std::string& token) const;
  GrantOutcome judge(const base::Expected<HttpReply>& reply, const std::string& token);

  HttpClient& http_;
  PlatformAccess& access_;
  bool send_keys_;
  int failures_in_a_row_ = 0;
  base::EventLoop::Clock::time_point closed_until_{};
  std::shared_ptr<bool> alive_;  // shared with requests under way, which may end after this has gone
};

}  // namespace gauntlet::ags
