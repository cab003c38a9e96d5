#include "events/progress_sql.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace gauntlet::events {
namespace {

using postgres::Parameters;
using postgres::Statement;
using postgres::Timestamp;
using postgres::Type;

/// Replaces each @name by its text; later entries may use earlier names, so they are replaced from the last to the first.
std::string expand(std::string sql, const std::vector<std::pair<std::string, std::string>>& names) {
  for (auto name = names.rbegin(); name != names.rend(); ++name)
    for (std::size_t at = sql.find(name->first); at != std::string::npos; at = sql.find(name->first, at + name->second.size()))
      sql.replace(at, name->first.size(), name->second);
  return sql;
}

/// `p` is the row as it is once locked, `e` a change, `g` the goal's row in event_goal.
/// tests/support/progress_reference.cpp says the same in C++; the property test in tests/unit/events holds the two together.
///
/// Its shape pins the plan: changes in their order, for each the player's rows by the primary key, for each row its goal,
/// so that the cost follows the player's rows, however many goals are configured, and rows are locked in one order.
///  - `= ANY (ARRAY[...])` is an equality that the index serves and a merge join cannot use. With a plain `=` a full index
///    scan counts as useful, and a table that was small when the statement was planned would be scanned for ever after.
///  - The CASE is one condition on all three tables. So it cannot join goals to changes first (all goals of a stat code),
///    and the lookup of a goal depends on nothing but its id, which lets the planner remember lookups (Memoize): ten rows
///    a player cost 5 us of PostgreSQL CPU an event instead of 15.
///  - generate_series is planned as 1,000 rows where arrays count as 10: reason enough to remember them.
/// updated_at never goes back: a batch that has waited for a lock since before midnight would put a row that has started over since into
/// yesterday again, to start over once more.
std::string apply_sql() {
  return expand(
      R"sql(
UPDATE user_goal_progress AS p
SET progress       = @progress,
    status         = @status,
    completed_at   = @completed_at,
    claimed_at     = CASE WHEN @reset THEN NULL ELSE p.claimed_at END,
    baseline_value = @baseline,
    expires_at     = CASE WHEN @reset THEN ($10::timestamp[])[g.schedule] ELSE p.expires_at END,
    value_at       = @value_at,
    updated_at     = greatest(p.updated_at, $8)
FROM ROWS FROM (unnest($1::text[]), unnest($2::int4[]), unnest($3::int4[]), unnest($4::int4[]), unnest($5::int4[]),
                unnest($6::boolean[]), unnest($7::int4[]), unnest($12::timestamp[]), unnest($13::timestamp[]), unnest($14::int4[]),
                generate_series(1, $11))
       AS e (user_id, key, count, last, highest, varied, baseline, first_at, last_at, first_step, number),
     event_goal AS g
WHERE p.user_id = ANY (ARRAY[e.user_id])
  AND g.goal_id = p.goal_id
  AND p.is_active
  AND CASE WHEN g.key = e.key
           THEN (p.status <> 'claimed' OR @reset)
                AND (g.effect NOT IN (1, 5) OR (e.last IS NOT NULL AND (p.value_at > e.last_at) IS NOT TRUE))
                AND NOT (g.effect = 3 AND @old_progress > 0 AND p.updated_at >= ($9::timestamp[])[1])
                AND (@reset
                     OR (@varied AND g.effect IN (1, 5))
                     OR p.progress <> @progress
                     OR p.status <> @status
                     OR p.completed_at IS DISTINCT FROM @completed_at
                     OR p.baseline_value IS DISTINCT FROM @baseline
                     OR p.value_at IS DISTINCT FROM @value_at)
      END)sql",
      {
          // The goal has started over since. $9: last daily, weekly and monthly boundary.
          {"@reset",
           "(g.reset_schedule > 0 AND p.updated_at < ($9::timestamp[])[g.reset_schedule]"
           " AND (p.status <> 'claimed' OR g.reselect))"},
          // The row's value is newer than the change's first ones: the change begins at the first step that is not older.
          {"@late", "(p.value_at > e.first_at)"},
          {"@step",
           "(e.first_step + width_bucket(p.value_at - interval '1 microsecond',"
           " ($15::timestamp[])[e.first_step:($16::int4[])[e.first_step]]))"},
          {"@largest", "(CASE WHEN @late THEN ($17::int4[])[@step] ELSE e.highest END)"},
          {"@varied", "(CASE WHEN @late THEN ($18::boolean[])[@step] ELSE e.varied END)"},
          {"@value_before", "(CASE WHEN @late THEN ($19::int4[])[@step] ELSE e.baseline END)"},
          {"@value_at", "(CASE WHEN g.effect IN (1, 5) THEN greatest(p.value_at, e.last_at) ELSE p.value_at END)"},
          {"@old_progress", "(CASE WHEN @reset THEN 0 ELSE p.progress END)"},
          {"@was_completed", "(p.status = 'completed' AND NOT @reset)"},
          {"@progress",
           "(CASE WHEN g.effect IN (1, 5) THEN e.last WHEN g.effect IN (2, 6)"
           " THEN least(@old_progress::bigint + e.count, 2147483647)::int"
           " WHEN g.effect = 3 THEN least(@old_progress::bigint + 1, 2147483647)::int ELSE 1 END)"},
          {"@old_baseline", "(CASE WHEN @reset THEN NULL ELSE p.baseline_value END)"},
          {"@baseline",
           "(CASE g.effect WHEN 5 THEN coalesce(@old_baseline, @value_before)"
           " WHEN 6 THEN coalesce(@old_baseline, 0) ELSE @old_baseline END)"},
          {"@counted", "(CASE WHEN g.effect IN (5, 6) THEN @baseline ELSE 0 END)"},  // from here on progress counts
                                                                                     // The target was met on the way, so the goal is
                                                                                     // completed, wherever its value went afterwards.
          {"@highest", "(CASE WHEN g.effect IN (1, 5) THEN @largest ELSE @progress END)"},
          {"@met", "(@was_completed OR g.effect = 4 OR @highest::bigint - @counted >= g.target)"},
          {"@status", "(CASE WHEN @met THEN 'completed' ELSE 'in_progress' END)"},
          {"@completed_at", "(CASE WHEN NOT @met THEN NULL WHEN @was_completed THEN p.completed_at ELSE $8 END)"},
      });
}

