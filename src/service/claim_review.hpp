#pragma once
// Table reward_claim for the person who looks after it: which claims are open or wait for a decision, and the decision.
// The service's own side of the table is claim_ledger.hpp.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "postgres/blocking_connection.hpp"

namespace gauntlet::service {

struct ReviewedClaim {
  std::string key;  // the idempotency key, as a UUID is written
  std::string user_id;
  std::string challenge_id;
  std::string goal_id;
  std::string reward;  // "ITEM ROPE x1"
  std::string state;
  std::string opened_at;  // RFC 3339 UTC
  std::int32_t attempts = 0;
  std::string reason;
};

struct ClaimFilter {
  std::vector<std::string> states{"needs_review"};  // of migrations/0003
  std::optional<std::string> user_id;
  std::int64_t limit = 1000;
};

/// What the person has found out at the platform.
enum class Decision {
  granted,      // the player has the reward: the goal becomes claimed
  not_granted,  // the player has not: the claim ends, and the player may claim again
  retry,        // the platform may be asked again with the same key: recovery does, within seconds
};

/// One thread at a time; `connection` outlives it. Errors are the database's (postgres/connection.hpp).
class ClaimReview {
 public:
  explicit ClaimReview(postgres::BlockingConnection& connection) : connection_(connection) {}

  /// Oldest first.
  base::Expected<std::vector<ReviewedClaim>> list(const ClaimFilter& filter);
  /// Decides an uncertain claim, or one that needs review, in one transaction. `note` goes into the claim's record.
  /// not_found: no claim has this key; failed_precondition: it is in another state; invalid_argument: no key.
  base::Expected<ReviewedClaim> resolve(const std::string& key, Decision decision, const std::string& note);

 private:
  base::Expected<ReviewedClaim> resolve_locked(const postgres::Uuid& key, Decision decision, const std::string& note);
  postgres::BlockingConnection& connection_;
};

}  // namespace gauntlet::service
