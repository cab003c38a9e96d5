#include "lab/verdict/evidence.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

#include "lab/record/recording.hpp"

namespace gauntlet::lab {
namespace {

namespace fs = std::filesystem;

constexpr double kWarmUp = 0.2;         // of the run
constexpr double kLeastRecorded = 0.5;  // of the run: a monitor that ended early says little about the rest

/// Questions to a recording; a table that no monitor has written answers nothing.
class Questions {
 public:
  Questions(SqliteFile& database, double from) : database_(database), from_(from) {}

  std::vector<std::vector<Cell>> rows(const std::string& sql) {
    auto answer = database_.query(sql, {from_});
    return answer ? std::move(*answer) : std::vector<std::vector<Cell>>{};
  }
  double number(const std::string& expression, const std::string& table, double fallback = 0) {
    const auto answer = rows(fmt::format("SELECT {} FROM {} WHERE time_s >= ?", expression, table));
    return answer.empty() || answer[0][0].kind() == Cell::Kind::null ? fallback : to_number(answer[0][0]);
  }

 private:
  SqliteFile& database_;
  double from_;
};

std::string label_of(const std::string& labels, const std::string& name) {
  const auto at = labels.find(name + "=\"");
  if (at == std::string::npos) return "";
  const auto begin = at + name.size() + 2;
  return labels.substr(begin, labels.find('"', begin) - begin);
}

void read_processes(Questions& ask, Evidence& evidence) {
  for (const auto& row : ask.rows("SELECT name, avg(cpu_cores), avg(run_queue_delay_cores), max(resident_bytes), "
                                  "avg(major_faults_per_s), avg(involuntary_switches_per_s), avg(throttled_share) "
                                  "FROM process WHERE time_s >= ? GROUP BY name")) {
    auto& p = evidence.processes[to_text(row[0])];
    p.cpu_cores = to_number(row[1]);
    p.run_queue_delay_cores = to_number(row[2]);
    p.resident_bytes_max = to_number(row[3]);
    p.major_faults_per_s = to_number(row[4]);
    p.involuntary_switches_per_s = to_number(row[5]);
    p.throttled_share = to_number(row[6]);
  }
  for (auto& [name, p] : evidence.processes) {
    const auto rows = ask.rows(fmt::format("SELECT resident_bytes FROM process WHERE time_s >= ? AND name = '{}' ORDER BY time_s", name));
    const std::size_t fifth = std::max<std::size_t>(1, rows.size() / 5);
    double first = 0, last = 0;
    for (std::size_t i = 0; i < fifth; ++i) first += to_number(rows[i][0]), last += to_number(rows[rows.size() - 1 - i][0]);
    p.resident_growth = first > 0 ? last / first - 1 : 0;
  }
}

void read_host(Questions& ask, Evidence& e) {
  auto host = [&](const char* column) { return ask.number(fmt::format("avg({})", column), "host"); };
  e.idle_cores = host("cpu_idle_cores");
  e.iowait_cores = host("cpu_iowait_cores");
  e.steal_cores = host("cpu_steal_cores");
  e.pressure_cpu = host("pressure_cpu_some");
  e.pressure_memory = host("pressure_memory_some");
  e.pressure_io = host("pressure_io_some");
  e.memory_available_share = ask.number("min(1.0 * memory_available_bytes / memory_total_bytes)", "host", 1);
  e.listen_drops_per_s = host("listen_drops_per_s");
  e.lost_retransmits_per_s = host("lost_retransmits_per_s");
  for (const auto& row : ask.rows("SELECT avg(busy_share) FROM disk WHERE time_s >= ? GROUP BY device"))
    e.disk_busy_share = std::max(e.disk_busy_share, to_number(row[0]));
  e.memory_limit_share = ask.number("max(1.0 * memory_bytes / memory_limit_bytes)", "cgroup");
  e.clock_step_s = ask.number("max(abs(step_s))", "clock");
  e.oom_kills = ask.number("max(oom_kills) - min(oom_kills)", "cgroup");
}

void read_database(Questions& ask, Evidence& e) {
  auto activity = [&](const char* column) { return ask.number(fmt::format("avg({})", column), "pg_activity"); };
  e.connections = activity("connections");
  e.max_connections = activity("max_connections");
  e.waiting_for_lock = activity("waiting_for_lock");
  e.idle_in_transaction = activity("idle_in_transaction");
  e.oldest_transaction_s = ask.number("max(oldest_transaction_s)", "pg_activity");
  const double samples = ask.number("count(*)", "pg_activity", 1);
  for (const auto& row : ask.rows("SELECT type, event, sum(sessions) FROM pg_wait WHERE time_s >= ? GROUP BY 1, 2")) {
    const double sessions = to_number(row[2]) / std::max(1.0, samples);
    e.waits[{to_text(row[0]), to_text(row[1])}] = sessions;
    e.active_sessions += sessions;
  }
  for (const auto& row : ask.rows("SELECT application, sum(connections), sum(busy) FROM pg_clients WHERE time_s >= ? GROUP BY 1"))
    e.clients[to_text(row[0])] = {to_number(row[1]) / std::max(1.0, samples), to_number(row[2]) / std::max(1.0, samples)};
  e.commits_per_s = ask.number("avg(commits_per_s)", "pg_database");
  e.cache_hit_share = ask.number("avg(cache_hit_share)", "pg_database", 1);
  e.wal_bytes_per_s = ask.number("avg(bytes_per_s)", "pg_wal");
  const double updated = ask.number("sum(updated_per_s)", "pg_tables");
  if (updated > 0) e.hot_share = ask.number("sum(hot_updated_per_s)", "pg_tables") / updated;
  const auto top = ask.rows(
      "SELECT query, sum(exec_ms_per_s), avg(mean_ms) FROM pg_statements WHERE time_s >= ? GROUP BY 1 ORDER BY 2 DESC "
      "LIMIT 1");
  if (!top.empty()) {
    e.top_statement = to_text(top[0][0]);
    e.top_statement_ms = to_number(top[0][2]);
  }
}

void read_metrics(Questions& ask, Evidence& e) {
  // Counters: what was added between the first and the last look.
  std::map<std::pair<std::string, std::string>, double> added;
  double span_s = 0;
  for (const auto& row : ask.rows("SELECT name, labels, max(value) - min(value), max(time_s) - min(time_s) FROM metric WHERE time_s >= ? "
                                  "AND name LIKE 'challenge\\_%' ESCAPE '\\' GROUP BY server, name, labels")) {
    added[{to_text(row[0]), to_text(row[1])}] = to_number(row[2]);
    span_s = std::max(span_s, to_number(row[3]));
  }
  if (span_s <= 0) return;
  auto mean = [&](const std::string& histogram) {
    double sum = 0, count = 0;
    for (const auto& [key, value] : added) {
      if (key.first == histogram + "_sum") sum += value;
      if (key.first == histogram + "_count") count += value;
    }
    return count > 0 ? sum / count : 0;
  };
  e.flush_ms = mean("challenge_buffer_flush_duration_seconds") * 1000;
  e.flush_wait_ms = mean("challenge_buffer_wait_seconds") * 1000;
  e.flush_events = mean("challenge_buffer_flush_events");
  e.buffer_size = ask.number("avg(CASE WHEN name = 'challenge_buffer_size' THEN value END)", "metric");
  std::map<std::string, std::pair<double, double>> routes;
  for (const auto& [key, value] : added) {
    if (key.first == "challenge_api_request_duration_seconds_sum") routes[label_of(key.second, "path")].first += value;
    if (key.first == "challenge_api_request_duration_seconds_count") routes[label_of(key.second, "path")].second += value;
    if (key.first == "challenge_events_total" && label_of(key.second, "outcome") == "refused") e.refused_per_s += value / span_s;
  }
  double sum = 0, count = 0;
  for (const auto& [route, seen] : routes) {
    if (seen.second <= 0) continue;
    e.routes[route] = {seen.second / span_s, seen.first / seen.second * 1000};
    sum += seen.first;
    count += seen.second;
  }
  if (count > 0) e.server_ms = sum / count * 1000;
}

}  // namespace

std::optional<double> Evidence::server_share() const {
  const double client_ms = trial.throughput_per_s * trial.mean_service_s * 1000;  // each second
  const bool handler_known = trial.calls_per_s == 0 || flush_ms > 0;
  if (client_ms <= 0 || !handler_known || (trial.requests_per_s > 0 && !server_ms)) return std::nullopt;
  const double seen_ms = trial.requests_per_s * server_ms.value_or(0) + trial.calls_per_s * (flush_ms + flush_wait_ms);
  return std::min(1.0, seen_ms / client_ms);
}

double Evidence::wait_share(const std::string& type, const std::string& event) const {
  if (active_sessions <= 0) return 0;
  double sum = 0;
  for (const auto& [wait, sessions] : waits)
    if (wait.first == type && (event.empty() || wait.second == event)) sum += sessions;
  return sum / active_sessions;
}

double Evidence::process_cores(const std::string& name) const {
  const auto found = processes.find(name);
  return found == processes.end() ? 0 : found->second.cpu_cores;
}

base::Expected<Evidence> read_evidence(const fs::path& result) {
  const auto written = TRY(engine::results::read_run_result(result));
  auto trial = trial_of(written);
  if (!trial) return tl::unexpected(std::move(trial.error()).in(result.string()));
  Evidence evidence;
  evidence.trial = std::move(*trial);
  evidence.held = evidence.trial.load_was_applied() && evidence.trial.thresholds_held();
  const fs::path folder = fs::path(result).replace_extension(".monitor");
  auto database = SqliteFile::open_existing(Recording::database_of(folder));
  if (!database) {
    database.error().message +=
        "; a verdict needs what monitors saw of the run: campaigns and the demo record it, and so does gauntlet watch --out " +
        folder.string() + " while a run of yours goes on";
    return tl::unexpected(database.error());
  }
  const auto span = database->query("SELECT min(time_s), max(time_s) FROM host");
  if (!span || span->empty() || (*span)[0][0].kind() == Cell::Kind::null)
    return base::fail(base::ErrorKind::invalid_argument, Recording::database_of(folder).string() + " holds no samples");
  const double first = to_number((*span)[0][0]), last = to_number((*span)[0][1]);
  evidence.seconds = last - first;
  if (evidence.seconds < kLeastRecorded * evidence.trial.seconds)
    return base::fail(base::ErrorKind::invalid_argument,
                      fmt::format("{} holds {:.0f} s of a run of {:.0f} s: the monitor ended early, see gauntlet.log beside it",
                                  Recording::database_of(folder).string(), evidence.seconds, evidence.trial.seconds));
  Questions ask(*database, first + kWarmUp * (last - first));
  read_processes(ask, evidence);
  read_host(ask, evidence);
  read_database(ask, evidence);
  read_metrics(ask, evidence);
  const double used = ask.number(
      "avg(cpu_user_cores + cpu_system_cores + cpu_softirq_cores + cpu_iowait_cores + cpu_steal_cores + "
      "cpu_idle_cores)",
      "host");
  evidence.cores = used > 0 ? std::max(1.0, std::round(used)) : static_cast<double>(::sysconf(_SC_NPROCESSORS_ONLN));
  double ours = 0;
  for (const auto& [name, p] : evidence.processes) ours += p.cpu_cores;
  evidence.strangers_cores = used > 0 ? std::max(0.0, used - evidence.idle_cores - evidence.iowait_cores - evidence.steal_cores - ours) : 0;
  evidence.trial.generator_cores = evidence.process_cores("generator");
  evidence.trial.machine_idle_cores = evidence.idle_cores;
  return evidence;
}

}  // namespace gauntlet::lab
