#include "postgres/pool.hpp"

#include <algorithm>
#include <cassert>
#include <deque>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/log.hpp"
#include "postgres/timelines.hpp"
#include "postgres/waiting_room.hpp"

namespace gauntlet::postgres {
namespace {

using namespace std::chrono_literals;
using base::Error;
using base::ErrorKind;
using Clock = base::EventLoop::Clock;

const Statement kBegin("BEGIN", {});
const Statement kCommit("COMMIT", {});
const Statement kRollback("ROLLBACK", {});
/// Of which cluster a server is, and its timeline, which every promotion raises.
const Statement kPlaceInHistory(
    "SELECT (SELECT system_identifier FROM pg_control_system()), ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint",
    {});

/// While statements wait for so long the other servers are asked whether one of them takes the writes now: a server that has frozen,
/// or that the network has lost, does not say so.
constexpr std::chrono::milliseconds kOthersAskedAfter{2000};
/// A primary that has just been promoted is to be found soon.
constexpr std::chrono::milliseconds kLastRetryOfServers{1000};

/// One place for a connection. A lease keeps its slot alive; a lost connection leaves the slot with none.
struct Slot {
  std::unique_ptr<Connection> connection;
  std::size_t server = 0;  // that it is to
  bool ready = false;      // open, and the session start has run
  bool leased = false;
  std::int64_t cluster = 0;  // and the server's timeline in it, where it was asked for
  std::int64_t timeline = 0;
};

struct WaitingBegin {
  std::function<void(base::Expected<Transaction>)> callback;
  Clock::time_point give_up;
};

Error rolled_back() { return {ErrorKind::aborted, "rolled back: an earlier statement of the transaction failed"}; }

ResultsCallback first_of(ResultCallback callback) {
  return [callback = std::move(callback)](base::Expected<std::vector<Result>> results) {
    if (!results) return callback(tl::unexpected<Error>(std::move(results.error())));
    callback(std::move(results->front()));
  };
}

}  // namespace

class Pool::Impl : public std::enable_shared_from_this<Pool::Impl> {
 public:
  Impl(base::EventLoop& loop, ConnectionOptions connection, PoolOptions options)
      : loop_(loop),
        connection_(std::move(connection)),
        servers_(connection_.each_server()),
        options_(std::move(options)),
        session_start_(options_.session_start),
        last_retry_(servers_.size() == 1 ? options_.last_retry : std::min(options_.last_retry, kLastRetryOfServers)) {
    assert(options_.max_connections >= 1);
    if (servers_.size() > 1) session_start_.insert(session_start_.begin(), {&kPlaceInHistory, {}});
    if (options_.metrics == nullptr) return;
    auto& open = options_.metrics->gauge("challenge_database_connections", "Open connections to PostgreSQL", {"server"});
    for (const ConnectionOptions& server : servers_) open_.push_back(&open.with({server.server()}));
    moves_ = &options_.metrics->counter("challenge_database_server_changes_total", "Times a thread went over to another PostgreSQL server")
                  .with({});
  }

  void start() {
    // In the loop's next round, so that whoever is told of it has been made.
    connect_after(0ns);
    if (servers_.size() > 1) ask_others_where_statements_wait();
  }

  void shut_down() {
    shut_down_ = true;
    if (retry_timer_ != 0) loop_.cancel(retry_timer_);
    if (wait_timer_ != 0) loop_.cancel(wait_timer_);
    if (ask_timer_ != 0) loop_.cancel(ask_timer_);
    when_available_.clear();
    const Error gone{ErrorKind::unavailable, "the PostgreSQL pool is shutting down"};
    fail_waiting(gone);
    for (auto& slot : std::exchange(slots_, {})) {
      if (slot->ready) count_open(*slot, -1);
      slot->connection.reset();
    }
    std::exchange(dead_, {});
  }

  // --- calls

