#pragma once
// Table reward_claim: the durable record that makes one claim one grant (migrations/0003 names its states). A claim is
// opened, committed, before anything leaves the house, and settled together with the player's row.
#include <optional>
#include <string>
#include <vector>

#include "ags/reward_client.hpp"
#include "base/error.hpp"
#include "base/task.hpp"
#include "challenge/config.hpp"
#include "postgres/pool.hpp"

namespace gauntlet::service {

/// An open claim that this process holds the lease of.
struct OpenClaim {
  std::string user_id;
  std::string goal_id;
  std::string challenge_id;
  postgres::Uuid key;
  ags::RewardType reward_type = ags::RewardType::item;
  std::string reward_id;
  std::int32_t reward_quantity = 0;
  challenge::Instant completed_at;
  challenge::Instant opened_at;  // the player's claimed_at, whenever it is settled
  std::optional<challenge::Instant> period_end;
  std::int32_t attempts = 1;  // processes that took it up, this one included; above 1, one before may have been granted it

  ags::Grant grant() const;
};

/// Belongs to the pool's thread. Errors are the database's (postgres/connection.hpp).
class ClaimLedger {
 public:
  /// `name_space` (AB_NAMESPACE) is written into claims. `retry_uncertain`: the platform honours idempotency keys, so a
  /// claim of unknown outcome may be asked for again; otherwise it waits for a person (needs_review).
  ClaimLedger(postgres::Pool& pool, std::string name_space, bool retry_uncertain);

  /// Opens a claim if, at this moment, the player's row is active, completed, not claimed and of the running rotation,
  /// and no other claim of it is open; takes over one whose outcome is uncertain. Nothing when it is not so. The row is
  /// locked for the length of this one statement only.
  base::Task<base::Expected<std::optional<OpenClaim>>> open(std::string_view user_id, const challenge::Config& config,
                                                            const challenge::Goal& goal, challenge::Instant now);

  /// The reward was given: marks claim and row in one transaction.
  base::Task<base::Expected<void>> settle_granted(const OpenClaim& claim);
  // The other ends count only while this process still holds the lease: one that was stopped for longer than that must
  // not overrule what another has found out since.
  /// Nothing was given, for sure: the claim ends, and the player may claim again.
  base::Task<base::Expected<void>> settle_refused(const OpenClaim& claim, std::string reason);
  /// Nobody knows: leaves it for recovery, or for a person.
  base::Task<base::Expected<void>> settle_uncertain(const OpenClaim& claim, std::string reason);
  /// Nobody knows, and asking again will not tell: leaves it for a person.
  base::Task<base::Expected<void>> settle_for_review(const OpenClaim& claim, std::string reason);

  /// Leases open claims that nobody works on, at most `count`; for recovery. Where uncertain ones may not be retried it
  /// marks them needs_review and gives none.
  base::Task<base::Expected<std::vector<OpenClaim>>> lease_abandoned(int count);
  /// Whether a claim of this goal waits for a person.
  base::Task<base::Expected<bool>> needs_review(std::string_view user_id, const challenge::Goal& goal);
  /// How many claims wait for a person.
  base::Task<base::Expected<std::int64_t>> count_needing_review();

 private:
  base::Task<base::Expected<void>> settle(const OpenClaim& claim, std::string_view state, std::string reason);

  postgres::Pool& pool_;
  std::string name_space_;
  bool retry_uncertain_;
};

}  // namespace gauntlet::service
