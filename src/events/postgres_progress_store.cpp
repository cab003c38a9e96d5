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
using postgres::Result;

postgres::PoolLimits one_connection() {
  postgres::PoolLimits limits;
  limits.max_connections = 1;
  return limits;
}

challenge::Instant instant(base::WallTime time) { return std::chrono::floor<std::chrono::microseconds>(time); }

}  // namespace

PostgresProgressStore::PostgresProgressStore(base::EventLoop& loop, postgres::ConnectionOptions connection, const GoalKeys& keys,
                                             StoreOptions options, base::WallClock clock)
    : loop_(loop),
      options_(std::move(options)),
      clock_(std::move(clock)),
      pool_(loop, writer_connection(std::move(connection)), one_connection()) {
  pool_.on_connect(session_start(keys, options_.dedup_window_hours));
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

void PostgresProgressStore::write(std::span<const Event> events, Done done) {
  assert(!events.empty());
  redelivered_ = 0;
  counts_.clear();
  collect_ids(events);
  if (!entries_.empty()) return enter_ids(events, std::move(done));
  apply_alone(events, std::move(done));
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

void PostgresProgressStore::enter_ids(std::span<const Event> events, Done done) {
  pool_.begin([this, events, done = std::move(done)](base::Expected<postgres::Transaction> begun) {
    if (!begun) return done(tl::unexpected<Error>(std::move(begun.error())));
    std::vector<postgres::Date> days;
    std::vector<postgres::Uuid> uuids;
    days.reserve(entries_.size());
    uuids.reserve(entries_.size());
    for (const Entry& entry : entries_) {
      days.push_back(entry.day);
      uuids.push_back(entry.uuid);
    }
    // Shared with its own continuation, which a std::function must be able to copy.
    auto transaction = std::make_shared<postgres::Transaction>(std::move(*begun));
    transaction->execute(kEnterEventIds, postgres::Parameters().add_array(days).add_array(uuids),
                         [this, transaction, events, done](base::Expected<Result> entered) {
                           if (!entered) return done(tl::unexpected<Error>(std::move(entered.error())));
                           mark_new_events(events, *entered);
                           apply_in(std::move(*transaction), events, done);
                         });
  });
}

/// An event counts when all its entries are new, and of those that share an id within the batch the first one.
void PostgresProgressStore::mark_new_events(std::span<const Event> events, const Result& entered) {
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
  redelivered_ = std::count(counts_.begin(), counts_.end(), false);
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

void PostgresProgressStore::apply_alone(std::span<const Event> events, Done done) {
  const auto all = statements(events);
  pool_.execute_group(all, [done = std::move(done)](base::Expected<std::vector<Result>> results) {
    if (!results) return done(tl::unexpected<Error>(std::move(results.error())));
    Written written;
    for (const Result& result : *results) written.rows += result.affected();
    done(written);
  });
}

void PostgresProgressStore::apply_in(postgres::Transaction transaction, std::span<const Event> events, Done done) {
  const auto all = statements(events);
  const std::int64_t redelivered = redelivered_;
  if (all.empty()) {
    transaction.commit([done = std::move(done), redelivered](base::Expected<void> committed) {
      if (!committed) return done(tl::unexpected<Error>(std::move(committed.error())));
      done(Written{.rows = 0, .redelivered = redelivered});
    });
    return;
  }
  // After a failed statement the last one is only "aborted": the first failure is the one to report.
  const auto cause = std::make_shared<std::optional<Error>>();
  const auto rows = std::make_shared<std::int64_t>(0);
  for (std::size_t i = 0; i + 1 < all.size(); ++i)
    transaction.execute(*all[i].statement, all[i].parameters, [cause, rows](base::Expected<Result> result) {
      if (result) *rows += result->affected();
      if (!result && !*cause) *cause = std::move(result.error());
    });
  transaction.execute_and_commit(*all.back().statement, all.back().parameters,
                                 [done = std::move(done), redelivered, cause, rows](base::Expected<Result> applied) {
                                   if (!applied) return done(tl::unexpected<Error>(*cause ? **cause : applied.error()));
                                   done(Written{.rows = *rows + applied->affected(), .redelivered = redelivered});
                                 });
}

}  // namespace gauntlet::events
