#include "service/progress_store.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "postgres/statement.hpp"

namespace gauntlet::service {
namespace {

using base::callback_of;
using base::ErrorKind;
using base::Expected;
using base::Task;
using challenge::Config;
using challenge::Goal;
using challenge::GoalIndex;
using challenge::Instant;
using challenge::PlayerRow;
using postgres::Parameters;
using postgres::Result;
using postgres::Statement;
using postgres::Timestamp;
using postgres::Type;

const Statement kRowsOfPlayer(
    "SELECT goal_id, progress, status, is_active, completed_at, claimed_at, assigned_at, expires_at, baseline_value, "
    "updated_at"
    " FROM user_goal_progress WHERE user_id = $1",
    {Type::text});

// Whatever writes several rows of a player takes them by goal_id: who took them in another order could wait for each other in a circle.
// (The event handler takes them by key first; what PostgreSQL ends for its sake is tried again.) $1 user, $2 goals, $3 a challenge of which
// all rows are meant, too, or null.
const Statement kLockRows(
    "SELECT 1 FROM user_goal_progress WHERE user_id = $1 AND (goal_id = ANY($2) OR challenge_id = $3) ORDER BY goal_id FOR UPDATE",
    {Type::text, Type::text_array, Type::text});

// $1 user, $2 namespace, $3 now, then the goals: id, challenge, expiry.
const Statement kAssign(
    "INSERT INTO user_goal_progress (user_id, goal_id, challenge_id, namespace, progress, status, is_active, "
    "assigned_at,"
    " expires_at, created_at, updated_at)"
    " SELECT $1, g.goal_id, g.challenge_id, $2, 0, 'not_started', true, $3, g.expires_at, $3, $3"
    " FROM unnest($4, $5, $6) AS g(goal_id, challenge_id, expires_at) ORDER BY g.goal_id"
    " ON CONFLICT (user_id, goal_id) DO NOTHING",
    {Type::text, Type::text, Type::timestamp, Type::text_array, Type::text_array, Type::timestamp_array});

// challenge::current: $1 user, $2 now, then the goals: id, last boundary, expiry, allowReselection.
const Statement kResetRotated(
    "UPDATE user_goal_progress AS p SET progress = 0, status = 'not_started', completed_at = NULL, claimed_at = NULL,"
    " baseline_value = NULL, expires_at = g.expires_at, updated_at = $2"
    " FROM unnest($3, $4, $5, $6) AS g(goal_id, boundary, expires_at, allow_reselection)"
    " WHERE p.user_id = $1 AND p.goal_id = g.goal_id AND p.updated_at < g.boundary"
    " AND (p.status <> 'claimed' OR g.allow_reselection)",
    {Type::text, Type::timestamp, Type::text_array, Type::timestamp_array, Type::timestamp_array, Type::boolean_array});

// Activation (tests/support/progress_reference.cpp says it in C++), once a reset that was due is stored. An inactive row is created without
// assigned_at and keeps the one it has. $1 user, $2 namespace, $3 now, $4 active, $5 challenge, then the goals: id, expiry.
const Statement kSetActive(
    "INSERT INTO user_goal_progress AS p (user_id, goal_id, challenge_id, namespace, progress, status, is_active, "
    "assigned_at,"
    " expires_at, created_at, updated_at)"
    " SELECT $1, g.goal_id, $5, $2, 0, 'not_started', $4, CASE WHEN $4 THEN $3 END, CASE WHEN $4 THEN g.expires_at "
    "END, $3, $3"
    " FROM unnest($6, $7) AS g(goal_id, expires_at) ORDER BY g.goal_id"
    " ON CONFLICT (user_id, goal_id) DO UPDATE SET is_active = EXCLUDED.is_active,"
    " assigned_at = CASE WHEN EXCLUDED.is_active THEN EXCLUDED.assigned_at ELSE p.assigned_at END,"
    " expires_at = CASE WHEN EXCLUDED.is_active THEN EXCLUDED.expires_at ELSE p.expires_at END"
    " RETURNING assigned_at",
    {Type::text, Type::text, Type::timestamp, Type::boolean, Type::text, Type::text_array, Type::timestamp_array});

const Statement kDeactivateChallenge(
    "UPDATE user_goal_progress SET is_active = false WHERE user_id = $1 AND challenge_id = $2 AND is_active RETURNING "
    "goal_id",
    {Type::text, Type::text});

const Statement kPing("SELECT 1", {});

std::optional<Instant> optional_instant(const postgres::Row& row, int column) {
  const auto timestamp = row.get<std::optional<Timestamp>>(column);
  return timestamp ? std::optional(to_instant(*timestamp)) : std::nullopt;
}

StoredRows read_rows(const Result& result, const Config& config) {
  StoredRows stored;
  stored.any = !result.empty();
  stored.rows.reserve(static_cast<std::size_t>(result.rows()));
  for (const postgres::Row& columns : result) {
    const Goal* goal = config.find_goal(columns.get<std::string_view>(0));
    const auto status = challenge::parse_status(columns.get<std::string_view>(2));
    if (goal == nullptr || !status) continue;
    PlayerRow& player_row = stored.rows.emplace_back();
    player_row.goal = goal->index;
    challenge::Row& row = player_row.row;
    row.progress = columns.get<std::int32_t>(1);
    row.status = *status;
    row.is_active = columns.get<bool>(3);
    row.completed_at = optional_instant(columns, 4);
    row.claimed_at = optional_instant(columns, 5);
    row.assigned_at = optional_instant(columns, 6);
    row.expires_at = optional_instant(columns, 7);
    row.baseline_value = columns.get<std::optional<std::int32_t>>(8);
    row.updated_at = to_instant(columns.get<Timestamp>(9));
  }
  std::sort(stored.rows.begin(), stored.rows.end(), [](const PlayerRow& a, const PlayerRow& b) { return a.goal < b.goal; });
  return stored;
}

/// The goals' columns of kResetRotated; nothing when none of them ever resets.
struct ResetArrays {
  std::vector<std::string_view> ids;
  std::vector<Timestamp> boundaries;
  std::vector<std::optional<Timestamp>> expiries;
  std::vector<bool> allow_reselection;