/// The smallest statement that leaves nothing to do when the rows exist: existing ones are passed over by the anti-join,
/// in key order, so that concurrent creators do not deadlock.
constexpr const char* kCreateSql = R"sql(
INSERT INTO user_goal_progress (user_id, goal_id, challenge_id, namespace, progress, status, is_active, assigned_at,
                                expires_at, created_at, updated_at)
SELECT e.user_id, g.goal_id, g.challenge_id, $3, 0, 'not_started', true, $4,
       ($5::timestamp[])[g.schedule], $4, $4
FROM unnest($1::text[], $2::int4[]) AS e (user_id, key)
JOIN event_goal AS g ON g.key = e.key
WHERE NOT EXISTS (SELECT 1 FROM user_goal_progress AS p WHERE p.user_id = e.user_id AND p.goal_id = g.goal_id)
ORDER BY e.user_id, g.goal_id
ON CONFLICT DO NOTHING)sql";

const Statement kCreateGoalTable(
    "CREATE TEMP TABLE event_goal (goal_id varchar(100) NOT NULL, challenge_id varchar(100) NOT NULL, key int NOT NULL,"
    " effect int NOT NULL, target int NOT NULL, reset_schedule int NOT NULL, reselect boolean NOT NULL,"
    " schedule int NOT NULL)",
    {});
const Statement kFillGoalTable(
    "INSERT INTO event_goal SELECT * FROM unnest($1::text[], $2::text[], $3::int4[], $4::int4[], $5::int4[], $6::int4[],"
    " $7::boolean[], $8::int4[])",
    {Type::text_array, Type::text_array, Type::int4_array, Type::int4_array, Type::int4_array, Type::int4_array, Type::boolean_array,
     Type::int4_array});
// Not unique although it is: the planner does not remember lookups (Memoize) of a unique inner side with further
// conditions. Hashed, since an ordered index can also be scanned as a whole: all goals for each change.
const Statement kIndexGoals("CREATE INDEX ON event_goal USING hash (goal_id)", {});
const Statement kIndexKeys("CREATE INDEX ON event_goal USING hash (key)", {});
const Statement kAnalyzeGoals("ANALYZE event_goal", {});

challenge::Schedule kSchedules[] = {challenge::Schedule::daily, challenge::Schedule::weekly, challenge::Schedule::monthly};

Timestamp timestamp(challenge::Instant instant) { return {instant.time_since_epoch().count()}; }

std::vector<Timestamp> boundaries(challenge::Instant now, challenge::Instant (*boundary)(challenge::Schedule, challenge::Instant)) {
  std::vector<Timestamp> times;
  for (const auto schedule : kSchedules) times.push_back(timestamp(boundary(schedule, now)));
  return times;
}

}  // namespace

const Statement kApplyChanges(apply_sql(),
                              {Type::text_array, Type::int4_array, Type::int4_array, Type::int4_array, Type::int4_array,
                               Type::boolean_array, Type::int4_array, Type::timestamp, Type::timestamp_array, Type::timestamp_array,
                               Type::int4, Type::timestamp_array, Type::timestamp_array, Type::int4_array, Type::timestamp_array,
                               Type::int4_array, Type::int4_array, Type::boolean_array, Type::int4_array});

