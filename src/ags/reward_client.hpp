#pragma once
// Gives players what they have earned. The service sees this interface; behind it is the platform, or the mock
// (mock_reward_client.hpp) where that is asked for.
#include <cstdint>
#include <functional>
#include <string>

#include "base/error.hpp"
#include "base/event_loop.hpp"

namespace gauntlet::ags {

enum class RewardType { item, wallet };

struct Grant {
  /// The same for every attempt of one claim, also after a restart: a platform that honours it grants once.
  std::string idempotency_key;
  std::string user_id;
  RewardType type = RewardType::item;
  std::string reward_id;  // item id, or currency code of a wallet
  std::int32_t quantity = 0;
};

/// How one attempt to grant ended.
struct GrantOutcome {
  enum class Result {
    granted,    // the player has it
    refused,    // the platform said no and will say no again (400, 401, 403, 404, 409, 422): nothing was granted
    unsent,     // the platform was not reached, or turned us away (429, 503 with Retry-After): nothing was granted, and
                // another attempt may be
    uncertain,  // 408, other 5xx, a broken connection, no answer in time: it may have been granted
  };
  Result result = Result::uncertain;
  std::string reason;  // for logs and the claim's record; empty when granted
  int attempts = 1;    // that were made, where several may be (retrying_grant.hpp)
};

/// Belongs to one loop's thread.
class RewardClient {
 public:
  virtual ~RewardClient() = default;
  /// One attempt. `done` is called once, on the loop's thread, possibly before grant() returns, and at the latest at
  /// `deadline`.
  virtual void grant(const Grant& grant, base::EventLoop::Clock::time_point deadline, std::function<void(GrantOutcome)> done) = 0;
  /// Whether it only says that it grants.
  virtual bool is_mock() const { return false; }
};

}  // namespace gauntlet::ags
