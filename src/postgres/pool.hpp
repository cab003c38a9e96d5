#pragma once
// The connections of one thread. Statements share connections by pipelining; a transaction has one for itself.
//
//   Pool pool(loop, options, {.max_connections = 4});
//   const auto goals = co_await pool.execute(kGoalsOfPlayer, Parameters().add(user));
//   auto transaction = co_await pool.begin();
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "base/event_loop.hpp"
#include "base/metrics.hpp"
#include "base/task.hpp"
#include "postgres/connection.hpp"

namespace gauntlet::postgres {

struct PoolOptions {
  /// Connections of this pool at most; the first opens at once, further ones on demand. One of them is kept free of
  /// transactions when there are at least two.
  std::size_t max_connections = 4;
  /// Statements in flight on one connection before the pool opens another one (if it may).
  std::size_t grow_at_in_flight = 8;
  /// Statements sent on one connection before its answers; further ones wait here, where they take turns and can still
  /// be dropped. PostgreSQL does them one by one: this many keep it busy over a millisecond's round trip.
  std::size_t max_pipelined = 16;
  /// Statements in flight or waiting in the whole pool; beyond, one of who has most waiting is refused with
  /// resource_exhausted at once.
  std::size_t max_in_flight = 4096;
  /// While the oldest statement of every connection has waited this long, or one that waits for its turn, further ones are
  /// refused with resource_exhausted at once: a database that stalls fills no queue. 0 = never.
  std::chrono::milliseconds max_queue_time{0};
  /// begin() calls waiting for a connection; more are refused with resource_exhausted at once.
  std::size_t max_waiting_transactions = 1024;
  /// A begin() that has waited this long is answered resource_exhausted.
  std::chrono::milliseconds max_wait{5000};
  /// Reconnecting: one attempt at a time, or one at each of several servers; the pause between doubles from the first to the
  /// last (a second with several servers), each with jitter of +-50 %.
  std::chrono::milliseconds first_retry{50};
  std::chrono::milliseconds last_retry{2000};
  /// Has the open connections by server, and how often the pool went over to another one; may be null.
  base::metrics::Registry* metrics = nullptr;
  /// Counts what Counts::dropped_statements does; may be null.
  base::metrics::Counter* dropped = nullptr;
  /// Statements every connection runs before anyone may use it (temporary tables, session state). A failure closes the
  /// connection and counts as a failed attempt.
  std::vector<Execution> session_start = {};
  /// Called with true when the first connection opens and with false when the last is lost.
  std::function<void(bool)> on_availability = {};
};

/// Who asks for a statement that may have to wait before it is sent.
struct Asker {
  /// Statements of one key (a player's hash, say) wait in one line; the lines take turns, so that whoever asks much waits
  /// behind himself.
  std::size_t line = 0;
  /// Whether anybody still wants the answer, asked before the statement is sent: when not, it is never sent, and its
  /// callback gets `cancelled`. Empty: always.
  std::function<bool()> wanted = {};
};

/// An open transaction with a connection for itself: read, decide, write, commit.
///
///   auto transaction = co_await pool.begin();
///   if (!transaction) co_return tl::unexpected(transaction.error());
///   const auto row = co_await transaction->execute(kLockRow, p);
///   ...
///   const auto committed = co_await transaction->commit();
///
/// Movable; belongs to the pool's thread. Dropping it without commit() rolls back. What its members answer is to be awaited at
/// once.
class Transaction {
 public:
  Transaction(Transaction&&) noexcept;
  Transaction& operator=(Transaction&&) noexcept;
  ~Transaction();

