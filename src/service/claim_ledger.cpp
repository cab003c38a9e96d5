#include "service/claim_ledger.hpp"

#include <sys/random.h>

#include <cstdlib>

#include "base/uuid.hpp"
#include "postgres/statement.hpp"
#include "service/progress_store.hpp"

namespace gauntlet::service {
namespace {

using base::Expected;
using base::Task;
using challenge::Instant;
using postgres::Parameters;
using postgres::Result;
using postgres::Statement;
using postgres::Timestamp;
using postgres::Type;
using postgres::Uuid;

// Leases and their ends are by the database's clock, which all replicas share. A claim ends within 10 s, so a lease of
// 30 is abandoned for sure.
const std::string kOpenedColumns =
    "c.user_id, c.goal_id, c.claim_key, c.reward_type, c.reward_id, c.reward_quantity, c.completed_at, c.opened_at,"
    " c.period_end, c.attempts, c.challenge_id";

// $1 user, $2 goal, $3 key, $4 challenge, $5 namespace, $6 reward type, $7 reward id, $8 quantity, $9 now, $10 end and
// $11 start of the rotation's period where it resets, $12 may take over a claim of unknown outcome, $13 end of the period after it.
//
// A row may be of the next period already: its writer's clock is ahead of this one, or midnight came between $9 and the lock. The
// claim is then one of that period, or else kMarkClaimed would pass its row over and the goal could be claimed without end.
//
// FOR UPDATE makes this wait for a claim that is being settled and then see its row as claimed; without it an older
// snapshot could pass the WHERE after the settled claim has left the index of open ones.
const Statement kOpen(
    "INSERT INTO reward_claim AS c (user_id, goal_id, claim_key, challenge_id, namespace, reward_type, reward_id,"
    " reward_quantity, state, completed_at, opened_at, period_end, lease_until)"
    " SELECT $1, $2, $3, $4, $5, $6, $7, $8, 'granting', coalesce(p.completed_at, $9), $9,"
    " CASE WHEN p.updated_at < $10 THEN $10 WHEN p.updated_at < $13 THEN $13 END,"
    " (now() AT TIME ZONE 'utc') + interval '30 seconds'"
    " FROM user_goal_progress AS p"
    " WHERE p.user_id = $1 AND p.goal_id = $2 AND p.is_active AND p.status = 'completed' AND p.claimed_at IS NULL"
    " AND ($11 IS NULL OR p.updated_at >= $11)"
    " FOR UPDATE OF p"
    " ON CONFLICT (user_id, goal_id) WHERE state IN ('granting', 'uncertain', 'needs_review')"
    " DO UPDATE SET state = 'granting', lease_until = EXCLUDED.lease_until, attempts = c.attempts + 1"
    " WHERE $12 AND c.namespace = EXCLUDED.namespace AND (c.state = 'uncertain' OR (c.state = 'granting' AND c.lease_until < now() AT TIME "
    "ZONE 'utc'))"
    " RETURNING " +
        kOpenedColumns,
    {Type::text, Type::text, Type::uuid, Type::text, Type::text, Type::text, Type::text, Type::int4, Type::timestamp, Type::timestamp,
     Type::timestamp, Type::boolean, Type::timestamp});

// The reward is the player's, so the row becomes claimed whatever has meanwhile become of it; but not when the goal has
// started over and the row is already the new period's. $1 user, $2 goal, $3 claimed at, $4
// completed at, $5 end of the claim's rotation.
const Statement kMarkClaimed(
    "UPDATE user_goal_progress SET status = 'claimed', claimed_at = $3, completed_at = coalesce(completed_at, $4),"
    " updated_at = greatest(updated_at, $3)"
    " WHERE user_id = $1 AND goal_id = $2 AND claimed_at IS NULL AND ($5 IS NULL OR updated_at < $5)",
    {Type::text, Type::text, Type::timestamp, Type::timestamp, Type::timestamp});

// $1 user, $2 goal, $3 key, $4 state, $5 reason, $6 attempts of the settling lease. That a reward was given is true
// whoever says it; the rest is for the holder of the lease. An uncertain claim is asked for again after a pause that grows
// with its attempts, to an hour.
const Statement kSettle(
    "UPDATE reward_claim SET state = $4, reason = $5,"
    " settled_at = CASE WHEN $4 IN ('granted', 'refused') THEN now() AT TIME ZONE 'utc' END,"
    " lease_until = (now() AT TIME ZONE 'utc') + least(attempts * interval '15 seconds', interval '1 hour')"
    " WHERE user_id = $1 AND goal_id = $2 AND claim_key = $3"
    " AND ($4 = 'granted' OR (state = 'granting' AND attempts = $6))",
    {Type::text, Type::text, Type::uuid, Type::text, Type::text, Type::int4});

// $1 namespace, $2 how many. Rows that another replica is leasing are skipped, and those of another namespace on this database are left to
// its own service: this one would grant them in its own.
const Statement kLeaseAbandoned(
    "UPDATE reward_claim AS c SET state = 'granting', attempts = c.attempts + 1,"
    " lease_until = (now() AT TIME ZONE 'utc') + interval '30 seconds'"
    " FROM (SELECT user_id, goal_id, claim_key FROM reward_claim"
    "       WHERE state IN ('granting', 'uncertain') AND lease_until < now() AT TIME ZONE 'utc' AND namespace = $1"
    "       LIMIT $2 FOR UPDATE SKIP LOCKED) AS abandoned"
    " WHERE c.user_id = abandoned.user_id AND c.goal_id = abandoned.goal_id AND c.claim_key = abandoned.claim_key"
    " RETURNING " +
        kOpenedColumns,
    {Type::text, Type::int8});

const Statement kMarkAbandonedForReview(
    "UPDATE reward_claim SET state = 'needs_review', reason = coalesce(reason, 'the service ended before the platform "
    "answered')"
    " WHERE state IN ('granting', 'uncertain') AND lease_until < now() AT TIME ZONE 'utc' AND namespace = $1",
    {Type::text});

const Statement kNeedsReview(
    "SELECT 1 FROM reward_claim WHERE user_id = $1 AND goal_id = $2 AND state IN ('granting', 'uncertain', 'needs_review')"
    " AND state = 'needs_review'",
    {Type::text, Type::text});

const Statement kCountNeedingReview(
    "SELECT count(*) FROM reward_claim WHERE state IN ('granting', 'uncertain', 'needs_review') AND state = "
    "'needs_review' AND namespace = $1",
    {Type::text});

/// UUID version 7 (RFC 9562): the time first, so that keys of one moment lie together in the index.
Uuid new_claim_key(Instant now) {
  Uuid key;
  if (getrandom(key.bytes.data(), key.bytes.size(), 0) != static_cast<ssize_t>(key.bytes.size())) std::abort();
  const auto ms = static_cast<std::uint64_t>(now.time_since_epoch().count() / 1000);
  for (std::size_t i = 0; i < 6; ++i) key.bytes[i] = static_cast<unsigned char>(ms >> (40 - 8 * i));
  key.bytes[6] = static_cast<unsigned char>((key.bytes[6] & 0x0F) | 0x70);
  key.bytes[8] = static_cast<unsigned char>((key.bytes[8] & 0x3F) | 0x80);
  return key;
}

OpenClaim read_claim(const postgres::Row& row) {
  OpenClaim claim;
  claim.user_id = row.get<std::string>(0);
  claim.goal_id = row.get<std::string>(1);
  claim.key = row.get<Uuid>(2);
  claim.reward_type = row.get<std::string_view>(3) == "ITEM" ? ags::RewardType::item : ags::RewardType::wallet;
  claim.reward_id = row.get<std::string>(4);
  claim.reward_quantity = row.get<std::int32_t>(5);
  claim.completed_at = to_instant(row.get<Timestamp>(6));
  claim.opened_at = to_instant(row.get<Timestamp>(7));
  if (const auto end = row.get<std::optional<Timestamp>>(8)) claim.period_end = to_instant(*end);
  claim.attempts = row.get<std::int32_t>(9);
  claim.challenge_id = row.get<std::string>(10);
  return claim;
}

postgres::Execution settling(const OpenClaim& claim, std::string_view state, std::string reason) {
  Parameters parameters;
  parameters.add(claim.user_id).add(claim.goal_id).add(claim.key).add(state);
  if (reason.empty()) {
    parameters.add_null();
  } else {
    parameters.add(reason);
  }
  parameters.add(claim.attempts);
  return {&kSettle, std::move(parameters)};
}

}  // namespace

ags::Grant OpenClaim::grant() const { return {base::format_uuid(key), user_id, reward_type, reward_id, reward_quantity}; }

ClaimLedger::ClaimLedger(postgres::Pool& pool, std::string name_space, bool retry_uncertain)
    : pool_(pool), name_space_(std::move(name_space)), retry_uncertain_(retry_uncertain) {}

Task<Expected<std::optional<OpenClaim>>> ClaimLedger::open(std::string_view user_id, const challenge::Config& config,
                                                           const challenge::Goal& goal, Instant now) {
  std::optional<Timestamp> period_start, period_end, next_end;
  if (const challenge::Rotation* const restart = challenge::restart_of(goal)) {
    const challenge::Period period = challenge::period_of(restart->schedule, now);
    period_start = to_timestamp(period.start);
    period_end = to_timestamp(period.end);
    next_end = to_timestamp(challenge::next_boundary(restart->schedule, period.end));
  }
  Parameters parameters;
  parameters.add(user_id).add(goal.id).add(new_claim_key(now)).add(config.challenge_of(goal).id).add(name_space_);
  parameters.add(to_string(goal.reward.type)).add(goal.reward.id).add(goal.reward.quantity).add(to_timestamp(now));
  parameters.add(period_end).add(period_start).add(retry_uncertain_).add(next_end);
  auto result = co_await pool_.execute(kOpen, parameters);
  if (!result) co_return tl::unexpected(result.error());
  if (result->empty()) co_return std::optional<OpenClaim>();
  co_return std::optional(read_claim((*result)[0]));
}

Task<Expected<void>> ClaimLedger::settle_granted(const OpenClaim& claim) {
  Parameters marking;
  marking.add(claim.user_id).add(claim.goal_id).add(to_timestamp(claim.opened_at)).add(to_timestamp(claim.completed_at));
  marking.add(to_timestamp(claim.period_end));
  // The row first: kOpen waits on its lock, and must find the claim settled when it goes on.
  const std::vector<postgres::Execution> group = {{&kMarkClaimed, std::move(marking)}, settling(claim, "granted", "")};
  auto results = co_await pool_.execute_group(group);
  if (!results) co_return tl::unexpected(results.error());
  co_return Expected<void>();
}

Task<Expected<void>> ClaimLedger::settle_refused(const OpenClaim& claim, std::string reason) {
  return settle(claim, "refused", std::move(reason));
}

Task<Expected<void>> ClaimLedger::settle_uncertain(const OpenClaim& claim, std::string reason) {
  return settle(claim, retry_uncertain_ ? "uncertain" : "needs_review", std::move(reason));
}

Task<Expected<void>> ClaimLedger::settle_for_review(const OpenClaim& claim, std::string reason) {
  return settle(claim, "needs_review", std::move(reason));
}

Task<Expected<void>> ClaimLedger::settle(const OpenClaim& claim, std::string_view state, std::string reason) {
  const postgres::Execution execution = settling(claim, state, reason);
  auto result = co_await pool_.execute(*execution.statement, execution.parameters);
  if (!result) co_return tl::unexpected(result.error());
  co_return Expected<void>();
}

Task<Expected<std::vector<OpenClaim>>> ClaimLedger::lease_abandoned(int count) {
  Parameters parameters;
  parameters.add(name_space_);
  if (retry_uncertain_) parameters.add(std::int64_t{count});
  const Statement& statement = retry_uncertain_ ? kLeaseAbandoned : kMarkAbandonedForReview;
  auto result = co_await pool_.execute(statement, parameters);
  if (!result) co_return tl::unexpected(result.error());
  std::vector<OpenClaim> claims;
  for (const postgres::Row& row : *result) claims.push_back(read_claim(row));
  co_return claims;
}

Task<Expected<bool>> ClaimLedger::needs_review(std::string_view user_id, const challenge::Goal& goal) {
  Parameters parameters;
  parameters.add(user_id).add(goal.id);
  auto result = co_await pool_.execute(kNeedsReview, parameters);
  if (!result) co_return tl::unexpected(result.error());
  co_return !result->empty();
}

Task<Expected<std::int64_t>> ClaimLedger::count_needing_review() {
  Parameters parameters;
  parameters.add(name_space_);
  auto result = co_await pool_.execute(kCountNeedingReview, parameters);
  if (!result) co_return tl::unexpected(result.error());
  co_return (*result)[0].get<std::int64_t>(0);
}

}  // namespace gauntlet::service