  void execute_group(std::span<const Execution> group, ResultsCallback callback, Asker asker) {
    if (has_former_primary()) return refuse(std::move(callback), unavailable());
    if (auto refusal = refused(asker)) return refuse(std::move(callback), std::move(*refusal));
    if (Slot* slot = waiting_.empty() ? pick() : nullptr)
      return slot->connection->execute_group(group, counted(group.size(), std::move(callback)));
    park({std::vector<Execution>(group.begin(), group.end()), std::move(callback), std::move(asker)});
  }

  void execute(const Statement& statement, const Parameters& parameters, ResultCallback callback, Asker asker) {
    if (has_former_primary()) return refuse(first_of(std::move(callback)), unavailable());
    if (auto refusal = refused(asker)) return refuse(first_of(std::move(callback)), std::move(*refusal));
    if (Slot* slot = waiting_.empty() ? pick() : nullptr)
      return slot->connection->execute(statement, parameters, counted(1, std::move(callback)));
    park({{Execution{&statement, parameters}}, first_of(std::move(callback)), std::move(asker)});
  }

  void begin(std::function<void(base::Expected<Transaction>)> callback) {
    if (ready_ == 0 || has_former_primary()) {
      loop_.post([callback = std::move(callback), error = unavailable()] { callback(tl::unexpected<Error>(error)); });
      return;
    }
    if (waiting_begins_.size() >= options_.max_waiting_transactions) {
      loop_.post([callback = std::move(callback)] {
        callback(base::fail(ErrorKind::resource_exhausted, "too many transactions wait for a PostgreSQL connection"));
      });
      return;
    }
    waiting_begins_.push_back({std::move(callback), loop_.now() + options_.max_wait});
    arm_wait_timer();
    serve_begins_soon();
  }

  void release(Slot& slot) {
    slot.leased = false;
    if (shut_down_) return;
    serve_parked();
    serve_begins_soon();
  }

  bool is_available() const { return ready_ > 0; }

  void when_available(std::function<void()> task) {
    if (is_available()) loop_.post(std::move(task));
    else when_available_.push_back(std::move(task));
  }

  Counts counts() const {
    Counts counts = counts_;
    counts.connections = ready_;
    counts.waiting_transactions = waiting_begins_.size();
    counts.in_flight = in_flight();
    for (const auto& slot : slots_) counts.leased += slot->leased ? 1 : 0;
    return counts;
  }
  const std::string& last_failure() const { return last_failure_; }
  void later(base::EventLoop::Task task) { loop_.post(std::move(task)); }

  /// Statements of transactions are counted here too.
  template <class T>
  std::function<void(base::Expected<T>)> counted(std::size_t statements, std::function<void(base::Expected<T>)> callback) {
    counts_.statements += statements;
    return [self = weak_from_this(), callback = std::move(callback)](base::Expected<T> result) {
      const auto pool = self.lock();
      if (pool && !result) ++pool->counts_.failed_statements;
      callback(std::move(result));
      if (pool) pool->serve_parked();  // there is room for one more now
    };
  }

 private:
  // --- choosing a connection

  std::size_t in_flight() const {
    std::size_t sum = waiting_.statements();
    for (const auto& slot : slots_)
      if (slot->ready) sum += slot->connection->in_flight();
    return sum;
  }

  Error unavailable() const {
    return {ErrorKind::unavailable,
            last_failure_.empty() ? "PostgreSQL at " + connection_.describe() + ": not connected yet" : last_failure_};
  }

  /// Why `asker` is not let in. May refuse another one in its place.
  std::optional<Error> refused(const Asker& asker) {
    if (ready_ == 0) return unavailable();
    if (options_.max_queue_time.count() > 0 && all_stalled())
      return Error{ErrorKind::resource_exhausted, "PostgreSQL has kept every connection waiting for too long"};
    if (in_flight() < options_.max_in_flight) return std::nullopt;
    Error full{ErrorKind::resource_exhausted, "too many PostgreSQL statements in flight"};
    auto greediest = waiting_.take_from_longer_than(asker.line);
    if (!greediest) return full;
    refuse(std::move(greediest->callback), std::move(full));
    return std::nullopt;
  }