  /// Awaits Expected<Result>. After a statement has failed, further ones fail with `aborted`, and only the end makes sense.
  auto execute(const Statement& statement, Parameters parameters) {
    return base::callback_of<base::Expected<Result>>([this, &statement, parameters = std::move(parameters)](ResultCallback done) mutable {
      send(statement, std::move(parameters), std::move(done));
    });
  }
  /// Awaits Expected<void>; the transaction is over with this call. Success means that it is durable. `aborted` when an
  /// earlier statement had failed (nothing took effect); `unavailable` when the connection broke before the answer (the
  /// outcome is unknown).
  auto commit() {
    return base::callback_of<base::Expected<void>>([this](VoidCallback done) { send_commit(std::move(done)); });
  }
  /// The last statements and the commit in one round trip, the transaction being over with this call: awaits the statements'
  /// results, Expected<std::vector<Result>>. Errors: the first statement's that failed, and as commit().
  auto execute_and_commit(std::vector<Execution> statements) {
    return base::callback_of<base::Expected<std::vector<Result>>>(
        [this, statements = std::move(statements)](ResultsCallback done) mutable { send_last(std::move(statements), std::move(done)); });
  }

 private:
  friend class Pool;
  class Lease;
  using VoidCallback = std::function<void(base::Expected<void>)>;
  explicit Transaction(std::unique_ptr<Lease> lease);
  void send(const Statement& statement, Parameters parameters, ResultCallback callback);
  void send_commit(VoidCallback callback);
  void send_last(std::vector<Execution> statements, ResultsCallback callback);
  std::unique_ptr<Lease> lease_;
};

/// Belongs to its loop's thread; `loop` must outlive it. While PostgreSQL is away every call is answered `unavailable`
/// at once and the pool reconnects by itself. Of several servers one is used at a time, that which takes writes: whenever a
/// connection is lost, or a statement waits for more than 2 s, they are asked in turn, and once another one has let us in, the
/// connections to the former are given up.
class Pool {
 public:
  Pool(base::EventLoop& loop, ConnectionOptions connection, PoolOptions options = {});
  /// Answers everything in flight with `unavailable`. Transactions may outlive the pool; they then fail likewise.
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  /// As Connection's, on the connection with the least in flight, when its turn has come.
  void execute(const Statement& statement, const Parameters& parameters, ResultCallback callback, Asker asker = {});
  void execute_group(std::span<const Execution> group, ResultsCallback callback, Asker asker = {});

  /// The same for coroutines, which await the answer at once: Expected<Result>, Expected<std::vector<Result>>.
  auto execute(const Statement& statement, const Parameters& parameters, Asker asker = {}) {
    return base::callback_of<base::Expected<Result>>(
        [this, &statement, &parameters, asker = std::move(asker)](ResultCallback done) mutable {
          execute(statement, parameters, std::move(done), std::move(asker));
        });
  }
  auto execute_group(std::span<const Execution> group, Asker asker = {}) {
    return base::callback_of<base::Expected<std::vector<Result>>>(
        [this, group, asker = std::move(asker)](ResultsCallback done) mutable { execute_group(group, std::move(done), std::move(asker)); });
  }
  /// Awaits Expected<Transaction>.
  auto begin() {
    return base::callback_of<base::Expected<Transaction>>([this](BeginCallback done) { wait_for_lease(std::move(done)); });
  }

  /// At least one connection is open.
  bool is_available() const;
  /// Runs `task` once, as soon as a connection is open (at once when one is).
  void when_available(std::function<void()> task);

  struct Counts {
    std::size_t connections = 0;  // open
    std::size_t leased = 0;       // of them, held by transactions
    std::size_t in_flight = 0;    // statements
    std::size_t waiting_transactions = 0;
    std::uint64_t statements = 0;  // since start
    std::uint64_t failed_statements = 0;
    std::uint64_t dropped_statements = 0;  // not sent, since nobody wanted them any more
    std::uint64_t connect_attempts = 0;
    std::uint64_t lost_connections = 0;
  };
  Counts counts() const;
  /// Why the last attempt or connection failed; empty when none has.
  const std::string& last_failure() const;

 private:
  friend class Transaction;
  class Impl;
  using BeginCallback = std::function<void(base::Expected<Transaction>)>;
  void wait_for_lease(BeginCallback callback);
  std::shared_ptr<Impl> impl_;  // shared with the transactions that may outlive the pool
};

}  // namespace gauntlet::postgres
