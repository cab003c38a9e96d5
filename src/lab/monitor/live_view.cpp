#include "lab/monitor/live_view.hpp"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <string_view>
#include <thread>
#include <vector>

#include "base/loop_thread.hpp"
#include "engine/results/json_writer.hpp"

namespace gauntlet::lab {
namespace {

using engine::dashboard::SystemSample;
using engine::results::JsonWriter;

constexpr std::chrono::seconds kInterval(1);
constexpr int kNiceness = 10;

const Cell* find(const Observation& row, std::string_view name) {
  for (const auto& [key, value] : row.values)
    if (name == key) return &value;
  return nullptr;
}
double number(const Observation& row, std::string_view name) {
  const Cell* cell = find(row, name);
  return cell == nullptr ? 0 : to_number(*cell);
}
std::string text(const Observation& row, std::string_view name) {
  const Cell* cell = find(row, name);
  return cell == nullptr ? std::string() : to_text(*cell);
}

/// "challenge-postgres" is postgres where everything is of the challenge.
std::string short_name(std::string name) {
  constexpr std::string_view kPrefix = "challenge-";
  return name.starts_with(kPrefix) ? name.substr(kPrefix.size()) : name;
}

struct TableColumn {
  const char* heading;
  const char* value;  // of the row
  const char* unit;   // the page's (web/src/format.ts); nullptr: text
};
struct LiveTable {
  const char* title;
  const char* source;
  std::vector<TableColumn> columns;
};

const std::vector<LiveTable>& live_tables() {
  static const std::vector<LiveTable> kTables = {
      {"Processes",
       "process",
       {{"Process", "name", nullptr},
        {"CPU (cores)", "cpu_cores", "cores"},
        {"in the kernel", "cpu_system_cores", "cores"},
        {"waiting for a CPU", "run_queue_delay_cores", "cores"},
        {"Memory", "resident_bytes", "bytes"},
        {"Threads", "threads", "count"},
        {"Written", "written_bytes_per_s", "bytes_per_second"},
        {"Descriptors", "descriptors", "count"}}},
      {"Top statements, by time in the last second",
       "pg_statements",
       {{"Statement", "query", nullptr},
        {"Calls", "calls_per_s", "per_second"},
        {"Mean", "mean_ms", "ms"},
        {"Time a second", "exec_ms_per_s", "ms"},
        {"Rows a call", "rows_per_call", "plain"},
        {"WAL a call", "wal_bytes_per_call", "bytes"}}},
      {"Tables, in the last second",
       "pg_tables",
       {{"Table", "name", nullptr},
        {"Live rows", "live_rows", "count"},
        {"Dead rows", "dead_rows", "count"},
        {"Inserted", "inserted_per_s", "per_second"},
        {"Updated", "updated_per_s", "per_second"},
        {"of these HOT", "hot_updated_per_s", "per_second"},
        {"Index scans", "index_scans_per_s", "per_second"},
        {"Sequential scans", "seq_scans_per_s", "per_second"}}},
      {"What active sessions wait for",
       "pg_wait",
       {{"Type", "type", nullptr}, {"Event", "event", nullptr}, {"Sessions", "sessions", "plain"}}},
      {"Locks", "pg_locks", {{"Mode", "mode", nullptr}, {"Granted", "granted", "count"}, {"Waiting", "waiting", "count"}}},
  };
  return kTables;
}

void write_table(JsonWriter& json, const LiveTable& table, const std::vector<Observation>& rows) {
  json.begin_object().key("title").string(table.title).key("columns").begin_array();
  for (const TableColumn& column : table.columns) {
    json.begin_object().key("name").string(column.heading);
    if (column.unit != nullptr) json.key("unit").string(column.unit);
    json.end_object();
  }
  json.end_array().key("rows").begin_array();
  for (const Observation& row : rows) {
    if (row.table != table.source) continue;
    json.begin_array();
    for (const TableColumn& column : table.columns) {
      const Cell* cell = find(row, column.value);
      if (cell == nullptr || cell->kind() == Cell::Kind::null) {
        json.null();
      } else if (column.unit == nullptr) {
        json.string(to_text(*cell));
      } else {
        json.number(to_number(*cell));
      }
    }
    json.end_array();
  }
  json.end_array().end_object();
}

std::string detail_of(const std::vector<Observation>& rows, const std::vector<std::string>& problems) {
  JsonWriter json;
  json.begin_object().key("problems").begin_array();
  for (const std::string& problem : problems) json.string("Not seen: " + problem + ".");
  json.end_array().key("tables").begin_array();
  for (const LiveTable& table : live_tables()) {
    const bool any = std::any_of(rows.begin(), rows.end(), [&](const Observation& row) { return row.table == table.source; });
    if (any) write_table(json, table, rows);
  }
  json.end_array().end_object();
  return json.take();
}

}  // namespace

SystemSample LiveFigures::sample_of(const std::vector<Observation>& rows, const std::vector<std::string>& problems) {
  SystemSample sample;
  const auto show = [&](std::string name, double value) { sample.figures.emplace_back(std::move(name), value); };
  Flushes flushes;
  double updated = 0, hot_updated = 0, granted = 0, waiting = 0;
  bool has_tables = false, has_database = false;
  for (const Observation& row : rows) {
    if (row.table == "process") {
      const std::string name = short_name(text(row, "name"));
      show("cpu/" + name, number(row, "cpu_cores"));
      show("memory/" + name, number(row, "resident_bytes"));
    } else if (row.table == "pg_activity") {
      has_database = true;
      show("connections/active", number(row, "active"));
      show("connections/idle", number(row, "idle"));
      show("connections/idle in transaction", number(row, "idle_in_transaction"));
      show("connections/waiting for a lock", number(row, "waiting_for_lock"));
    } else if (row.table == "pg_database") {
      show("transactions/committed", number(row, "commits_per_s"));
      show("transactions/rolled back", number(row, "rollbacks_per_s"));
      const Cell* share = find(row, "cache_hit_share");
      if (share != nullptr && share->kind() != Cell::Kind::null) show("hits/cache", to_number(*share));
    } else if (row.table == "pg_wal") {
      show("wal/written", number(row, "bytes_per_s"));
    } else if (row.table == "pg_tables") {
      has_tables = true;
      updated += number(row, "updated_per_s");
      hot_updated += number(row, "hot_updated_per_s");
    } else if (row.table == "pg_locks") {
      granted += number(row, "granted");
      waiting += number(row, "waiting");
    } else if (row.table == "metric") {
      const std::string name = text(row, "name");
      const double value = number(row, "value");
      if (name == "challenge_buffer_flush_events_sum") flushes.events = value;
      if (name == "challenge_buffer_flush_events_count") flushes.flushes = value, flushes.known = true;
      if (name == "challenge_buffer_flush_duration_seconds_sum") flushes.seconds += value;  // by status
      if (name == "challenge_buffer_flush_duration_seconds_count") flushes.ended += value;
      if (name == "challenge_buffer_size") show("buffer/waiting", value);
    }
  }
  if (has_tables && updated > 0) show("hits/HOT updates", hot_updated / updated);
  if (has_database) {
    show("locks/granted", granted);
    show("locks/waiting", waiting);
  }
  // A restarted handler counts from zero again.
  if (const double more = flushes.flushes - flushes_.flushes; flushes.known && flushes_.known && more > 0) {
    show("flush_size/mean", (flushes.events - flushes_.events) / more);
    show("flush_time/mean", (flushes.seconds - flushes_.seconds) * 1000 / (flushes.ended - flushes_.ended));
  }
  flushes_ = flushes;
  sample.detail = detail_of(rows, problems);
  return sample;
}

struct LiveView::Work {
  explicit Work(Monitor watched) : monitor(std::move(watched)) {}
  void run();