  bool is_stalled(const Slot& slot) const {
    const auto since = slot.connection->waiting_since();
    return options_.max_queue_time.count() > 0 && since && loop_.now() - *since > options_.max_queue_time;
  }

  /// Of the connections that anyone may use.
  bool all_stalled() const {
    if (const auto since = waiting_.waiting_since(); since && loop_.now() - *since > options_.max_queue_time) return true;
    bool any = false;
    for (const auto& slot : slots_) {
      if (!slot->ready || slot->leased) continue;
      if (!is_stalled(*slot)) return false;
      any = true;
    }
    return any;
  }

  void refuse(ResultsCallback callback, Error error) {
    ++counts_.failed_statements;
    loop_.post([callback = std::move(callback), error = std::move(error)]() mutable { callback(tl::unexpected<Error>(std::move(error))); });
  }

  /// The ready connection with the least in flight that no transaction holds; one that stalls only where all do.
  Slot* least_busy() {
    Slot* best = nullptr;
    bool best_stalled = false;
    for (const auto& slot : slots_) {
      if (!slot->ready || slot->leased || !slot->connection->is_open()) continue;
      const bool stalled = is_stalled(*slot);
      const bool better = best == nullptr || (best_stalled && !stalled) ||
                          (best_stalled == stalled && slot->connection->in_flight() < best->connection->in_flight());
      if (!better) continue;
      best = slot.get();
      best_stalled = stalled;
    }
    if (best == nullptr || best_stalled || best->connection->in_flight() >= options_.grow_at_in_flight) grow();
    return best;
  }

  /// That one, unless it has as much in flight as it may.
  Slot* pick() {
    Slot* best = least_busy();
    return best != nullptr && best->connection->in_flight() < options_.max_pipelined ? best : nullptr;
  }

  void park(Parked call) { waiting_.add(std::move(call), loop_.now()); }

  void serve_parked() {
    while (!waiting_.empty()) {
      Slot* slot = pick();
      if (slot == nullptr) return;
      Parked call = waiting_.take_next(loop_.now());
      if (call.asker.wanted && !call.asker.wanted()) {
        ++counts_.dropped_statements;
        if (options_.dropped != nullptr) options_.dropped->increment();
        call.callback(base::fail(ErrorKind::cancelled, "nobody waits for this statement any more"));
        continue;
      }
      slot->connection->execute_group(call.group, counted(call.group.size(), std::move(call.callback)));
    }
  }

  // --- transactions

  void serve_begins_soon() {
    if (serving_begins_soon_ || waiting_begins_.empty()) return;
    serving_begins_soon_ = true;
    loop_.at_end_of_round([weak = weak_from_this()] {
      const auto self = weak.lock();
      if (!self) return;
      self->serving_begins_soon_ = false;
      self->serve_begins();
    });
  }

  void serve_begins() {
    while (!waiting_begins_.empty()) {
      std::size_t free = 0;
      for (const auto& slot : slots_) free += slot->ready && !slot->leased ? 1 : 0;
      const std::size_t kept_free = options_.max_connections > 1 && ready_ > 1 ? 1 : 0;
      if (free <= kept_free) {
        grow();
        return;
      }
      Slot* slot = least_busy();
      slot->leased = true;
      WaitingBegin waiting = std::move(waiting_begins_.front());
      waiting_begins_.pop_front();
      waiting.callback(make_transaction(*slot));
    }
  }

  Transaction make_transaction(Slot& slot);

  void arm_wait_timer() {
    if (wait_timer_ != 0 || waiting_begins_.empty()) return;
    wait_timer_ = loop_.call_at(waiting_begins_.front().give_up, [this] {
      wait_timer_ = 0;
      while (!waiting_begins_.empty() && waiting_begins_.front().give_up <= loop_.now()) {
        WaitingBegin waiting = std::move(waiting_begins_.front());
        waiting_begins_.pop_front();
        waiting.callback(base::fail(ErrorKind::resource_exhausted, "no PostgreSQL connection came free in time"));
      }
      arm_wait_timer();
    });
  }

