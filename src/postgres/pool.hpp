#pragma once
// The connections of one thread. Statements share connections by pipelining; a transaction has one for itself.
//
//   Pool pool(loop, options, {.max_connections = 4});
//   pool.execute(kGoalsOfPlayer, Parameters().add(user), [](base::Expected<Result> r) { ... });
//   pool.begin([](base::Expected<Transaction> t) { ... });
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "base/error.hpp"
#include "base/event_loop.hpp"
#include "base/metrics.hpp"
#include "postgres/connection.hpp"

namespace gauntlet::postgres {

struct PoolLimits {
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
  /// Reconnecting: one attempt at a time; the pause doubles from the first to the last, each with jitter of +-50 %.
  std::chrono::milliseconds first_retry{50};
  std::chrono::milliseconds last_retry{2000};
  /// Counts what Counts::dropped_statements does; may be null.
  base::metrics::Counter* dropped = nullptr;
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

/// An open transaction with a connection for itself: read, decide in a continuation, write, commit.
///
///   pool.begin([=](base::Expected<Transaction> begun) {
///     if (!begun) return answer(begun.error());
///     auto transaction = std::make_shared<Transaction>(std::move(*begun));   // shared by the continuations below
///     transaction->execute(kLockRow, p, [=](base::Expected<Result> row) {
///       ...
///       transaction->execute(kMarkClaimed, q, [=](auto updated) { transaction->commit([=](auto done) { ... }); });
///     });
///   });
///
/// Movable; belongs to the pool's thread. Dropping it without commit() rolls back. Callbacks may destroy it.
class Transaction {
 public:
  Transaction(Transaction&&) noexcept;
  Transaction& operator=(Transaction&&) noexcept;
  ~Transaction();

  /// Queues a statement; several may be queued without waiting. After one has failed, the later ones fail with
  /// `aborted`, and only rollback() makes sense.
  void execute(const Statement& statement, const Parameters& parameters, ResultCallback callback);
  /// Ends the transaction. Success means that it is durable. `aborted` when an earlier statement had failed (nothing
  /// took effect); `unavailable` when the connection broke before the answer (the outcome is unknown).
  void commit(std::function<void(base::Expected<void>)> callback);
  /// The last statement and the commit in one round trip; the transaction is over with this call.
  void execute_and_commit(const Statement& statement, const Parameters& parameters, ResultCallback callback);
  /// Undoes everything; nothing to wait for.
  void rollback();

 private:
  friend class Pool;
  class Lease;
  explicit Transaction(std::unique_ptr<Lease> lease);
  std::unique_ptr<Lease> lease_;
};

/// Belongs to its loop's thread; `loop` must outlive it. While PostgreSQL is away every call is answered `unavailable`
/// at once and the pool reconnects by itself.
class Pool {
 public:
  Pool(base::EventLoop& loop, ConnectionOptions options, PoolLimits limits = {});
  /// Answers everything in flight with `unavailable`. Transactions may outlive the pool; they then fail likewise.
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  /// As Connection's, on the connection with the least in flight, when its turn has come.
  void execute(const Statement& statement, const Parameters& parameters, ResultCallback callback, Asker asker = {});
  void execute_group(std::span<const Execution> group, ResultsCallback callback, Asker asker = {});
  void begin(std::function<void(base::Expected<Transaction>)> callback);

  /// At least one connection is open.
  bool is_available() const;
  /// Runs `task` once, as soon as a connection is open (at once when one is).
  void when_available(std::function<void()> task);
  /// Called with true when the first connection opens and with false when the last is lost; set it before running the
  /// loop.
  void on_availability(std::function<void(bool)> observer);
  /// Statements every connection runs before anyone may use it (temporary tables, session state). A failure closes
  /// the connection and counts as a failed attempt. Set it before running the loop.
  void on_connect(std::vector<Execution> session_start);

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
  std::shared_ptr<Impl> impl_;  // shared with the transactions that may outlive the pool
};

}  // namespace gauntlet::postgres
