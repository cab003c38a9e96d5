#include "lab/monitor/monitor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "base/duration.hpp"
#include "lab/monitor/metrics_page.hpp"
#include "lab/monitor/redis_info.hpp"
#include "lab/process/process.hpp"

namespace gauntlet::lab {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kSessionsEvery{100};
constexpr std::chrono::milliseconds kPageTimeout{1000};

Cell value_of(const Observation& row, std::string_view name) {
  for (const auto& [key, value] : row.values)
    if (name == key) return value;
  return {};
}

/// Histograms' buckets are most of a page and can be had from it at any time; sums and counts tell the means.
bool is_kept(const MetricSample& sample) { return !sample.name.ends_with("_bucket"); }

}  // namespace

base::Expected<Monitor> Monitor::open(std::function<base::Expected<Target>()> find_target) {
  Monitor monitor;
  auto target = TRY(find_target());
  monitor.target_ = std::move(target);
  monitor.find_target_ = std::move(find_target);
  if (monitor.target_.database) monitor.database_.emplace(*monitor.target_.database);
  return monitor;
}

void Monitor::refresh_target() {
  const bool all_there =
      std::all_of(target_.processes.begin(), target_.processes.end(), [](const auto& p) { return identify(p.pid).has_value(); });
  if (all_there) return;
  auto target = find_target_();
  if (!target) {
    problems_.push_back(target.error().message);
    return;
  }
  target_ = std::move(*target);
}

void Monitor::sample_sessions() {
  if (!database_) return;
  if (auto done = database_->sample_sessions(); !done) sessions_problem_ = done.error();
}

std::vector<Observation> Monitor::sample() {
  const double now_s = base::seconds_of(Clock::now().time_since_epoch());
  const double ahead_s = base::unix_now_s() - now_s;
  problems_.clear();
  refresh_target();
  // A generator comes and goes by itself; the oldest run of this program is the one that makes the load. A run that
  // watches names itself: under one name twice, the second would be measured from the first.
  auto processes = target_.processes;
  if (std::none_of(processes.begin(), processes.end(), [](const auto& p) { return p.name == "generator"; }))
    if (const auto runs = find_runs_of_this_program("run"); !runs.empty()) processes.push_back({"generator", runs.front().pid});
  auto rows = host_.sample(now_s, processes, target_.cgroups);
  if (calendar_ahead_s_) rows.push_back({"clock", {{"step_s", ahead_s - *calendar_ahead_s_}}});
  calendar_ahead_s_ = ahead_s;
  if (database_) {
    auto seen = database_->sample(now_s);
    if (seen) std::move(seen->begin(), seen->end(), std::back_inserter(rows));
    else problems_.push_back("database: " + seen.error().message);
    if (sessions_problem_ && seen) problems_.push_back("database sessions: " + sessions_problem_->message);
    sessions_problem_.reset();
  }
  add_redis(rows);
  add_metrics(rows);
  return rows;
}

void Monitor::add_redis(std::vector<Observation>& rows) {
  if (!target_.redis) return;
  const auto info = redis_info(*target_.redis);
  if (!info) {
    problems_.push_back(info.error().message);
    return;
  }
  auto number = [&](const char* name) {
    const auto found = info->find(name);
    return found == info->end() ? Cell() : Cell(std::strtod(found->second.c_str(), nullptr));
  };
  rows.push_back({"redis",
                  {{"connected_clients", number("connected_clients")},
                   {"blocked_clients", number("blocked_clients")},
                   {"operations_per_s", number("instantaneous_ops_per_sec")},
                   {"used_memory_bytes", number("used_memory")},
                   {"hits", number("keyspace_hits")},
                   {"misses", number("keyspace_misses")},
                   {"evicted_keys", number("evicted_keys")},
                   {"rejected_connections", number("rejected_connections")}}});
}

void Monitor::add_metrics(std::vector<Observation>& rows) {
  for (const auto& page : target_.metrics) {
    const auto text = http_.body_of({.url = page.url, .headers = {}, .post = {}, .timeout = kPageTimeout});
    if (!text) {
      problems_.push_back(text.error().message);
      continue;
    }
    for (auto& sample : parse_metrics_page(*text))
      if (is_kept(sample))
        rows.push_back(
            {"metric",
             {{"server", page.name}, {"name", std::move(sample.name)}, {"labels", std::move(sample.labels)}, {"value", sample.value}}});
  }
}

base::Expected<void> watch(Monitor& monitor, const WatchOptions& options, const std::function<bool()>& stop,
                           const std::function<void(const std::vector<Observation>&)>& show) {
  std::optional<Recording> recording;
  if (options.folder) {
    auto made = TRY(Recording::create(*options.folder));
    recording = std::move(made);
  }
  const auto begun = Clock::now();
  auto next_sample = begun;
  auto next_sessions = begun;
  for (;;) {
    const auto now = Clock::now();
    const bool over = stop() || (options.duration && now >= begun + *options.duration);
    if (now >= next_sample || over) {
      const double unix_s = base::unix_now_s();
      const auto rows = monitor.sample();
      if (recording)
        if (auto added = recording->add(unix_s, rows); !added) return added;
      show(rows);
      while (next_sample <= now) next_sample += options.interval;  // a late sample does not make the next ones bunch
    }
    if (over) return {};
    if (now >= next_sessions) {
      monitor.sample_sessions();
      while (next_sessions <= now) next_sessions += kSessionsEvery;
    }
    std::this_thread::sleep_until(std::min(next_sample, next_sessions));
  }
}

std::string describe(const std::vector<Observation>& rows) {
  std::string out;
  auto part = [&](const std::string& text) { out += (out.empty() ? "" : " | ") + text; };
  for (const auto& row : rows) {
    auto number = [&](const char* name) { return to_number(value_of(row, name)); };
    if (row.table == "process") {
      std::string name = to_text(value_of(row, "name"));
      if (name.starts_with("challenge-")) name.erase(0, 10);
      part(fmt::format("{} {:.2f} cores {:.0f} MB", name, number("cpu_cores"), number("resident_bytes") / 1e6));
    } else if (row.table == "host") {
      part(fmt::format("host idle {:.2f} cores", number("cpu_idle_cores")));
    } else if (row.table == "pg_activity") {
      part(fmt::format("sessions {:.0f} active {:.0f} idle", number("active"), number("idle")));
    } else if (row.table == "pg_database") {
      part(fmt::format("{:.0f} commits/s hit {:.1f} %", number("commits_per_s"), number("cache_hit_share") * 100));
    } else if (row.table == "pg_wal") {
      part(fmt::format("WAL {:.1f} MB/s", number("bytes_per_s") / 1e6));
    }
  }
  return out;
}

}  // namespace gauntlet::lab