  void fail_waiting(const Error& why) {
    for (WaitingBegin& waiting : std::exchange(waiting_begins_, {})) waiting.callback(tl::unexpected<Error>(why));
    for (WaitingRoom all = std::exchange(waiting_, {}); !all.empty();) all.take_next(loop_.now()).callback(tl::unexpected<Error>(why));
  }

  // --- connecting

  /// One attempt at a time: while PostgreSQL is away it is probed, not stormed.
  void grow() {
    if (slots_.size() < options_.max_connections && ready_ > 0 && !connecting_ && retry_timer_ == 0) connect();
  }

  void connect() {
    if (shut_down_ || connecting_) return;
    connecting_ = true;
    ++counts_.connect_attempts;
    auto slot = std::make_shared<Slot>();
    slot->server = server_;
    slots_.push_back(slot);
    const std::weak_ptr<Slot> weak = slot;
    Connection::Observer observer;
    observer.on_open = [this, weak] { start_session(weak.lock()); };
    observer.on_closed = [this, weak](const Error& why) { closed(weak.lock(), why); };
    slot->connection = std::make_unique<Connection>(loop_, servers_[server_], std::move(observer));
  }

  void start_session(const std::shared_ptr<Slot>& slot) {
    if (session_start_.empty()) return ready(*slot);
    const std::weak_ptr<Slot> weak = slot;
    auto failure = std::make_shared<std::optional<Error>>();  // shared by the callbacks of one session start
    for (std::size_t i = 0; i < session_start_.size(); ++i) {
      const bool last = i + 1 == session_start_.size(), asks_for_place = session_start_[i].statement == &kPlaceInHistory;
      slot->connection->execute(*session_start_[i].statement, session_start_[i].parameters,
                                [this, weak, failure, last, asks_for_place](base::Expected<Result> result) {
                                  const auto started = weak.lock();
                                  if (started && result && asks_for_place) {
                                    started->cluster = (*result)[0].get<std::int64_t>(0);
                                    started->timeline = (*result)[0].get<std::int64_t>(1);
                                    *failure = why_outdated(*started);
                                  }
                                  // A server that does not tell its history, or not our role, is taken as it is: it takes writes.
                                  const bool untold = asks_for_place && !result && result.error().kind != ErrorKind::unavailable;
                                  if (!result && !untold && !*failure) *failure = std::move(result.error());
                                  if (!last || !started || shut_down_) return;
                                  if (!*failure) return ready(*started);
                                  closed(started, std::move(**failure).in("starting a PostgreSQL session"));
                                });
    }
  }

  /// A primary that came back after another server was promoted in its place believes to be one still.
  std::optional<Error> why_outdated(const Slot& slot) const {
    const auto newest = Timelines::of_program().newest(slot.cluster, slot.timeline);
    if (slot.timeline == newest) return std::nullopt;
    Error former{ErrorKind::unavailable, "PostgreSQL at " + servers_[slot.server].server() + " is a former primary: it is on timeline " +
                                             std::to_string(slot.timeline) + ", and another server was promoted to " +
                                             std::to_string(newest)};
    static base::log::Limit limit(10);
    base::log::warn(limit, "PostgreSQL server not taken", {{"reason", former.message}});
    return former;
  }

  /// Whether a connection of before a promotion is still there, since another thread was the first to learn of it. They are given up in
  /// the loop's next round; nothing may be written over them meanwhile.
  bool has_former_primary() {
    if (servers_.size() == 1) return false;
    const auto raises = Timelines::of_program().raises();
    if (raises == raises_seen_) return false;
    if (std::none_of(slots_.begin(), slots_.end(), [&](const auto& slot) { return slot->ready && why_outdated(*slot); })) {
      raises_seen_ = raises;
      return false;
    }
    loop_.post([weak = weak_from_this()] {
      if (const auto self = weak.lock(); self && !self->shut_down_) self->leave_former_primary();
    });
    return true;
  }