  ResetArrays(const Config& config, std::span<const GoalIndex> goals, Instant now) {
    for (const GoalIndex index : goals) {
      const Goal& goal = config.goal(index);
      const challenge::Rotation* const restart = restart_of(goal);
      if (restart == nullptr) continue;
      ids.push_back(goal.id);
      boundaries.push_back(to_timestamp(last_boundary(restart->schedule, now)));
      expiries.push_back(to_timestamp(expires_at(goal, now)));
      allow_reselection.push_back(restart->allow_reselection);
    }
  }

  postgres::Execution execution(std::string_view user_id, Instant now) const {
    Parameters parameters;
    parameters.add(user_id).add(to_timestamp(now)).add_array(ids).add_array(boundaries).add_array(expiries).add_array(allow_reselection);
    return {&kResetRotated, std::move(parameters)};
  }
};

/// Ids and expiries of goals, in step.
struct GoalArrays {
  std::vector<std::string_view> ids;
  std::vector<std::string_view> challenge_ids;
  std::vector<std::optional<Timestamp>> expiries;

  GoalArrays(const Config& config, std::span<const GoalIndex> goals, Instant now) {
    for (const GoalIndex index : goals) {
      const Goal& goal = config.goal(index);
      ids.push_back(goal.id);
      challenge_ids.push_back(config.challenge_of(goal).id);
      expiries.push_back(to_timestamp(expires_at(goal, now)));
    }
  }
};

}  // namespace

base::Error database_error(const base::Error& error) {
  if (error.kind == ErrorKind::cancelled) return error;  // nobody will see it
  static base::log::Limit limit(10);
  base::log::error(limit, "database error", {{"reason", error.message}});
  if (error.kind == ErrorKind::resource_exhausted) {
    return {ErrorKind::unavailable, "Too many requests are waiting for the database"};
  }
  // Rolled back for another's sake (a deadlock with a stranger's statement): nothing happened, and another attempt may pass.
  const bool may_pass = error.kind == ErrorKind::unavailable || error.kind == ErrorKind::aborted;
  return {may_pass ? ErrorKind::unavailable : ErrorKind::internal, "Database error occurred"};
}

namespace {

postgres::Execution locking(std::string_view user_id, const std::vector<std::string_view>& goals,
                            std::optional<std::string_view> challenge = std::nullopt) {
  Parameters parameters;
  parameters.add(user_id).add_array(goals);
  if (challenge) {
    parameters.add(*challenge);
  } else {
    parameters.add_null();
  }
  return {&kLockRows, std::move(parameters)};
}

postgres::Asker asker(std::string_view user_id, Wanted wanted = {}) { return {std::hash<std::string_view>{}(user_id), std::move(wanted)}; }

/// `group` as one transaction, and once again where PostgreSQL rolled it back for another's sake.
Task<Expected<std::vector<Result>>> execute_twice(postgres::Pool& pool, std::vector<postgres::Execution> group, postgres::Asker who) {
  auto results = co_await pool.execute_group(group, who);
  if (results || results.error().kind != ErrorKind::aborted) co_return results;
  co_return co_await pool.execute_group(group, std::move(who));
}

}  // namespace

ProgressStore::ProgressStore(postgres::Pool& pool, std::string name_space) : pool_(pool), name_space_(std::move(name_space)) {}

Task<Expected<StoredRows>> ProgressStore::rows_of(std::string_view user_id, const Config& config, Wanted wanted) {
  Parameters parameters;
  parameters.add(user_id);
  auto result = co_await pool_.execute(kRowsOfPlayer, parameters, asker(user_id, std::move(wanted)));
  if (!result) co_return tl::unexpected(database_error(result.error()));
  co_return read_rows(*result, config);
}

Task<Expected<int>> ProgressStore::assign(std::string_view user_id, const Config& config, std::span<const GoalIndex> goals, Instant now,
                                          Wanted wanted) {
  const GoalArrays arrays(config, goals, now);
  Parameters parameters;
  parameters.add(user_id).add(name_space_).add(to_timestamp(now));
  parameters.add_array(arrays.ids).add_array(arrays.challenge_ids).add_array(arrays.expiries);
  auto result = co_await pool_.execute(kAssign, parameters, asker(user_id, std::move(wanted)));
  if (!result) co_return tl::unexpected(database_error(result.error()));
  co_return static_cast<int>(result->affected());
}

Task<Expected<void>> ProgressStore::reset_rotated(std::string_view user_id, const Config& config, std::vector<GoalIndex> goals,
                                                  Instant now) {
  const ResetArrays arrays(config, goals, now);
  if (arrays.ids.empty()) co_return Expected<void>();
  std::vector<postgres::Execution> group = {locking(user_id, arrays.ids), arrays.execution(user_id, now)};
  auto results = co_await execute_twice(pool_, std::move(group), asker(user_id));
  if (!results) co_return tl::unexpected(database_error(results.error()));
  co_return Expected<void>();
}

Task<Expected<std::optional<Instant>>> ProgressStore::set_active(std::string_view user_id, const Config& config, const Goal& goal,
                                                                 bool active, Instant now, Wanted wanted) {
  const GoalIndex goals[] = {goal.index};
  std::vector<postgres::Execution> group;
  if (const ResetArrays reset(config, goals, now); !reset.ids.empty()) group.push_back(reset.execution(user_id, now));
  const GoalArrays arrays(config, goals, now);
  Parameters parameters;
  parameters.add(user_id).add(name_space_).add(to_timestamp(now)).add(active).add(config.challenge_of(goal).id);
  parameters.add_array(arrays.ids).add_array(arrays.expiries);
  group.push_back({&kSetActive, std::move(parameters)});
  auto results = co_await pool_.execute_group(group, asker(user_id, std::move(wanted)));
  if (!results) co_return tl::unexpected(database_error(results.error()));
  co_return optional_instant(results->back()[0], 0);
}

Task<Expected<ProgressStore::Selected>> ProgressStore::select_goals(std::string_view user_id, const Config& config,
                                                                    const challenge::Challenge& challenge, std::vector<GoalIndex> goals,
                                                                    bool replace_existing, Instant now, Wanted wanted) {
  const GoalArrays arrays(config, goals, now);
  std::vector<postgres::Execution> group;
  group.push_back(locking(user_id, arrays.ids, replace_existing ? std::optional<std::string_view>(challenge.id) : std::nullopt));
  if (replace_existing) {
    Parameters parameters;
    parameters.add(user_id).add(challenge.id);
    group.push_back({&kDeactivateChallenge, std::move(parameters)});
  }
  if (const ResetArrays reset(config, goals, now); !reset.ids.empty()) group.push_back(reset.execution(user_id, now));
  Parameters activation;
  activation.add(user_id).add(name_space_).add(to_timestamp(now)).add(true).add(challenge.id);
  activation.add_array(arrays.ids).add_array(arrays.expiries);
  group.push_back({&kSetActive, std::move(activation)});
  Parameters reading;
  reading.add(user_id);
  group.push_back({&kRowsOfPlayer, std::move(reading)});

  auto results = co_await execute_twice(pool_, std::move(group), asker(user_id, std::move(wanted)));
  if (!results) co_return tl::unexpected(database_error(results.error()));
  Selected selected;
  if (replace_existing) {
    for (const postgres::Row& row : (*results)[1]) selected.replaced.push_back(row.get<std::string>(0));
    // The configured ones in the config's order, so that the answer does not depend on where rows lie in the table.
    const auto position = [&](const std::string& id) {
      const Goal* goal = config.find_goal(id);
      return goal == nullptr ? config.goals().size() : goal->index;
    };
    std::sort(selected.replaced.begin(), selected.replaced.end(),
              [&](const std::string& a, const std::string& b) { return std::pair(position(a), a) < std::pair(position(b), b); });
  }
  selected.rows = read_rows(results->back(), config).rows;
  co_return selected;
}

Task<Expected<void>> ProgressStore::ping(base::EventLoop& loop, std::chrono::milliseconds patience) {
  // Shared by the statement's callback and the timer: the later one must find the question answered.
  struct Question {
    std::function<void(Expected<void>)> answer;
    base::EventLoop::TimerId timer = 0;
  };
  const auto question = std::make_shared<Question>();
  co_return co_await callback_of<Expected<void>>([&](auto done) {
    question->answer = std::move(done);
    const auto answer_once = [question](Expected<void> answer) {
      if (const auto callback = std::exchange(question->answer, nullptr)) callback(std::move(answer));
    };
    question->timer =
        loop.call_after(patience, [answer_once] { answer_once(base::fail(ErrorKind::deadline_exceeded, "PostgreSQL does not answer")); });
    pool_.execute(kPing, {}, [question, answer_once, &loop](const Expected<Result>& result) {
      loop.cancel(question->timer);
      answer_once(result ? Expected<void>() : Expected<void>(tl::unexpected(result.error())));
    });
  });
}

}  // namespace gauntlet::service
