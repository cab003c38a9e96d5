#pragma once
// Claiming a reward: checked, recorded, granted, settled. No row is locked while the platform is asked; of concurrent
// claims one wins and the others are told at once.
#include <functional>
#include <string>

#include "ags/retrying_grant.hpp"
#include "ags/reward_client.hpp"
#include "base/error.hpp"
#include "base/event_loop.hpp"
#include "base/metrics.hpp"
#include "base/task.hpp"
#include "challenge/config.hpp"
#include "service/catalog.hpp"
#include "service/claim_ledger.hpp"
#include "service/progress_store.hpp"

namespace gauntlet::service {

struct ClaimReceipt {
  std::string goal_id;
  challenge::Reward reward;
  challenge::Instant claimed_at;
};

/// Belongs to its loop's thread; what it is given outlives it.
class RewardClaims {
 public:
  RewardClaims(base::EventLoop& loop, ProgressStore& progress, ClaimLedger& ledger, ags::RewardClient& rewards, ags::Repeating repeating,
               base::metrics::Registry& metrics);

  /// One claim, 10 s at most. The goal is one of the catalog's.
  base::Task<base::Expected<ClaimReceipt>> claim(std::string user_id, CatalogPtr catalog, const challenge::Goal& goal,
                                                 challenge::Instant now);

  /// Takes up claims that a crash or an uncertain answer left open, a few at a time; run it every few seconds on one
  /// thread. Several replicas share the work. Answers how many it took up.
  base::Task<base::Expected<int>> recover();

 private:
  /// Why the ledger opened nothing: the rows say, or else another claim is under way.
  base::Task<base::Expected<ClaimReceipt>> refusal(const std::string& user_id, const Catalog& catalog, const challenge::Goal& goal,
                                                   challenge::Instant now);
  /// From an open claim to its end.
  base::Task<base::Expected<ClaimReceipt>> carry_out(OpenClaim claim, base::EventLoop::Clock::time_point deadline);
  /// What becomes of a claim whose grant ended so.
  enum class End {
    granted,
    refused,       // nothing was given: the player may claim again
    asked_again,   // perhaps given: recovery asks with the same key
    needs_review,  // perhaps given, and asking again will not tell
  };
  End end_of(const OpenClaim& claim, ags::GrantOutcome::Result result) const;
  base::Task<base::Expected<void>> settle(const OpenClaim& claim, End end, const ags::GrantOutcome& outcome);
  void log_granted(const OpenClaim& claim, int attempts, bool is_settled) const;
  void count_and_log_ungranted(const OpenClaim& claim, const ags::GrantOutcome& outcome);
  /// What the player is told; scripts match its beginning (contract section 1).
  static std::string failure_text(const std::string& goal_id, End end, int attempts);

  base::EventLoop& loop_;
  ProgressStore& progress_;
  ClaimLedger& ledger_;
  ags::RewardClient& rewards_;
  ags::Repeating repeating_;
  base::metrics::Counter& granted_;
  base::metrics::Counter& refused_;
  base::metrics::Counter& unsent_;
  base::metrics::Counter& uncertain_;
  base::metrics::Counter& recovered_;
  base::metrics::Gauge& needing_review_;
};

}  // namespace gauntlet::service