  void leave_former_primary() {
    for (const auto& slot : std::vector(slots_)) {
      if (!slot->ready) continue;
      if (const auto former = why_outdated(*slot)) closed(slot, *former);
    }
  }

  void ready(Slot& slot) {
    slot.ready = true;
    connecting_ = false;
    pause_ = {};
    refused_by_ = 0;
    asking_others_ = false;
    const bool first = ++ready_ == 1;
    count_open(slot, 1);
    use_server_of(slot);
    if (first) {
      if (options_.on_availability) options_.on_availability(true);
      for (auto& task : std::exchange(when_available_, {})) loop_.post(std::move(task));
    }
    serve_parked();
    serve_begins_soon();
  }

  /// The one that takes writes. Who still answers on another server is no primary any more, or soon is none.
  void use_server_of(const Slot& slot) {
    const auto former = std::exchange(used_, slot.server);
    if (servers_.size() == 1 || former == slot.server) return;
    const std::string now = servers_[slot.server].server();
    static base::log::Limit limit(10);
    if (!former) return base::log::info(limit, "PostgreSQL server in use", {{"server", now}});
    base::log::warn(limit, "PostgreSQL server has changed", {{"from", servers_[*former].server()}, {"to", now}});
    if (moves_ != nullptr) moves_->increment();
    const auto slots = slots_;
    for (const auto& other : slots)
      if (other->server != slot.server) closed(other, {ErrorKind::unavailable, "PostgreSQL at " + now + " takes the writes now"});
  }

  void count_open(const Slot& slot, double by) {
    if (!open_.empty()) open_[slot.server]->add(by);
  }

  void closed(const std::shared_ptr<Slot>& slot, const Error& why) {
    if (!slot || shut_down_) return;
    const auto found = std::find(slots_.begin(), slots_.end(), slot);
    if (found == slots_.end()) return;
    slots_.erase(found);
    last_failure_ = why.message;
    // We are inside the connection's call; it dies in the next round, or with us, but never with the loop, which it still needs.
    dead_.push_back(std::move(slot->connection));
    loop_.post([weak = weak_from_this()] {
      if (const auto self = weak.lock()) std::exchange(self->dead_, {});
    });
    if (slot->ready) {
      slot->ready = false;
      ++counts_.lost_connections;
      count_open(*slot, -1);
      if (--ready_ == 0) {
        fail_waiting(why);
        if (options_.on_availability) options_.on_availability(false);
      }
    } else {
      connecting_ = false;
      // A server that serves, and only has no room for one connection more, is not left for it.
      if (ready_ == 0 || asking_others_) {
        server_ = (slot->server + 1) % servers_.size();
        ++refused_by_;
      }
      if (asking_others_ && server_ == used_) {
        asking_others_ = false;
        refused_by_ = 0;
        if (ready_ > 0) return;  // they are asked again where statements still wait
      }
    }
    schedule_retry();
  }

  void ask_others_where_statements_wait() {
    ask_timer_ = loop_.call_after(kOthersAskedAfter / 2, [this] {
      ask_others_where_statements_wait();
      if (connecting_ || retry_timer_ != 0) return;
      const bool waits = std::any_of(slots_.begin(), slots_.end(), [&](const auto& slot) {
        const auto since = slot->connection->waiting_since();
        return since && loop_.now() - *since > kOthersAskedAfter;
      });
      if (!waits) return;
      asking_others_ = true;
      refused_by_ = 0;
      server_ = (*used_ + 1) % servers_.size();
      connect();
    });
  }