const Statement kCreateRows(kCreateSql, {Type::text_array, Type::int4_array, Type::text, Type::timestamp, Type::timestamp_array});

const Statement kEnterEventIds(
    "INSERT INTO processed_event (event_day, event_id) SELECT * FROM unnest($1::date[], $2::uuid[])"
    " ON CONFLICT DO NOTHING RETURNING event_day, event_id",
    {Type::date_array, Type::uuid_array});

const Statement kBuryEvent(
    "INSERT INTO event_dead_letter AS d (kind, user_id, message, reason, first_failed_at, last_failed_at)"
    " SELECT $1, $2, $3, $4, $5, $5"
    " WHERE (SELECT count(*) FROM event_dead_letter) < $6"
    " OR EXISTS (SELECT 1 FROM event_dead_letter AS kept WHERE kept.digest = md5($3)::uuid)"
    " ON CONFLICT (digest) DO UPDATE"
    " SET failures = d.failures + 1, reason = EXCLUDED.reason, last_failed_at = EXCLUDED.last_failed_at",
    {Type::text, Type::text, Type::bytea, Type::text, Type::timestamp, Type::int4});

const Statement kMaintainEventIds("SELECT maintain_processed_event($1)", {Type::int4});

postgres::ConnectionOptions writer_connection(postgres::ConnectionOptions options) {
  options.application_name = "challenge-event-handler";
  // With these the only plan left is a nested loop in the order of the arrays, over the primary key. The planner's other
  // choice, a hash join over the whole table, costs three times as much from about 1,000 rows a batch on.
  for (const char* setting : {"enable_hashjoin", "enable_mergejoin", "enable_seqscan", "enable_bitmapscan", "jit"})
    options.server_settings.emplace_back(setting, "off");
  // Looking a goal up in a hash index counts as nearly free, but remembering it is cheaper still.
  options.server_settings.emplace_back("cpu_index_tuple_cost", "1");
  options.server_settings.emplace_back("plan_cache_mode", "force_generic_plan");
  return options;
}

std::vector<postgres::Execution> session_start(const GoalKeys& keys, int dedup_window_hours) {
  std::vector<std::string> goals, challenges;
  std::vector<std::int32_t> key_numbers, effects, targets, reset_schedules, schedules;
  std::vector<bool> reselect;
  for (const GoalRow& row : keys.rows()) {
    goals.push_back(row.goal_id);
    challenges.push_back(row.challenge_id);
    key_numbers.push_back(row.key);
    effects.push_back(static_cast<std::int32_t>(row.effect));
    targets.push_back(row.target);
    reset_schedules.push_back(row.reset_schedule);
    reselect.push_back(row.reselect);
    schedules.push_back(row.schedule);
  }
  Parameters table;
  table.add_array(goals)
      .add_array(challenges)
      .add_array(key_numbers)
      .add_array(effects)
      .add_array(targets)
      .add_array(reset_schedules)
      .add_array(reselect)
      .add_array(schedules);
  return {{&kCreateGoalTable, {}}, {&kFillGoalTable, std::move(table)},
          {&kIndexGoals, {}},      {&kIndexKeys, {}},
          {&kAnalyzeGoals, {}},    {&kMaintainEventIds, Parameters().add(dedup_window_hours)}};
}

void apply_parameters(const Changes& changes, challenge::Instant now, Parameters& parameters) {
  parameters.clear();
  parameters.add_array(changes.user)
      .add_array(changes.key)
      .add_array(changes.count)
      .add_array(changes.last)
      .add_array(changes.highest)
      .add_array(changes.varied)
      .add_array(changes.baseline)
      .add(timestamp(now))
      .add_array(boundaries(now, challenge::last_boundary))
      .add_array(boundaries(now, challenge::next_boundary))
      .add(static_cast<std::int32_t>(changes.size()))
      .add_array(changes.first_at)
      .add_array(changes.last_at)
      .add_array(changes.first_step)
      .add_array(changes.steps.at)
      .add_array(changes.steps.last_step)
      .add_array(changes.steps.highest)
      .add_array(changes.steps.varied)
      .add_array(changes.steps.baseline);
}

void create_parameters(const Changes& changes, const std::string& name_space, challenge::Instant now, Parameters& parameters) {
  parameters.clear();
  parameters.add_array(changes.user)
      .add_array(changes.key)
      .add(name_space)
      .add(timestamp(now))
      .add_array(boundaries(now, challenge::next_boundary));
}

}  // namespace gauntlet::events
