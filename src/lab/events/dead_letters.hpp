#pragma once
// Table event_dead_letter: events that PostgreSQL refused to store, and what a person can do about them.
//
//   auto letters = DeadLetters::open(database);
//   letters->list(100);  letters->retry({}, "localhost:6566");  letters->drop({17, 18});
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "postgres/blocking_connection.hpp"

namespace gauntlet::lab {

struct DeadLetter {
  std::int64_t id = 0;
  std::string kind;      // login, statistic
  std::string event_id;  // as the event says; may be empty
  std::string user_id;
  std::string reason;  // of the last failure
  std::int32_t failures = 0;
  std::string last_failed_at;  // UTC
};

/// One connection; one thread.
class DeadLetters {
 public:
  static base::Expected<DeadLetters> open(const postgres::ConnectionOptions& database);

  /// The oldest first.
  base::Expected<std::vector<DeadLetter>> list(std::int32_t most);

  /// Delivers the letters (empty: all) to the handler once more, as the platform would, one after the other, and drops
  /// those whose event is now committed. `tell` gets a line for each. Answers how many were refused again.
  /// not_found: no such letter; unavailable: the handler does not answer.
  base::Expected<int> retry(const std::vector<std::int64_t>& ids, const std::string& handler_address,
                            const std::function<void(const std::string&)>& tell);

  /// Deletes the letters (empty: all); answers how many there were.
  base::Expected<std::int64_t> drop(const std::vector<std::int64_t>& ids);

 private:
  explicit DeadLetters(postgres::BlockingConnection connection) : connection_(std::move(connection)) {}
  postgres::BlockingConnection connection_;
};

}  // namespace gauntlet::lab