  void schedule_retry() {
    if (retry_timer_ != 0 || connecting_ || shut_down_) return;
    if (refused_by_ % servers_.size() != 0) return connect_after(0ns);
    if (slots_.size() >= options_.max_connections) return;
    if (ready_ > 0 && waiting_begins_.empty() && waiting_.empty()) return;  // grow() will when there is need
    pause_ = pause_.count() == 0 ? options_.first_retry : std::min(pause_ * 2, last_retry_);
    const double jitter = std::uniform_real_distribution<double>(0.5, 1.5)(random_);
    connect_after(std::chrono::duration_cast<std::chrono::nanoseconds>(pause_ * jitter));
  }

  void connect_after(std::chrono::nanoseconds pause) {
    retry_timer_ = loop_.call_after(pause, [this] {
      retry_timer_ = 0;
      connect();
    });
  }

  base::EventLoop& loop_;
  const ConnectionOptions connection_;
  const std::vector<ConnectionOptions> servers_;
  const PoolOptions options_;
  std::vector<Execution> session_start_;  // what the options say, and with several servers the question for their place before it
  const std::chrono::milliseconds last_retry_;
  std::vector<base::metrics::Gauge*> open_;  // by server; empty when nobody counts
  base::metrics::Counter* moves_ = nullptr;
  std::size_t server_ = 0;                    // that the next attempt goes to
  std::optional<std::size_t> used_;           // that let us in last
  std::size_t refused_by_ = 0;                // servers, one after the other
  bool asking_others_ = false;                // than the used one
  std::vector<std::shared_ptr<Slot>> slots_;  // shared with the leases, which outlive a lost connection
  std::vector<std::unique_ptr<Connection>> dead_;
  std::size_t ready_ = 0;
  std::uint64_t raises_seen_ = 0;  // of Timelines
  bool connecting_ = false;
  bool shut_down_ = false;
  bool serving_begins_soon_ = false;
  std::chrono::milliseconds pause_{};
  base::EventLoop::TimerId retry_timer_ = 0;
  base::EventLoop::TimerId wait_timer_ = 0;
  base::EventLoop::TimerId ask_timer_ = 0;
  std::deque<WaitingBegin> waiting_begins_;
  WaitingRoom waiting_;
  std::vector<std::function<void()>> when_available_;
  Counts counts_;
  std::string last_failure_;
  std::minstd_rand random_{std::random_device{}()};
};

/// A transaction's hold on a connection.
class Transaction::Lease {
 public:
  Lease(std::shared_ptr<Pool::Impl> pool, std::shared_ptr<Slot> slot) : pool_(std::move(pool)), slot_(std::move(slot)) {}
  ~Lease() { rollback(); }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  void execute(const Statement& statement, Parameters parameters, ResultCallback callback) {
    if (lost(callback)) return;
    if (begun_) return slot_->connection->execute(statement, parameters, pool_->counted(1, std::move(callback)));
    begun_ = true;
    const Execution group[] = {{&kBegin, {}}, {&statement, std::move(parameters)}};
    slot_->connection->execute_group(
        group, pool_->counted(1, ResultsCallback([callback = std::move(callback)](base::Expected<std::vector<Result>> results) {
                                if (!results) return callback(tl::unexpected<Error>(std::move(results.error())));
                                callback(std::move(results->back()));
                              })));
  }

  void commit(std::function<void(base::Expected<void>)> callback) {
    if (!begun_) {
      end();
      return pool_->later([callback = std::move(callback)] { callback({}); });
    }
    ResultCallback done = [callback = std::move(callback)](base::Expected<Result> result) {
      if (!result) return callback(tl::unexpected<Error>(std::move(result.error())));
      if (result->command() != "COMMIT") return callback(tl::unexpected<Error>(rolled_back()));
      callback({});
    };
    if (lost(done)) return;
    slot_->connection->execute(kCommit, {}, pool_->counted(1, std::move(done)));
    end();  // what others send now comes after the COMMIT
  }

