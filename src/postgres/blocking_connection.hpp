#pragma once
// A plain synchronous connection for work outside the event loops: migrations, fixtures, the lab's statements, tests.
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "postgres/connection_options.hpp"
#include "postgres/result.hpp"
#include "postgres/statement.hpp"
#include "postgres/values.hpp"

struct pg_conn;

namespace gauntlet::postgres {

/// A table, column or role as SQL text holds it, whatever it is called.
std::string quoted_name(std::string_view name);

/// One row of a binary COPY at a time: as many add() as the copy has columns, then end_row().
class CopyRows {
 public:
  template <class T>
  CopyRows& add(const T& value) {
    row_.add(value);
    return *this;
  }
  CopyRows& add_null() {
    row_.add_null();
    return *this;
  }
  void end_row();

 private:
  friend class BlockingConnection;
  Parameters row_;
  std::string buffer_;
  std::int64_t rows_ = 0;
};

/// Movable; one thread at a time. Errors have the kinds of postgres/connection.hpp.
class BlockingConnection {
 public:
  static base::Expected<BlockingConnection> connect(const ConnectionOptions& options);
  ~BlockingConnection();
  BlockingConnection(BlockingConnection&&) noexcept;
  BlockingConnection& operator=(BlockingConnection&&) noexcept;

  /// Runs SQL text as it is: one or several commands, in one transaction unless it says otherwise. Values of the last
  /// command's result are text: read them with value().
  struct TextResult {
    std::vector<std::string> columns;
    std::vector<std::vector<std::string>> rows;  // null reads ""
    std::string command;
  };
  base::Expected<TextResult> run(const std::string& sql);

  /// The process that serves this connection, as the server said when it began; a pooler says something else.
  int server_pid() const;

  /// What CREATE ROLE ... PASSWORD takes in place of the password itself: its SCRAM-SHA-256 verifier (RFC 5803).
  base::Expected<std::string> password_verifier(const std::string& role, const std::string& password);

  /// Runs one statement with binary values both ways.
  base::Expected<Result> execute(const Statement& statement, const Parameters& parameters = {});

  /// COPY table (columns) FROM STDIN in binary: `produce` is called until it returns false and adds rows each time (a
  /// few hundred a call is good). Values must have exactly the columns' types. Answers the number of rows copied; on an
  /// error nothing is copied.
  ///
  ///   copy_in("user_goal_progress", {"user_id", "goal_id", "progress"}, [&](CopyRows& rows) {
  ///     rows.add(user).add(goal).add(std::int32_t{0}).end_row();
  ///     return ++i < n;
  ///   });
  base::Expected<std::int64_t> copy_in(std::string_view table, const std::vector<std::string>& columns,
                                       const std::function<bool(CopyRows&)>& produce);

 private:
  explicit BlockingConnection(pg_conn* connection);
  pg_conn* connection_ = nullptr;
};

}  // namespace gauntlet::postgres
