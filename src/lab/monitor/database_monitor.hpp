#pragma once
// PostgreSQL from the inside: its statistics views once an interval, its sessions ten times a second.
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "lab/record/recording.hpp"
#include "postgres/blocking_connection.hpp"

namespace gauntlet::lab {

/// One connection of its own, made anew when it breaks. Its own statements are left out of what it reports. One thread.
///
/// Tables: pg_activity (sessions by state), pg_clients (connections by application), pg_wait (the active-session
/// histogram: samples by wait event), pg_database, pg_wal (with checkpoints), pg_tables (rows, HOT share, cache hits),
/// pg_statements (the ten that took most time, as deltas), pg_locks. Rates are since the previous sample, so that the
/// first gives none.
class DatabaseMonitor {
 public:
  explicit DatabaseMonitor(postgres::ConnectionOptions options);

  /// Looks at what each active session waits for, now. Cheap: one statement without joins.
  base::Expected<void> sample_sessions();
  base::Expected<std::vector<Observation>> sample(double now_s);

 private:
  using Rows = std::vector<std::vector<std::string>>;
  base::Expected<Rows> ask(const std::string& sql);
  /// Increase of a counter since the previous sample; nothing the first time or after a reset.
  std::optional<double> increase(const std::string& key, double now);
  void add_activity(const Rows& states, std::vector<Observation>& rows);
  base::Expected<void> add_counters(double elapsed_s, std::vector<Observation>& rows);
  base::Expected<void> add_tables(double elapsed_s, std::vector<Observation>& rows);
  base::Expected<void> add_statements(double elapsed_s, std::vector<Observation>& rows);

  postgres::ConnectionOptions options_;
  std::optional<postgres::BlockingConnection> connection_;
  std::map<std::string, double> counters_;
  std::map<std::pair<std::string, std::string>, std::int64_t> waits_;  // samples by type and event since the last sample
  std::int64_t session_samples_ = 0;
  bool has_statements_ = true;
  double last_s_ = 0;
};

}  // namespace gauntlet::lab
