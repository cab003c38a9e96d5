#include "lab/monitor/database_monitor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

namespace gauntlet::lab {
namespace {

double number(const std::string& text) { return std::strtod(text.c_str(), nullptr); }

constexpr std::size_t kTopStatements = 10;
constexpr std::size_t kQueryText = 300;  // characters kept of a statement

/// One line, cut to what a table can show.
std::string one_line(const std::string& sql) {
  std::string out;
  for (const char c : sql) {
    const bool blank = c == ' ' || c == '\n' || c == '\t' || c == '\r';
    if (blank && (out.empty() || out.back() == ' ')) continue;
    out += blank ? ' ' : c;
    if (out.size() == kQueryText) break;
  }
  return out;
}

}  // namespace

DatabaseMonitor::DatabaseMonitor(postgres::ConnectionOptions options) : options_(std::move(options)) {
  options_.statement_timeout = std::chrono::seconds(2);
  options_.connect_timeout = std::chrono::seconds(2);
}

base::Expected<DatabaseMonitor::Rows> DatabaseMonitor::ask(const std::string& sql) {
  if (!connection_) {
    auto connected = TRY(postgres::BlockingConnection::connect(options_));
    connection_ = std::move(connected);
    auto found = connection_->run("SELECT 1 FROM pg_extension WHERE extname = 'pg_stat_statements'");
    has_statements_ = found && !found->rows.empty();
  }
  auto result = connection_->run(sql);
  if (!result) {
    connection_.reset();
    return tl::unexpected(result.error());
  }
  return std::move(result->rows);
}

std::optional<double> DatabaseMonitor::increase(const std::string& key, double now) {
  const auto [at, is_new] = counters_.try_emplace(key, now);
  const double before = std::exchange(at->second, now);
  if (is_new || now < before) return std::nullopt;
  return now - before;
}

base::Expected<void> DatabaseMonitor::sample_sessions() {
  // An active session without a wait event is on a CPU (or wants one).
  auto rows =
      TRY(ask("SELECT coalesce(wait_event_type, 'CPU'), coalesce(wait_event, 'CPU'), count(*) FROM pg_stat_activity "
              "WHERE state = 'active' AND pid <> pg_backend_pid() AND backend_type = 'client backend' AND datname = "
              "current_database() GROUP BY 1, 2"));
  for (const auto& row : rows) waits_[{row[0], row[1]}] += std::atoll(row[2].c_str());
  ++session_samples_;
  return {};
}

base::Expected<std::vector<Observation>> DatabaseMonitor::sample(double now_s) {
  const double elapsed_s = last_s_ > 0 ? now_s - last_s_ : 0;
  last_s_ = now_s;
  std::vector<Observation> rows;
  auto states =
      TRY(ask("SELECT count(*) FILTER (WHERE state = 'active'), count(*) FILTER (WHERE state = 'idle'), "
              "count(*) FILTER (WHERE state LIKE 'idle in transaction%'), count(*) FILTER (WHERE wait_event_type = "
              "'Lock'), count(*), "
              "current_setting('max_connections'), coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)) FILTER "
              "(WHERE state <> 'idle'), 0) "
              "FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"));
  add_activity(states, rows);
  auto clients =
      TRY(ask("SELECT application_name, count(*), count(*) FILTER (WHERE state = 'active') FROM pg_stat_activity "
              "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND datname = current_database() GROUP BY 1"));
  for (const auto& c : clients)
    rows.push_back({"pg_clients", {{"application", c[0]}, {"connections", number(c[1])}, {"busy", number(c[2])}}});
  TRY(add_counters(elapsed_s, rows));
  TRY(add_tables(elapsed_s, rows));
  TRY(add_statements(elapsed_s, rows));
  return rows;
}

void DatabaseMonitor::add_activity(const Rows& states, std::vector<Observation>& rows) {
  const auto& s = states.at(0);
  rows.push_back({"pg_activity",
                  {{"active", number(s[0])},
                   {"idle", number(s[1])},
                   {"idle_in_transaction", number(s[2])},
                   {"waiting_for_lock", number(s[3])},
                   {"connections", number(s[4])},
                   {"max_connections", number(s[5])},
                   {"oldest_transaction_s", number(s[6])}}});
  for (const auto& [wait, count] : waits_)
    rows.push_back({"pg_wait",
                    {{"type", wait.first},
                     {"event", wait.second},
                     {"sessions", static_cast<double>(count) / static_cast<double>(std::max<std::int64_t>(1, session_samples_))}}});
  waits_.clear();
  session_samples_ = 0;
}

base::Expected<void> DatabaseMonitor::add_counters(double elapsed_s, std::vector<Observation>& rows) {
  static const std::string kCounters =
      "SELECT xact_commit, xact_rollback, blks_read, blks_hit, tup_returned, tup_fetched, tup_inserted, tup_updated, "
      "tup_deleted, "
      "temp_bytes, deadlocks, blk_read_time, blk_write_time, wal_records, wal_fpi, wal_bytes, wal_buffers_full, "
      "wal_write, wal_sync, "
      "checkpoints_timed, checkpoints_req, buffers_checkpoint, buffers_backend, wal_sync_time "
      "FROM pg_stat_database, pg_stat_wal, pg_stat_bgwriter WHERE datname = current_database()";
  static constexpr const char* kNames[] = {"commits_per_s",
                                           "rollbacks_per_s",
                                           "blocks_read_per_s",
                                           "blocks_hit_per_s",
                                           "rows_returned_per_s",
                                           "rows_fetched_per_s",
                                           "rows_inserted_per_s",
                                           "rows_updated_per_s",
                                           "rows_deleted_per_s",
                                           "temp_bytes_per_s",
                                           "deadlocks_per_s",
                                           "read_ms_per_s",
                                           "write_ms_per_s",
                                           "records_per_s",
                                           "full_page_images_per_s",
                                           "bytes_per_s",
                                           "buffers_full_per_s",
                                           "writes_per_s",
                                           "syncs_per_s",
                                           "checkpoints_timed_per_s",
                                           "checkpoints_requested_per_s",
                                           "checkpoint_buffers_per_s",
                                           "backend_buffers_per_s",
                                           "sync_ms_per_s"};
  constexpr std::size_t kOfDatabase = 13;
  auto answer = TRY(ask(kCounters));
  if (answer.empty()) return {};
  std::vector<std::pair<const char*, Cell>> database, wal;
  bool whole = elapsed_s > 0;
  for (std::size_t i = 0; i < std::size(kNames); ++i) {
    const auto more = increase(std::string("counter ") + kNames[i], number(answer[0][i]));
    whole = whole && more.has_value();
    (i < kOfDatabase ? database : wal).emplace_back(kNames[i], more && elapsed_s > 0 ? Cell(*more / elapsed_s) : Cell());
  }
  if (!whole) return {};
  const double hits = to_number(database[3].second), reads = to_number(database[2].second);
  database.emplace_back("cache_hit_share", hits + reads > 0 ? Cell(hits / (hits + reads)) : Cell());
  rows.push_back({"pg_database", std::move(database)});
  rows.push_back({"pg_wal", std::move(wal)});
  return {};
}

base::Expected<void> DatabaseMonitor::add_tables(double elapsed_s, std::vector<Observation>& rows) {
  auto tables =
      TRY(ask("SELECT t.relname, n_tup_ins, n_tup_upd, n_tup_hot_upd, n_tup_del, seq_scan, coalesce(idx_scan, 0), "
              "heap_blks_read, heap_blks_hit, "
              "coalesce(idx_blks_read, 0), coalesce(idx_blks_hit, 0), n_live_tup, n_dead_tup, autovacuum_count "
              "FROM pg_stat_user_tables t JOIN pg_statio_user_tables io USING (relid) WHERE n_live_tup + n_tup_ins + "
              "n_tup_upd > 0"));
  static constexpr const char* kNames[] = {"inserted_per_s",   "updated_per_s",     "hot_updated_per_s", "deleted_per_s",
                                           "seq_scans_per_s",  "index_scans_per_s", "heap_read_per_s",   "heap_hit_per_s",
                                           "index_read_per_s", "index_hit_per_s"};
  for (const auto& t : tables) {
    std::vector<std::pair<const char*, Cell>> values{{"name", t[0]}};
    for (std::size_t i = 0; i < std::size(kNames); ++i) {
      const auto more = increase("table " + t[0] + kNames[i], number(t[i + 1]));
      values.emplace_back(kNames[i], more && elapsed_s > 0 ? Cell(*more / elapsed_s) : Cell());
    }
    values.emplace_back("live_rows", number(t[11]));
    values.emplace_back("dead_rows", number(t[12]));
    values.emplace_back("autovacuums", number(t[13]));
    if (elapsed_s > 0) rows.push_back({"pg_tables", std::move(values)});
  }
  return {};
}

base::Expected<void> DatabaseMonitor::add_statements(double elapsed_s, std::vector<Observation>& rows) {
  if (!has_statements_) return {};
  auto statements =
      TRY(ask("SELECT queryid, query, calls, total_exec_time, rows, shared_blks_hit, shared_blks_read, wal_bytes FROM "
              "pg_stat_statements "
              "WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND queryid IS NOT NULL AND "
              "query NOT LIKE '%pg\\_stat\\_%' AND query NOT LIKE '%pg_extension%' "
              "ORDER BY total_exec_time DESC LIMIT 50"));
  struct Delta {
    const std::vector<std::string>* statement;
    double calls, total_ms, rows, hit, read, wal_bytes;
  };
  std::vector<Delta> deltas;
  for (const auto& s : statements) {
    auto more = [&](const char* what, std::size_t column) { return increase("statement " + s[0] + what, number(s[column])).value_or(0); };
    const Delta delta{&s, more("c", 2), more("t", 3), more("r", 4), more("h", 5), more("d", 6), more("w", 7)};
    if (delta.calls > 0) deltas.push_back(delta);
  }
  if (elapsed_s <= 0) return {};
  std::sort(deltas.begin(), deltas.end(), [](const Delta& a, const Delta& b) { return a.total_ms > b.total_ms; });
  if (deltas.size() > kTopStatements) deltas.resize(kTopStatements);
  for (const auto& d : deltas)
    rows.push_back({"pg_statements",
                    {{"queryid", (*d.statement)[0]},
                     {"query", one_line((*d.statement)[1])},
                     {"calls_per_s", d.calls / elapsed_s},
                     {"exec_ms_per_s", d.total_ms / elapsed_s},
                     {"mean_ms", d.total_ms / d.calls},
                     {"rows_per_call", d.rows / d.calls},
                     {"blocks_hit_per_call", d.hit / d.calls},
                     {"blocks_read_per_call", d.read / d.calls},
                     {"wal_bytes_per_call", d.wal_bytes / d.calls}}});
  auto locks =
      TRY(ask("SELECT mode, count(*) FILTER (WHERE granted), count(*) FILTER (WHERE NOT granted) FROM pg_locks WHERE pid "
              "<> pg_backend_pid() GROUP BY mode"));
  for (const auto& l : locks) rows.push_back({"pg_locks", {{"mode", l[0]}, {"granted", number(l[1])}, {"waiting", number(l[2])}}});
  return {};
}

}  // namespace gauntlet::lab
