#include "events/postgres_progress_store.hpp"

#include <algorithm>
#include <cassert>
#include <chrono>
#include <optional>
#include <tuple>
#include <utility>

#include "base/log.hpp"
#include "events/progress_sql.hpp"

namespace gauntlet::events {
namespace {

using namespace std::chrono_literals;
using base::Error;
using base::Expected;
using base::Task;
using postgres::Result;

postgres::PoolOptions one_connection(const GoalKeys& keys, const StoreOptions& options) {
  postgres::PoolOptions pool;
  pool.max_connections = 1;
  pool.session_start = session_start(keys, options.dedup_window_hours);
  pool.on_availability = options.on_availability;
  pool.metrics = options.metrics;
  return pool;
}

std::int64_t rows_of(const std::vector<Result>& results) {
  std::int64_t rows = 0;
  for (const Result& result : results) rows += result.affected();
  return rows;
}

challenge::Instant instant(base::WallTime time) { return std::chrono::floor<std::chrono::microseconds>(time); }

}  // namespace

PostgresProgressStore::PostgresProgressStore(base::EventLoop& loop, postgres::ConnectionOptions connection, const GoalKeys& keys,
                                             StoreOptions options, base::WallClock clock)
    : loop_(loop),
      options_(std::move(options)),
      clock_(std::move(clock)),
      pool_(loop, writer_connection(std::move(connection)), one_connection(keys, options_)) {
  maintain_every_hour();
}

PostgresProgressStore::~PostgresProgressStore() { loop_.cancel(maintenance_); }

void PostgresProgressStore::maintain_every_hour() {
  // Partitions reach two days ahead, so an hour missed while PostgreSQL is away does not matter.
  maintenance_ = loop_.call_after(1h, [this] {
    maintain_every_hour();
    pool_.execute(kMaintainEventIds, postgres::Parameters().add(options_.dedup_window_hours), [](base::Expected<Result> done) {
      if (!done) base::log::warn("partitions of event ids were not maintained", {{"reason", done.error().message}});
    });
  });
}

void PostgresProgressStore::write(std::span<const Event> events, Done done) { base::start(commit(events), std::move(done)); }

Task<Expected<ProgressStore::Written>> PostgresProgressStore::commit(std::span<const Event> events) {
  auto written = co_await commit_once(events);
  if (written || written.error().kind != base::ErrorKind::not_found) co_return written;
  // No partition for an id's day: a restored dump, or a handler with a shorter window, has taken it away.
  const auto maintained = co_await pool_.execute(kMaintainEventIds, postgres::Parameters().add(options_.dedup_window_hours));
  if (!maintained) co_return tl::unexpected(maintained.error());
  co_return co_await commit_once(events);
}

Task<Expected<ProgressStore::Written>> PostgresProgressStore::commit_once(std::span<const Event> events) {
  assert(!events.empty());
  counts_.clear();
  collect_ids(events);
  if (entries_.empty()) {
    const auto all = statements(events);
    const auto applied = co_await pool_.execute_group(all);
    if (!applied) co_return tl::unexpected(applied.error());
    co_return Written{.rows = rows_of(*applied)};
  }
  auto transaction = co_await pool_.begin();
  if (!transaction) co_return tl::unexpected(transaction.error());
  const auto entered = co_await transaction->execute(kEnterEventIds, id_parameters());
  if (!entered) co_return tl::unexpected(entered.error());
  const std::int64_t redelivered = mark_new_events(events, *entered);
  auto all = statements(events);
  if (all.empty()) {
    const auto committed = co_await transaction->commit();
    if (!committed) co_return tl::unexpected(committed.error());
    co_return Written{.redelivered = redelivered};
  }
  const auto applied = co_await transaction->execute_and_commit(std::move(all));
  if (!applied) co_return tl::unexpected(applied.error());
  co_return Written{.rows = rows_of(*applied), .redelivered = redelivered};
}

void PostgresProgressStore::bury(const Event& event, const Error& reason, Buried done) {
  postgres::Parameters parameters;
  parameters.add(event.key == kLoginKey ? "login" : "statistic")
      .add(event.user_id)
      .add(postgres::Bytes{event.message})
      .add(reason.message)
      .add(postgres::Timestamp{instant(clock_()).time_since_epoch().count()})
      .add(options_.max_dead_letters);
  pool_.execute(kBuryEvent, parameters, [done = std::move(done)](base::Expected<Result> buried) {
    if (!buried) return done(tl::unexpected<Error>(std::move(buried.error())));
    if (buried->affected() == 0)
      return done(base::fail(base::ErrorKind::resource_exhausted,
                             "event_dead_letter is full: look at `gauntlet events dead-letter list`, then retry or drop what is in it"));
    done({});
  });
}

/// In key order, in which every replica enters them: two that hold the same ids wait for each other, and never in a ring.
void PostgresProgressStore::collect_ids(std::span<const Event> events) {
  entries_.clear();
  for (std::uint32_t i = 0; i < events.size(); ++i) {
    const auto& id = events[i].id;
    if (!id) continue;
    entries_.push_back({id->day, id->uuid, i});
    if (id->arrival_day) entries_.push_back({{id->day.days + 1}, id->uuid, i});
  }
  std::sort(entries_.begin(), entries_.end(),
            [](const Entry& a, const Entry& b) { return std::tie(a.day, a.uuid, a.event) < std::tie(b.day, b.uuid, b.event); });
}

postgres::Parameters PostgresProgressStore::id_parameters() const {
  std::vector<postgres::Date> days;
  std::vector<postgres::Uuid> uuids;
  days.reserve(entries_.size());
  uuids.reserve(entries_.size());
  for (const Entry& entry : entries_) {
    days.push_back(entry.day);
    uuids.push_back(entry.uuid);
  }
  postgres::Parameters parameters;
  parameters.add_array(days).add_array(uuids);
  return parameters;
}

/// An event counts when all its entries are new, and of those that share an id within the batch the first one.
std::int64_t PostgresProgressStore::mark_new_events(std::span<const Event> events, const Result& entered) {
  counts_.assign(events.size(), true);
  int row = 0;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const Entry& entry = entries_[i];
    const bool repeated = i > 0 && entries_[i - 1].day == entry.day && entries_[i - 1].uuid == entry.uuid;
    // The server answers in the order of our entries.
    const bool is_new = !repeated && row < entered.rows() && entered[row].get<postgres::Date>(0) == entry.day &&
                        entered[row].get<postgres::Uuid>(1) == entry.uuid;
    if (is_new) ++row;
    else counts_[entry.event] = false;
  }
  assert(row == entered.rows());
  return std::count(counts_.begin(), counts_.end(), false);
}

/// Those of `events` that count; empty when none does.
std::vector<postgres::Execution> PostgresProgressStore::statements(std::span<const Event> events) {
  const challenge::Instant now = instant(clock_());
  std::vector<postgres::Execution> statements;
  for (folder_.start(events, counts_); folder_.next(changes_);) {
    if (options_.create_rows) {
      statements.push_back({&kCreateRows, {}});
      create_parameters(changes_, options_.name_space, now, statements.back().parameters);
    }
    statements.push_back({&kApplyChanges, {}});
    apply_parameters(changes_, now, statements.back().parameters);
  }
  return statements;
}

}  // namespace gauntlet::events