  /// `keep` holds the lease until the answer, since a failed statement leaves a failed transaction to roll back.
  void execute_and_commit(std::vector<Execution> group, ResultsCallback callback, std::shared_ptr<Lease> keep) {
    if (lost(callback)) return;
    const std::size_t statements = group.size();
    const std::size_t before = begun_ ? 0 : 1;
    if (!begun_) group.insert(group.begin(), {&kBegin, {}});
    begun_ = true;
    group.push_back({&kCommit, {}});
    slot_->connection->execute_group(
        group, pool_->counted(statements, ResultsCallback([keep = std::move(keep), before,
                                                           callback = std::move(callback)](base::Expected<std::vector<Result>> results) {
                                if (!results) {
                                  keep->rollback();
                                  return callback(std::move(results));
                                }
                                keep->end();
                                if (results->back().command() != "COMMIT") return callback(tl::unexpected<Error>(rolled_back()));
                                results->pop_back();
                                results->erase(results->begin(), results->begin() + static_cast<std::ptrdiff_t>(before));
                                callback(std::move(results));
                              })));
  }

  void rollback() {
    if (ended_) return;
    if (begun_ && slot_->connection && slot_->ready) slot_->connection->execute(kRollback, {}, [](base::Expected<Result>) {});
    end();
  }

 private:
  template <class T>
  bool lost(const std::function<void(base::Expected<T>)>& callback) {
    assert(!ended_);
    if (slot_->connection && slot_->ready) return false;
    pool_->later([callback, error = Error{ErrorKind::unavailable, "the transaction's connection was lost: " + pool_->last_failure()}] {
      callback(tl::unexpected<Error>(error));
    });
    return true;
  }

  void end() {
    ended_ = true;
    pool_->release(*slot_);
  }

  std::shared_ptr<Pool::Impl> pool_;
  std::shared_ptr<Slot> slot_;
  bool begun_ = false;
  bool ended_ = false;
};

Transaction Pool::Impl::make_transaction(Slot& slot) {
  const auto held = std::find_if(slots_.begin(), slots_.end(), [&](const auto& each) { return each.get() == &slot; });
  return Transaction(std::make_unique<Transaction::Lease>(shared_from_this(), *held));
}

Transaction::Transaction(std::unique_ptr<Lease> lease) : lease_(std::move(lease)) {}
Transaction::Transaction(Transaction&&) noexcept = default;
Transaction& Transaction::operator=(Transaction&&) noexcept = default;
Transaction::~Transaction() = default;

void Transaction::send(const Statement& statement, Parameters parameters, ResultCallback callback) {
  lease_->execute(statement, std::move(parameters), std::move(callback));
}
void Transaction::send_commit(VoidCallback callback) { lease_->commit(std::move(callback)); }
void Transaction::send_last(std::vector<Execution> statements, ResultsCallback callback) {
  lease_->execute_and_commit(std::move(statements), std::move(callback), std::move(lease_));
}

Pool::Pool(base::EventLoop& loop, ConnectionOptions connection, PoolOptions options)
    : impl_(std::make_shared<Impl>(loop, std::move(connection), std::move(options))) {
  impl_->start();
}
Pool::~Pool() { impl_->shut_down(); }

void Pool::execute(const Statement& statement, const Parameters& parameters, ResultCallback callback, Asker asker) {
  impl_->execute(statement, parameters, std::move(callback), std::move(asker));
}
void Pool::execute_group(std::span<const Execution> group, ResultsCallback callback, Asker asker) {
  impl_->execute_group(group, std::move(callback), std::move(asker));
}
void Pool::wait_for_lease(BeginCallback callback) { impl_->begin(std::move(callback)); }
bool Pool::is_available() const { return impl_->is_available(); }
void Pool::when_available(std::function<void()> task) { impl_->when_available(std::move(task)); }
Pool::Counts Pool::counts() const { return impl_->counts(); }
const std::string& Pool::last_failure() const { return impl_->last_failure(); }

}  // namespace gauntlet::postgres
