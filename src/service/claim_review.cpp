#include "service/claim_review.hpp"

#include <tuple>

#include "base/uuid.hpp"
#include "postgres/statement.hpp"

namespace gauntlet::service {
namespace {

using base::ErrorKind;
using base::Expected;
using base::fail;
using postgres::Parameters;
using postgres::Statement;
using postgres::Type;
using postgres::Uuid;

const std::string kReviewColumns =
    "claim_key::text, user_id, challenge_id, goal_id, reward_type || ' ' || reward_id || ' x' || reward_quantity, state,"
    " to_char(opened_at, 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), attempts, coalesce(reason, '')";

// $1 states, $2 user or null, $3 how many
const Statement kList("SELECT " + kReviewColumns +
                          " FROM reward_claim WHERE state = ANY ($1) AND ($2 IS NULL OR user_id = $2)"
                          " ORDER BY opened_at LIMIT $3",
                      {Type::text_array, Type::text, Type::int8});

const Statement kFind("SELECT " + kReviewColumns + " FROM reward_claim WHERE claim_key = $1", {Type::uuid});

// The player's row is locked before the claim's, as everywhere (claim_ledger.cpp), so that nobody waits in a circle.
const Statement kLockRow(
    "SELECT 1 FROM user_goal_progress AS p, reward_claim AS c"
    " WHERE c.claim_key = $1 AND p.user_id = c.user_id AND p.goal_id = c.goal_id FOR UPDATE OF p",
    {Type::uuid});

// $1 key, $2 state, $3 what was decided. The lease ends now: an uncertain claim is recovery's next.
const Statement kDecide(
    "UPDATE reward_claim SET state = $2, reason = concat_ws('; ', $3, reason),"
    " settled_at = CASE WHEN $2 IN ('granted', 'refused') THEN now() AT TIME ZONE 'utc' END,"
    " lease_until = now() AT TIME ZONE 'utc'"
    " WHERE claim_key = $1 AND state IN ('uncertain', 'needs_review')"
    " RETURNING " +
        kReviewColumns,
    {Type::uuid, Type::text, Type::text});

// As the ledger marks it.
const Statement kMarkClaimedByKey(
    "UPDATE user_goal_progress AS p SET status = 'claimed', claimed_at = c.opened_at,"
    " completed_at = coalesce(p.completed_at, c.completed_at), updated_at = greatest(p.updated_at, c.opened_at)"
    " FROM reward_claim AS c"
    " WHERE c.claim_key = $1 AND p.user_id = c.user_id AND p.goal_id = c.goal_id AND p.claimed_at IS NULL"
    " AND (c.period_end IS NULL OR p.updated_at < c.period_end)",
    {Type::uuid});

ReviewedClaim read(const postgres::Row& row) {
  return {row.get<std::string>(0), row.get<std::string>(1), row.get<std::string>(2),  row.get<std::string>(3), row.get<std::string>(4),
          row.get<std::string>(5), row.get<std::string>(6), row.get<std::int32_t>(7), row.get<std::string>(8)};
}

const char* state_after(Decision decision) {
  switch (decision) {
    case Decision::granted: return "granted";
    case Decision::not_granted: return "refused";
    case Decision::retry: break;
  }
  return "uncertain";
}

}  // namespace

Expected<std::vector<ReviewedClaim>> ClaimReview::list(const ClaimFilter& filter) {
  Parameters parameters;
  parameters.add_array(filter.states);
  parameters.add(filter.user_id ? std::optional<std::string_view>(*filter.user_id) : std::nullopt).add(filter.limit);
  const auto result = TRY(connection_.execute(kList, parameters));
  std::vector<ReviewedClaim> claims;
  for (const postgres::Row& row : result) claims.push_back(read(row));
  return claims;
}

Expected<ReviewedClaim> ClaimReview::resolve(const std::string& key, Decision decision, const std::string& note) {
  const auto uuid = base::parse_uuid(key);
  if (!uuid) return fail(ErrorKind::invalid_argument, "\"" + key + "\" is no claim's key; gauntlet claims list shows them");
  std::ignore = TRY(connection_.run("BEGIN"));
  auto resolved = resolve_locked(*uuid, decision, note);
  const auto ended = connection_.run(resolved ? "COMMIT" : "ROLLBACK");
  if (resolved && !ended) return tl::unexpected(ended.error());
  return resolved;
}

Expected<ReviewedClaim> ClaimReview::resolve_locked(const Uuid& key, Decision decision, const std::string& note) {
  Parameters by_key;
  by_key.add(key);
  std::ignore = TRY(connection_.execute(kLockRow, by_key));
  static constexpr const char* kWords[] = {"granted", "not granted", "ask again"};
  Parameters decided;
  decided.add(key).add(state_after(decision));
  decided.add("decided by hand: " + std::string(kWords[static_cast<int>(decision)]) + (note.empty() ? "" : " (" + note + ")"));
  const auto result = TRY(connection_.execute(kDecide, decided));
  if (result.empty()) {
    const auto found = TRY(connection_.execute(kFind, by_key));
    if (found.empty()) return fail(ErrorKind::not_found, "there is no claim with this key; gauntlet claims list shows them");
    return fail(ErrorKind::failed_precondition,
                "this claim is " + read(found[0]).state + ": only one that is uncertain or needs_review can be decided");
  }
  if (decision == Decision::granted) {
    std::ignore = TRY(connection_.execute(kMarkClaimedByKey, by_key));
  }
  return read(result[0]);
}

}  // namespace gauntlet::service
