#pragma once
// The statements of the event path. Everything that must be exact under several writers is in them: increments add to
// what the row holds when it is locked, inactive and claimed rows are passed over, rows are locked in one order.
#include "challenge/instant.hpp"
#include "events/event.hpp"
#include "events/fold.hpp"
#include "events/goal_keys.hpp"
#include "postgres/pool.hpp"
#include "postgres/statement.hpp"

namespace gauntlet::events {

/// Options of a connection that runs these statements: `options` with the settings that pin the plans. The shape does
/// the rest; a test holds them with EXPLAIN.
postgres::ConnectionOptions writer_connection(postgres::ConnectionOptions options);

/// What every such connection runs first: its temporary table of goals (the config's rules, so that replicas with
/// different configs do not meet), and the partitions of the event ids.
std::vector<postgres::Execution> session_start(const GoalKeys& keys, int dedup_window_hours);

/// UPDATE of the rows that the changes touch and that come out different. Parameters: see apply_parameters().
extern const postgres::Statement kApplyChanges;
void apply_parameters(const Changes& changes, challenge::Instant now, postgres::Parameters& parameters);

/// INSERT of the rows that the changes touch and that do not exist (EVENT_ROWS=upsert): active, assigned now.
/// Parameters: users, keys, namespace, now.
extern const postgres::Statement kCreateRows;
void create_parameters(const Changes& changes, const std::string& name_space, challenge::Instant now, postgres::Parameters& parameters);

/// Enters event ids; answers those that are new. Parameters: days, uuids, sorted by (day, uuid).
extern const postgres::Statement kEnterEventIds;

/// Keeps an event that was refused; affects no row when as many are kept as may be. Parameters: kind, user, message,
/// reason, now, most.
extern const postgres::Statement kBuryEvent;

/// Creates and drops the partitions of event ids around today. Parameter: window in hours.
extern const postgres::Statement kMaintainEventIds;

}  // namespace gauntlet::events
