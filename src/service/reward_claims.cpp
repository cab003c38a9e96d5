#include "service/reward_claims.hpp"

#include "base/fault_point.hpp"
#include "base/log.hpp"
#include "challenge/claim.hpp"

namespace gauntlet::service {
namespace {

using base::callback_of;
using base::ErrorKind;
using base::Expected;
using base::fail;
using base::Task;
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

RewardClaims::RewardClaims(base::EventLoop& loop, ProgressStore& progress, ClaimLedger& ledger, ags::RewardClient& rewards,
                           ags::Repeating repeating, base::metrics::Registry& metrics)
    : loop_(loop),
      progress_(progress),
      ledger_(ledger),
      rewards_(rewards),
      repeating_(repeating),
      granted_(outcomes(metrics).with({"granted"})),
      refused_(outcomes(metrics).with({"refused"})),
      unsent_(outcomes(metrics).with({"unsent"})),
      uncertain_(outcomes(metrics).with({"uncertain"})),
      recovered_(metrics.counter("challenge_claims_recovered_total", "Open claims taken up again by recovery").with({})),
      needing_review_(metrics.gauge("challenge_claims_needing_review", "Claims of unknown outcome that wait for a person").with({})) {}

Task<Expected<ClaimReceipt>> RewardClaims::claim(std::string user_id, CatalogPtr catalog, const Goal& goal, Instant now) {
  const auto deadline = base::EventLoop::Clock::now() + kClaimTime;
  // Opening checks the goal's own row; its prerequisites' rows have to be looked at first.
  if (!goal.prerequisites.empty()) {
    const auto stored = co_await progress_.rows_of(user_id, catalog->config);
    if (!stored) co_return tl::unexpected(stored.error());
    if (auto checked = check_claim(catalog->config, goal, stored->rows, now); !checked) co_return tl::unexpected(checked.error());
  }
  auto opened = co_await ledger_.open(user_id, catalog->config, goal, now);
  if (!opened) co_return tl::unexpected(database_error(opened.error()));
  if (!*opened) co_return co_await refusal(user_id, *catalog, goal, now);
  co_return co_await carry_out(std::move(**opened), deadline);
}

Task<Expected<ClaimReceipt>> RewardClaims::refusal(const std::string& user_id, const Catalog& catalog, const Goal& goal, Instant now) {
  const auto stored = co_await progress_.rows_of(user_id, catalog.config);
  if (!stored) co_return tl::unexpected(stored.error());
  if (auto checked = check_claim(catalog.config, goal, stored->rows, now); !checked) co_return tl::unexpected(checked.error());
  const auto needs_review = co_await ledger_.needs_review(user_id, goal);
  if (!needs_review) co_return tl::unexpected(database_error(needs_review.error()));
  co_return fail(ErrorKind::aborted, (*needs_review ? "Whether this reward was granted is not known; an operator has to find out (goal_id: "
                                                    : "A claim of this reward is already under way (goal_id: ") +
                                         goal.id + ")");
}

Task<Expected<ClaimReceipt>> RewardClaims::carry_out(OpenClaim claim, base::EventLoop::Clock::time_point deadline) {
  base::fault_point("claim.opened");
  const auto outcome = co_await callback_of<ags::GrantOutcome>(
      [&](auto done) { grant_with_retries(loop_, rewards_, repeating_, claim.grant(), deadline - kSettleTime, std::move(done)); });
  base::fault_point("claim.asked");
  const End end = end_of(claim, outcome.result);
  if (end == End::granted) {
    granted_.increment();
  } else {
    count_and_log_ungranted(claim, outcome);
  }
  Expected<void> settled;
  for (int attempt = 0; attempt < kSettleAttempts; ++attempt) {
    settled = co_await settle(claim, end, outcome);
    if (settled) break;
  }
  base::fault_point("claim.settled");
  if (end == End::granted) log_granted(claim, outcome.attempts, settled.has_value());
  // Left open, the claim is taken up once its lease ends: by recovery with the same key, or by a person.
  if (!settled) co_return tl::unexpected(database_error(settled.error()));
  if (end != End::granted) co_return fail(ErrorKind::internal, failure_text(claim.goal_id, end, outcome.attempts));
  const auto type = claim.reward_type == ags::RewardType::item ? challenge::RewardType::item : challenge::RewardType::wallet;
  co_return ClaimReceipt{claim.goal_id, {type, claim.reward_id, claim.reward_quantity}, claim.opened_at};
}

RewardClaims::End RewardClaims::end_of(const OpenClaim& claim, ags::GrantOutcome::Result result) const {
  using Result = ags::GrantOutcome::Result;
  // Who took the claim up before us may have been granted it and died: a no of today does not undo that.
  const bool asked_before = claim.attempts > 1;
  const End unknown = repeating_ == ags::Repeating::harmless ? End::asked_again : End::needs_review;
  switch (result) {
    case Result::granted: return End::granted;
    case Result::refused: return asked_before ? End::needs_review : End::refused;
    case Result::unsent: return asked_before ? unknown : End::refused;
    case Result::uncertain: break;
  }
  return unknown;
}

Task<Expected<void>> RewardClaims::settle(const OpenClaim& claim, End end, const ags::GrantOutcome& outcome) {
  switch (end) {
    case End::granted: return ledger_.settle_granted(claim);
    case End::refused: return ledger_.settle_refused(claim, outcome.reason);
    case End::asked_again: return ledger_.settle_uncertain(claim, outcome.reason);
    case End::needs_review: break;
  }
  const bool refused = outcome.result == ags::GrantOutcome::Result::refused;
  return ledger_.settle_for_review(claim,
                                   refused ? "refused now, and perhaps granted at an attempt before: " + outcome.reason : outcome.reason);
}

void RewardClaims::log_granted(const OpenClaim& claim, int attempts, bool is_settled) const {
  // Each of them, without a limit: whoever asks what a player was given finds it here.
  base::log::write(is_settled ? base::log::Level::info : base::log::Level::error,
                   !is_settled          ? "reward granted, but not recorded yet"
                   : rewards_.is_mock() ? "reward claimed from the mock, which gives nothing"
                                        : "reward granted",
                   {{"user", claim.user_id},
                    {"challenge", claim.challenge_id},
                    {"goal", claim.goal_id},
                    {"reward_type", claim.reward_type == ags::RewardType::item ? "ITEM" : "WALLET"},
                    {"reward_id", claim.reward_id},
                    {"quantity", claim.reward_quantity},
                    {"key", claim.grant().idempotency_key},
                    {"attempts", attempts},
                    {"takeups", claim.attempts}});
}

void RewardClaims::count_and_log_ungranted(const OpenClaim& claim, const ags::GrantOutcome& outcome) {
  using Result = ags::GrantOutcome::Result;
  const bool refused = outcome.result == Result::refused;
  const bool uncertain = outcome.result == Result::uncertain;
  (uncertain ? uncertain_ : refused ? refused_ : unsent_).increment();
  base::log::warn(claim_log_limit,
                  uncertain ? "reward uncertain"
                  : refused ? "reward refused"
                            : "reward not taken by the platform",
                  {{"user", claim.user_id},
                   {"challenge", claim.challenge_id},
                   {"goal", claim.goal_id},
                   {"key", claim.grant().idempotency_key},
                   {"attempts", outcome.attempts},
                   {"takeups", claim.attempts},
                   {"reason", outcome.reason}});
}

std::string RewardClaims::failure_text(const std::string& goal_id, End end, int attempts) {
  std::string text = "Failed to grant reward via Platform Service";
  if (attempts == 2) text += " after 1 retry";
  if (attempts > 2) text += " after " + std::to_string(attempts - 1) + " retries";
  text += " (goal_id: " + goal_id + ")";
  switch (end) {
    case End::refused: return text + ": nothing was given, it can be claimed again";
    case End::asked_again: return text + ": it may have been given, the platform is asked again soon";
    default: return text + ": it may have been given, an operator has to find out";
  }
}

Task<Expected<int>> RewardClaims::recover() {
  auto claims = co_await ledger_.lease_abandoned(kRecoveredAtOnce);
  if (!claims) co_return tl::unexpected(claims.error());
  for (OpenClaim& claim : *claims) {
    recovered_.increment();
    base::log::info(
        claim_log_limit, "taking up an open claim",
        {{"user", claim.user_id}, {"goal", claim.goal_id}, {"key", claim.grant().idempotency_key}, {"takeups", claim.attempts}});
    start(carry_out(std::move(claim), base::EventLoop::Clock::now() + kClaimTime), [](const Expected<ClaimReceipt>&) {});
  }
  const auto needing_review = co_await ledger_.count_needing_review();
  if (needing_review) needing_review_.set(static_cast<double>(*needing_review));
  co_return static_cast<int>(claims->size());
}

}  // namespace gauntlet::service
