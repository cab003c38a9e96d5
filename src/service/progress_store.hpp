#pragma once
// Table user_goal_progress as the service reads and writes it. Every statement carries the player's id, the first
// column of the primary key. Rules that must hold against concurrent events and replicas are in the statements
// themselves.
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/event_loop.hpp"
#include "base/task.hpp"
#include "challenge/config.hpp"
#include "challenge/progress.hpp"
#include "postgres/pool.hpp"

namespace gauntlet::service {

/// A database failure as clients see it; the log has the reason.
base::Error database_error(const base::Error& error);

/// A player's rows as stored: a rotation that has passed is not applied yet.
struct StoredRows {
  std::vector<challenge::PlayerRow> rows;  // sorted by goal; those of configured goals only
  bool any = false;                        // the player has a row, be it of a goal that left the config
};

/// Whether anybody still waits for the answer; empty: always. What has not been sent to PostgreSQL when nobody does, never
/// is: the task ends with `cancelled`.
using Wanted = std::function<bool()>;

/// Belongs to the pool's thread. Errors are what the client gets. `config` must outlive the task. Statements wait in their
/// player's line.
class ProgressStore {
 public:
  /// `name_space` (AB_NAMESPACE) is written into new rows.
  ProgressStore(postgres::Pool& pool, std::string name_space);

  /// One query by primary-key prefix.
  base::Task<base::Expected<StoredRows>> rows_of(std::string_view user_id, const challenge::Config& config, Wanted wanted = {});

  /// Creates active, not started rows of `goals` where the player has none; answers how many were created.
  base::Task<base::Expected<int>> assign(std::string_view user_id, const challenge::Config& config,
                                         std::span<const challenge::GoalIndex> goals, challenge::Instant now, Wanted wanted = {});

  /// Stores the resets that are due among `goals` (challenge::current in SQL): only rows that are still stale change.
  base::Task<base::Expected<void>> reset_rotated(std::string_view user_id, const challenge::Config& config,
                                                 std::vector<challenge::GoalIndex> goals, challenge::Instant now);

  /// Activates or deactivates the stored row, or creates it; answers its assigned_at.
  base::Task<base::Expected<std::optional<challenge::Instant>>> set_active(std::string_view user_id, const challenge::Config& config,
                                                                           const challenge::Goal& goal, bool active, challenge::Instant now,
                                                                           Wanted wanted = {});

  struct Selected {
    std::vector<std::string> replaced;       // goals that were active before, where replace_existing
    std::vector<challenge::PlayerRow> rows;  // all of the player's rows afterwards, sorted by goal
  };
  /// One transaction: with `replace_existing` deactivates the challenge's goals, then activates `goals`.
  base::Task<base::Expected<Selected>> select_goals(std::string_view user_id, const challenge::Config& config,
                                                    const challenge::Challenge& challenge, std::vector<challenge::GoalIndex> goals,
                                                    bool replace_existing, challenge::Instant now, Wanted wanted = {});

  /// Whether PostgreSQL answers within `patience`.
  base::Task<base::Expected<void>> ping(base::EventLoop& loop, std::chrono::milliseconds patience);

 private:
  postgres::Pool& pool_;
  std::string name_space_;
};

/// A timestamp column, one that may be null, and back.
inline postgres::Timestamp to_timestamp(challenge::Instant instant) { return {instant.time_since_epoch().count()}; }
inline std::optional<postgres::Timestamp> to_timestamp(const std::optional<challenge::Instant>& instant) {
  return instant ? std::optional(to_timestamp(*instant)) : std::nullopt;
}
inline challenge::Instant to_instant(postgres::Timestamp timestamp) {
  return challenge::Instant(std::chrono::microseconds(timestamp.microseconds));
}

}  // namespace gauntlet::service
