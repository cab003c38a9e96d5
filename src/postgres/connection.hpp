#pragma once
// One connection to PostgreSQL in libpq's pipeline mode on an event loop: statements are sent as they come, many are in
// flight, answers come back in order.
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/error.hpp"
#include "base/event_loop.hpp"
#include "postgres/connection_options.hpp"
#include "postgres/result.hpp"
#include "postgres/statement.hpp"
#include "postgres/values.hpp"

namespace gauntlet::postgres {

/// Called exactly once, on the loop's thread, never from inside the call that queued the statement.
/// Errors carry the server's message and SQLSTATE; their kinds:
///   unavailable          connection lost or server not accepting (08, 25006, 57P0x), or a commit that was not waited for until
///                        the synchronous standby had it; whether a statement in flight took effect is then unknown
///   already_exists       unique violation (23505)
///   invalid_argument     a value the statement cannot take (22xxx, other 23xxx, 44xxx), or a trigger refuses it (P0001)
///   aborted              deadlock or serialization failure (40xxx), or statements behind a failed one; try again
///   deadline_exceeded    statement timeout (57014)
///   permission_denied    the role lacks a right (42501), or may not act as it asks to (28xxx)
///   resource_exhausted   the server lacks memory, disk or connections (53xxx), or our queue is full
///   internal             anything else: a statement of ours is wrong, or the schema is not ours
using ResultCallback = std::function<void(base::Expected<Result>)>;
/// All results of a group in order, or the error that undid the whole group.
using ResultsCallback = std::function<void(base::Expected<std::vector<Result>>)>;

/// One statement with its values.
struct Execution {
  const Statement* statement;
  Parameters parameters;
};

/// Belongs to its loop's thread. A callback may queue more statements, but must not destroy the connection.
class Connection {
 public:
  /// Told once when connecting ended, either way, and once more if an open connection is lost later, or its server has come to
  /// refuse writes (25006: it is a standby now). The connection is then closed for good; make a new one.
  struct Observer {
    std::function<void()> on_open;
    std::function<void(base::Error)> on_closed;
  };

  /// Starts to connect, to one server: `options` have no others. (Host names are resolved by libpq synchronously; use addresses or a local
  /// name service.) `loop` must outlive the connection.
  Connection(base::EventLoop& loop, const ConnectionOptions& options, Observer observer);
  /// Closes the socket; every statement in flight is answered `unavailable` before the destructor returns.
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  bool is_open() const;
  /// Statements queued or sent and not yet answered.
  std::size_t in_flight() const;
  /// When the oldest of them was queued; nothing when there is none. Exact to a round of the loop.
  std::optional<base::EventLoop::Clock::time_point> waiting_since() const;

  /// Runs a statement in its own transaction (or in the one opened by an earlier BEGIN on this connection). An error
  /// concerns this statement alone. On a closed connection: `unavailable`.
  void execute(const Statement& statement, const Parameters& parameters, ResultCallback callback);

  /// Runs the statements in one round trip and one transaction: all take effect or none. The statements must not hold
  /// BEGIN or COMMIT themselves unless the caller means to open or end a transaction block with them.
  void execute_group(std::span<const Execution> group, ResultsCallback callback);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gauntlet::postgres
