#include "service/reward_claims.hpp"

#include "base/fault_point.hpp"
#include "base/log.hpp"
#include "challenge/claim.hpp"

namespace gauntlet::service {
namespace {

using base::ErrorKind;
using base::Expected;
using base::fail;
using challenge::Goal;
using challenge::Instant;
using std::chrono::milliseconds;

/// A claim's whole time, and what of it is kept for the database afterwards.
constexpr milliseconds kClaimTime{10'000};
constexpr milliseconds kSettleTime{1'000};
constexpr int kRecoveredAtOnce = 16;
constexpr int kSettleAttempts = 3;

base::log::Limit claim_log_limit(10);

base::metrics::Family<base::metrics::Counter>& outcomes(base::metrics::Registry& metrics) {
  return metrics.counter("challenge_claims_total", "Claims by how the grant ended", {"outcome"});
}

}  // namespace

RewardClaims::RewardClaims(base::EventLoop& loop, ProgressStore& progress, ClaimLedger& ledger,
                           ags::RewardClient& rewards, ags::Repeating repeating, base::metrics::Registry& metrics)
    : loop_(loop),
      progress_(progress),
      ledger_(ledger),
      rewards_(rewards),
      repeating_(repeating),
      granted_(outcomes(metrics).with({"granted"})),
      refused_(outcomes(metrics).with({"refused"})),
      unsent_(outcomes(metrics).with({"unsent"})),
      uncertain_(outcomes(metrics).with({"uncertain"})),
      recovered_(
          metrics.counter("challenge_claims_recovered_total", "Open claims taken up again by recovery").with({})),
      needing_review_(
          metrics.gauge("challenge_claims_needing_review", "Claims of unknown outcome that wait for a person")
              .with({})) {}

Task<Expected<ClaimReceipt>> RewardClaims::claim(std::string user_id, CatalogPtr catalog, const Goal& goal,
                                                 Instant now) {
  const auto deadline = base::EventLoop::Clock::now() + kClaimTime;
  // Opening checks the goal's own row; its prerequisites' rows have to be looked at first.
  if (!goal.prerequisites.empty()) {
    const auto stored = co_await progress_.rows_of(user_id, catalog->config);
    if (!stored) co_return tl::unexpected(stored.error());
    if (auto checked = check_claim(catalog->config, goal, stored->rows, now); !checked)
      co_return tl::unexpected(checked.error());
  }
  auto opened = co_await ledger_.open(user_id, catalog->config, goal, now);
  if (!opened) co_return tl::unexpected(database_error(opened.error()));
  if (!*opened) co_return co_await refusal(user_id, *catalog, goal, now);
  co_return co_await carry_out(std::move(**opened), deadline);
}

Task<Expected<ClaimReceipt>> RewardClaims::refusal(const std::string& user_id, const Catalog& catalog, const Goal& goal,
                                                   Instant now) {
  const auto stored = co_await progress_.rows_of(user_id, catalog.config);
  if (!stored) co_return tl::unexpected(stored.error());
  if (auto checked = check_claim(catalog.config, goal, stored->rows, now); !checked)
    co_return tl::unexpected(checked.error());
  co_return fail(ErrorKind::aborted, "A claim of this reward is already under way (goal_id: " + goal.id + ")");
}

Task<Expected<ClaimReceipt>> RewardClaims::carry_out(OpenClaim claim, base::EventLoop::Clock::time_point deadline) {
  base::fault_point("claim.opened");
  const auto outcome = co_await callback_of<ags::GrantOutcome>([&](auto done) {
    grant_with_retries(loop_, rewards_, repeating_, claim.grant(), deadline - kSettleTime, std::move(done));
  });
  base::fault_point("claim.asked");
  Expected<void> settled;
  if (outcome.result == ags::GrantOutcome::Result::granted) {
    granted_.increment();
    for (int attempt = 0; attempt < kSettleAttempts; ++attempt) {
      settled = co_await ledger_.settle_granted(claim);
      if (settled) break;
    }
  } else {
    settled = co_await settle_ungranted(claim, outcome);
  }
  base::fault_point("claim.settled");
  // Left open, the claim is taken up by recovery once its lease ends: the same key, so no second grant.
  if (!settled) co_return tl::unexpected(database_error(settled.error()));
  if (outcome.result != ags::GrantOutcome::Result::granted) {
    co_return fail(ErrorKind::internal,
                   "Failed to grant reward via Platform Service after 3 retries (goal_id: " + claim.goal_id + ")");
  }
  const auto type =
      claim.reward_type == ags::RewardType::item ? challenge::RewardType::item : challenge::RewardType::wallet;
  co_return ClaimReceipt{claim.goal_id, {type, claim.reward_id, claim.reward_quantity}, claim.opened_at};
}

Task<Expected<void>> RewardClaims::settle_ungranted(const OpenClaim& claim, const ags::GrantOutcome& outcome) {
  using Result = ags::GrantOutcome::Result;
  const bool refused = outcome.result == Result::refused;
  const bool uncertain = outcome.result == Result::uncertain;
  // Who took the claim up before us may have been granted it and died: a no of today does not undo that.
  const bool asked_before = claim.attempts > 1;
  (uncertain ? uncertain_ : refused ? refused_ : unsent_).increment();
  base::log::warn(claim_log_limit,
                  uncertain ? "reward uncertain"
                  : refused ? "reward refused"
                            : "reward platform not reached",
                  {{"user", claim.user_id},
                   {"goal", claim.goal_id},
                   {"key", claim.grant().idempotency_key},
                   {"attempt", claim.attempts},
                   {"reason", outcome.reason}});
  if (!uncertain && !asked_before) return ledger_.settle_refused(claim, outcome.reason);
  if (refused)
    return ledger_.settle_for_review(claim, "refused now, and perhaps granted at an attempt before: " + outcome.reason);
  return ledger_.settle_uncertain(claim, outcome.reason);
}

Task<Expected<int>> RewardClaims::recover() {
  auto claims = co_await ledger_.lease_abandoned(kRecoveredAtOnce);
  if (!claims) co_return tl::unexpected(claims.error());
  for (OpenClaim& claim : *claims) {
    recovered_.increment();
    base::log::info(claim_log_limit, "taking up an open claim",
                    {{"user", claim.user_id},
                     {"goal", claim.goal_id},
                     {"key", claim.grant().idempotency_key},
                     {"attempt", claim.attempts}});
    start(carry_out(std::move(claim), base::EventLoop::Clock::now() + kClaimTime),
          [](const Expected<ClaimReceipt>&) {});
  }
  const auto needing_review = co_await ledger_.count_needing_review();
  if (needing_review) needing_review_.set(static_cast<double>(*needing_review));
  co_return static_cast<int>(claims->size());
}

}  // namespace gauntlet::service