  Monitor monitor;      // the thread's
  LiveFigures figures;  // the thread's
  std::mutex mutex;
  std::condition_variable changed;
  bool stopping = false, ended = false;
  std::shared_ptr<const SystemSample> latest;  // shared with the page, which keeps the last one
};

LiveView::LiveView(Monitor monitor) : work_(std::make_shared<Work>(std::move(monitor))) {
  std::thread([work = work_] {
    work->run();
    const std::lock_guard lock(work->mutex);
    work->ended = true;
    work->changed.notify_all();
  }).detach();
}

LiveView::~LiveView() {
  std::unique_lock lock(work_->mutex);
  work_->stopping = true;
  work_->changed.notify_all();
  work_->changed.wait_for(lock, kPatience, [this] { return work_->ended; });
}

std::shared_ptr<const SystemSample> LiveView::latest() {
  const std::lock_guard lock(work_->mutex);
  return work_->latest;
}

void LiveView::Work::run() {
  base::name_this_thread("live-view");
  sigset_t all;  // signals are the run's
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
  setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), kNiceness);
  auto due = std::chrono::steady_clock::now();
  for (bool first = true;; first = false) {
    monitor.sample_sessions();
    const auto rows = monitor.sample();
    std::unique_lock lock(mutex);
    if (stopping) return;  // nobody looks any more, and the process may be at its end
    lock.unlock();
    auto sample = std::make_shared<const SystemSample>(figures.sample_of(rows, monitor.problems()));
    lock.lock();
    if (!first) latest = std::move(sample);  // the first has no rates: half of the figures would be missing
    due = std::max(due + kInterval, std::chrono::steady_clock::now());
    if (changed.wait_until(lock, due, [this] { return stopping; })) return;
  }
}

}  // namespace gauntlet::lab
