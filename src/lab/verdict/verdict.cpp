#include "lab/verdict/verdict.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/json_document.hpp"
#include "lab/stack/component.hpp"

namespace gauntlet::lab {
namespace {

// Below this a suspicion is none; the verdict must be this strong, and so far ahead of the next.
constexpr double kNoticed = 0.2;
constexpr double kStrong = 0.6;
constexpr double kAhead = 0.15;

/// 0 at `from` and below, 1 at `to` and above.
double ramp(double value, double from, double to) { return std::clamp((value - from) / (to - from), 0.0, 1.0); }

/// How much of a reason it is that the hypervisor takes CPU away, which the machine then counts as busy.
double stolen_share(const Evidence& e) { return ramp(e.steal_cores / std::max(1.0, e.cores), 0.05, 0.2); }

/// The CPU of one process: a quota that throttles it, one thread's worth where it cannot use more, or the largest part
/// of a machine that has nothing left.
Suspicion cpu_of(Bottleneck bottleneck, const char* name, const Evidence& e) {
  Suspicion s{bottleneck, 0, {}, {}};
  const auto found = e.processes.find(name);
  if (found == e.processes.end()) return s;
  const ProcessEvidence& p = found->second;
  // A process that is throttled for a moment now and then is not limited by it.
  const double throttled = ramp(p.throttled_share, 0.1, 0.4);
  if (throttled > 0)
    s.evidence.push_back(fmt::format("{} was held back by its CPU quota for {:.0f} % of the time while it used {:.2f} cores", name,
                                     p.throttled_share * 100, p.cpu_cores));
  const double busy = e.cores > 0 ? (e.cores - e.idle_cores - e.iowait_cores) / e.cores : 0;
  double all = 0, largest_other = 0;
  for (const auto& [other, use] : e.processes) {
    all += use.cpu_cores;
    if (other != name) largest_other = std::max(largest_other, use.cpu_cores);
  }
  double saturated = 0;
  if (all > 0 && p.cpu_cores > largest_other)
    saturated = ramp(busy, 0.85, 0.97) * ramp(p.cpu_cores / std::max(all, 1e-9), 0.3, 0.5) * ramp(p.cpu_cores / e.cores, 0.25, 0.4) *
                (1 - stolen_share(e));
  if (saturated > 0)
    s.evidence.push_back(
        fmt::format("the machine was {:.0f} % busy, and {} used most of it: {:.2f} of {:.0f} cores; it waited {:.2f} s "
                    "each second for a CPU",
                    busy * 100, name, p.cpu_cores, e.cores, p.run_queue_delay_cores));
  s.strength = std::max(throttled, 0.9 * saturated);
  if (s.strength > 0) {
    if (throttled > 0)
      s.advice.push_back(fmt::format("raise the CPU limit of {} (docker-compose.yml, gauntlet up without --limits)", name));
    if (bottleneck == Bottleneck::service_cpu) {
      s.advice.push_back("let clients ask with If-None-Match and Accept-Encoding: answers then cost less");
      s.advice.push_back("add a replica of challenge-service behind a balancer: it keeps no state");
    } else if (bottleneck == Bottleneck::handler_cpu) {
      s.advice.push_back("add a replica of challenge-event-handler: players are spread over replicas, arithmetic is in the database");
    } else {
      s.advice.push_back(fmt::format("look at the statement that takes most time ({:.2f} ms each): {}", e.top_statement_ms,
                                     e.top_statement.substr(0, 120)));
      s.advice.push_back("give PostgreSQL more cores, or a machine of its own");
    }
  }
  return s;
}

Suspicion database_io(const Evidence& e) {
  Suspicion s{Bottleneck::database_io, 0, {}, {}};
  // Those who wait for somebody else's flush of the log wait for the disk, too.
  const double log = e.wait_share("IO", "WALSync") + e.wait_share("IO", "WALWrite") + e.wait_share("LWLock", "WALWrite") +
                     e.wait_share("IO", "WALInitSync");
  const double data = e.wait_share("IO", "DataFileRead") + e.wait_share("IO", "DataFileWrite") + e.wait_share("IO", "DataFileExtend") +
                      e.wait_share("IO", "DataFileImmediateSync");
  // Waiting for the disk is how a commit spends its time anyway, and one session after the other always does. It is a
  // limit when sessions do little else and queue for it, or when each wait is a long one.
  const double queue = ramp(e.active_sessions, 1.5, 3);
  const double log_ms = e.commits_per_s > 0 ? log * e.active_sessions / e.commits_per_s * 1000 : 0;
  s.strength = ramp(log + data, 0.4, 0.75) * std::max(queue, ramp(log_ms, 8, 20));
  if (s.strength <= 0) return s;
  if (log > data) {
    s.evidence.push_back(
        fmt::format("of {:.1f} active database sessions {:.0f} % waited for the write-ahead log to reach the disk, "
                    "{:.1f} ms a commit ({:.0f} commits/s, {:.1f} MB of log/s)",
                    e.active_sessions, log * 100, log_ms, e.commits_per_s, e.wal_bytes_per_s / 1e6));
    if (e.flush_ms > 0) s.evidence.push_back(fmt::format("a flush of {:.0f} events took {:.1f} ms", e.flush_events, e.flush_ms));
    s.advice = {"put PostgreSQL's data (pg_wal above all) on a disk with a faster fsync",
                "let commits share flushes: commit_delay, or larger event batches (EVENT_MAX_BATCH)"};
  } else {
    s.evidence.push_back(
        fmt::format("of {:.1f} active database sessions {:.0f} % waited for data files; {:.2f} % of blocks came from memory",
                    e.active_sessions, data * 100, e.cache_hit_share * 100));
    s.advice = {"raise shared_buffers (POSTGRES_SHARED_BUFFERS in .env) or the machine's memory",
                "look at sequential scans: gauntlet exec-sql -f test/scripts/analyze_db_performance.sql"};
  }
  return s;
}

Suspicion locks(const Evidence& e) {
  Suspicion s{Bottleneck::locks, 0, {}, {}};
  const double share = e.wait_share("Lock");
  s.strength = std::max(ramp(share, 0.25, 0.6) * ramp(e.active_sessions, 0.3, 0.9), ramp(e.waiting_for_lock, 0.5, 2));
  if (s.strength <= 0) return s;
  s.evidence.push_back(fmt::format("{:.0f} % of {:.1f} active database sessions waited for a lock; {:.1f} of them at any time", share * 100,
                                   e.active_sessions, e.waiting_for_lock));
  if (e.oldest_transaction_s > 1)
    s.evidence.push_back(fmt::format("the oldest transaction was open for {:.1f} s; {:.1f} sessions were idle in a transaction",
                                     e.oldest_transaction_s, e.idle_in_transaction));
  s.advice = {
      "find who holds it: SELECT pid, pg_blocking_pids(pid), query FROM pg_stat_activity WHERE wait_event_type = "
      "'Lock'",
      "end transactions sooner; set idle_in_transaction_session_timeout"};
  return s;
}

Suspicion connection_pool(const Evidence& e) {
  Suspicion s{Bottleneck::connection_pool, 0, {}, {}};
  const double idle = ramp(e.idle_cores / std::max(1.0, e.cores), 0.1, 0.3);  // a full pool before an idle machine
  const double elsewhere = ramp(e.wait_share("Lock") + e.wait_share("IO") + e.wait_share("LWLock"), 0.3, 0.6);
  for (const auto& [application, sessions] : e.clients) {
    const auto& [connections, busy] = sessions;
    if (connections < 0.5 || !application.starts_with("challenge-")) continue;
    const double strength = ramp(busy / connections, 0.7, 0.9) * idle * (1 - elsewhere);
    if (strength <= s.strength) continue;
    s.strength = strength;
    s.evidence = {fmt::format("{} had {:.1f} connections and {:.1f} of them busy, while {:.1f} of {:.0f} cores were idle", application,
                              connections, busy, e.idle_cores, e.cores)};
    s.advice = {fmt::format("raise DB_MAX_OPEN_CONNS of {} in .env", application)};
  }
  if (e.max_connections > 0 && e.connections > 0.95 * e.max_connections) {
    s.strength = std::max(s.strength, 0.8);
    s.evidence.push_back(fmt::format("{:.0f} of the server's {:.0f} connections were taken", e.connections, e.max_connections));
    s.advice.push_back("raise POSTGRES_MAX_CONNECTIONS in .env, or put a pooler in front");
  }
  return s;
}

Suspicion memory(const Evidence& e) {
  Suspicion s{Bottleneck::memory, 0, {}, {}};
  const double stalled = ramp(e.pressure_memory, 5, 25);
  const double full = e.oom_kills > 0 ? 1 : ramp(e.memory_limit_share, 0.97, 1) * ramp(e.pressure_memory, 0.5, 5);
  double faults = 0;
  for (const auto& [name, p] : e.processes) faults = std::max(faults, p.major_faults_per_s);
  s.strength = std::max({stalled, full, ramp(faults, 50, 500)});
  if (s.strength <= 0) return s;
  s.evidence.push_back(
      fmt::format("tasks waited for memory for {:.0f} % of the time; {:.0f} % of the machine's was available; the "
                  "fullest limit was {:.0f} % used",
                  e.pressure_memory, e.memory_available_share * 100, e.memory_limit_share * 100));
  if (faults > 1) s.evidence.push_back(fmt::format("up to {:.0f} pages a second came back from disk", faults));
  if (e.oom_kills > 0) s.evidence.push_back(fmt::format("the kernel killed {:.0f} processes for want of memory", e.oom_kills));
  for (const auto& [name, p] : e.processes)
    if (p.resident_growth > 0.2)
      s.evidence.push_back(
          fmt::format("{} grew by {:.0f} % during the run, to {:.0f} MB", name, p.resident_growth * 100, p.resident_bytes_max / 1e6));
  s.advice = {"raise the memory limit of the part that is full", "lower POSTGRES_SHARED_BUFFERS where the machine is too small for it"};
  return s;
}

Suspicion network(const Evidence& e) {
  Suspicion s{Bottleneck::network, 0, {}, {}};
  s.strength = 0.9 * ramp(e.lost_retransmits_per_s, 5, 50);
  if (s.strength <= 0) return s;
  s.evidence.push_back(fmt::format("{:.0f} TCP segments a second had to be sent more than twice", e.lost_retransmits_per_s));
  s.advice = {"look at the path between generator and system: drops on interfaces, a tunnel, a balancer"};
  return s;
}

/// Iterations that start late are the generator's doing: a slow system makes it run out of virtual users instead.
bool generator_was_late(const Evidence& e) { return !e.held && e.trial.generator.machine_was_the_limit() && e.trial.thresholds_held(); }

bool was_behind(const engine::results::AgentResult& agent) {
  using engine::results::GeneratorHealth;
  return agent.cpu_share > GeneratorHealth::kBusyShare || agent.slip_p99_ms > GeneratorHealth::kLateMs;
}

Suspicion generator(const Evidence& e) {
  Suspicion s{Bottleneck::generator, 0, {}, {}};
  if (const auto verdict = generator_verdict(e.trial); !verdict.kept_up() && !e.held) {
    s.strength = 0.95;
    s.evidence.push_back(verdict.words);
  } else if (generator_was_late(e)) {
    s.strength = 0.9;
    s.evidence.push_back(e.trial.generator.words + ", and every threshold held");
  }
  const auto found = e.processes.find("generator");
  if (found != e.processes.end()) {
    const ProcessEvidence& p = found->second;
    // What the client measured and the servers did not see was spent in the generator, when the generator waited for a
    // CPU.
    const double server_share = e.server_share().value_or(1);
    const double unseen = ramp(1 - server_share, 0.5, 0.8);
    const double starved = std::max(ramp(p.throttled_share, 0.1, 0.4),
                                    ramp(p.run_queue_delay_cores, 0.3, 1) * ramp(1 - e.idle_cores / std::max(1.0, e.cores), 0.85, 0.97));
    const double strength = 0.9 * starved * unseen;
    if (strength > 0.1)
      s.evidence.push_back(
          fmt::format("the generator used {:.2f} cores and waited {:.2f} s each second for a CPU (throttled {:.0f} %); of the "
                      "{:.1f} ms that it saw the servers account for {:.0f} %",
                      p.cpu_cores, p.run_queue_delay_cores, p.throttled_share * 100, e.trial.mean_service_s * 1000, server_share * 100));
    if (strength > 0.1 && e.strangers_cores > 0.2)
      s.evidence.push_back(fmt::format("programs that are not part of the test used {:.1f} of {:.0f} cores", e.strangers_cores, e.cores));
    s.strength = std::max(s.strength, strength);
  }
  if (s.strength <= 0) return s;
  s.advice = {"run the generator on a machine of its own, or on several (run --agent)",
              "lower the load: figures of this run say nothing about the system"};
  for (const auto& agent : e.trial.agents) {
    if (!was_behind(agent)) continue;
    s.where += (s.where.empty() ? "" : ", ") + agent.name;
    s.evidence.push_back(
        fmt::format("{} used {:.0f} % of its {} cores, and its starts were up to {:.0f} ms late (p99), with {:.0f} % of the load",
                    agent.name, agent.cpu_share * 100, agent.cores, agent.slip_p99_ms, agent.share * 100));
  }
  const auto elsewhere = [&](const auto& agent) { return agent.host != e.trial.agents.front().host; };
  const bool on_machines = std::any_of(e.trial.agents.begin(), e.trial.agents.end(), elsewhere);  // and not processes of one
  if (!s.where.empty() && on_machines)
    s.advice.front() = fmt::format("give {} a smaller weight (--fleet), or the fleet one more machine", s.where);
  return s;
}

Suspicion external_dependency(const Evidence& e) {
  Suspicion s{Bottleneck::external_dependency, 0, {}, {}};
  double others_sum = 0, others_count = 0;
  std::string slow;
  double slow_ms = 0;
  for (const auto& [route, seen] : e.routes) {
    const bool grants = route.find("claim") != std::string::npos;
    if (grants && seen.mean_ms > slow_ms) slow = route, slow_ms = seen.mean_ms;
    if (!grants) others_sum += seen.mean_ms * seen.per_s, others_count += seen.per_s;
  }
  if (slow.empty() || others_count <= 0) return s;
  const double others_ms = others_sum / others_count;
  // Claims alone call the platform: slow claims beside quick reads are its time, unless the database makes them wait.
  const double database = ramp(e.wait_share("Lock") + e.wait_share("IO"), 0.5, 0.8) * ramp(e.active_sessions, 0.5, 1.5);
  s.strength = ramp(slow_ms, 100, 500) * ramp(slow_ms / std::max(others_ms, 0.1), 5, 15) * (1 - database);
  if (s.strength <= 0) return s;
  s.evidence.push_back(fmt::format("{} took {:.0f} ms on average, all other routes {:.1f} ms: only claims wait for the platform's grant",
                                   slow, slow_ms, others_ms));
  s.advice = {"look at the platform (AGS): its latency and rate limits; MOCK_AGS_LATENCY_* where the mock stands for it",
              "claims wait without using CPU: raise the number of requests that may wait at once"};
  return s;
}

Suspicion queue_limit(const Evidence& e) {
  Suspicion s{Bottleneck::queue_limit, 0, {}, {}};
  const double refused = ramp(e.refused_per_s, 0.5, 10);
  const double dropped = ramp(e.listen_drops_per_s, 0.5, 10);
  s.strength = 0.9 * std::max(refused, dropped);
  if (refused > 0) {
    s.evidence.push_back(
        fmt::format("{:.0f} events a second were refused because EVENT_MAX_WAITING events were waiting already; a "
                    "flush took {:.1f} ms",
                    e.refused_per_s, e.flush_ms));
    s.advice.push_back("find out why flushes are slow first; EVENT_MAX_WAITING only makes the queue longer");
  }
  if (dropped > 0) {
    s.evidence.push_back(fmt::format("{:.0f} connections a second were dropped because a listener's queue was full", e.listen_drops_per_s));
    s.advice.push_back("raise net.core.somaxconn, and keep connections alive");
  }
  return s;
}

Suspicion stolen_cpu(const Evidence& e) {
  Suspicion s{Bottleneck::stolen_cpu, 0, {}, {}};
  // What is taken matters where the machine would have used it.
  s.strength = 0.95 * stolen_share(e) * ramp(1 - e.idle_cores / std::max(1.0, e.cores), 0.7, 0.95);
  if (s.strength <= 0) return s;
  s.evidence.push_back(fmt::format("the hypervisor gave {:.2f} of {:.0f} cores to other machines (steal), and {:.2f} were idle",
                                   e.steal_cores, e.cores, e.idle_cores));
  s.advice = {"measure on a machine, or an instance type, whose cores are its own",
              "repeat it at another time: figures of this run are the neighbours' as well"};
  return s;
}

/// Not a limit of the system, but a reason for wrong figures: ages of events, expiry of tokens, timestamps of rows.
/// Weaker than any part that shows a limit of its own.
Suspicion clock_step(const Evidence& e) {
  Suspicion s{Bottleneck::clock, 0.7 * ramp(e.clock_step_s, 0.05, 0.5), {}, {}};
  if (s.strength <= 0) return s;
  s.evidence.push_back(
      fmt::format("the machine's calendar clock jumped by {:.2f} s during the run: what compares times of day (ages of events, expiry of "
                  "tokens) is wrong by as much",
                  e.clock_step_s));
  s.advice = {"let NTP slew the clock instead of stepping it (chrony: makestep only at the start), then repeat the run"};
  return s;
}

/// What waits inside the servers cannot be what hurts where they account for little of the time that clients wait, nor
/// what kept the load from being made where the generator was late.
Suspicion inside_servers(Suspicion suspicion, const Evidence& e) {
  suspicion.strength *= ramp(e.server_share().value_or(1), 0.1, 0.35);
  if (generator_was_late(e)) suspicion.strength *= 0.5;
  return suspicion;
}

std::vector<std::string> what_moved(const Evidence& bad, const Evidence& good) {
  struct Move {
    std::string name;
    double before, after;
    const char* unit;
  };
  std::vector<Move> moves;
  auto add = [&](const std::string& name, double before, double after, const char* unit, double least) {
    if (std::max(before, after) >= least) moves.push_back({name, before, after, unit});
  };
  for (const auto& [name, p] : bad.processes) {
    add(name + " CPU", good.process_cores(name), p.cpu_cores, "cores", 0.05);
    const auto was = good.processes.find(name);
    if (was != good.processes.end()) add(name + " wait for a CPU", was->second.run_queue_delay_cores, p.run_queue_delay_cores, "s/s", 0.05);
  }
  add("idle CPU", good.idle_cores, bad.idle_cores, "cores", 0.1);
  add("active database sessions", good.active_sessions, bad.active_sessions, "", 0.3);
  for (const auto& [wait, sessions] : bad.waits) {
    const auto was = good.waits.find(wait);
    add("sessions at " + wait.first + ":" + wait.second, was == good.waits.end() ? 0 : was->second, sessions, "", 0.2);
  }
  add("commits", good.commits_per_s, bad.commits_per_s, "/s", 5);
  add("flush time", good.flush_ms, bad.flush_ms, "ms", 1);
  add("service time seen by the client", good.trial.mean_service_s * 1000, bad.trial.mean_service_s * 1000, "ms", 1);
  add("throughput", good.trial.throughput_per_s, bad.trial.throughput_per_s, "/s", 1);
  auto size = [](const Move& m) { return std::abs(std::log((m.after + 1e-3) / (m.before + 1e-3))); };
  std::stable_sort(moves.begin(), moves.end(), [&](const Move& a, const Move& b) { return size(a) > size(b); });
  std::vector<std::string> out;
  for (const auto& m : moves) {
    if (out.size() == 8 || size(m) < 0.2) break;
    out.push_back(fmt::format("{}: {:.2f} to {:.2f}{}{}", m.name, m.before, m.after, *m.unit != '\0' && *m.unit != '/' ? " " : "", m.unit));
  }
  return out;
}

}  // namespace

const char* to_text(Bottleneck bottleneck) {
  switch (bottleneck) {
    case Bottleneck::service_cpu: return "service CPU";
    case Bottleneck::handler_cpu: return "handler CPU";
    case Bottleneck::database_cpu: return "database CPU";
    case Bottleneck::database_io: return "database I/O or fsync";
    case Bottleneck::locks: return "locks";
    case Bottleneck::connection_pool: return "connection pool";
    case Bottleneck::memory: return "memory pressure";
    case Bottleneck::network: return "network";
    case Bottleneck::generator: return "generator";
    case Bottleneck::external_dependency: return "external dependency (AGS)";
    case Bottleneck::queue_limit: return "a queue's limit";
    case Bottleneck::stolen_cpu: return "CPU taken by the hypervisor";
    case Bottleneck::clock: return "a step of the clock";
    case Bottleneck::unclear: break;
  }
  return "unclear";
}

Diagnosis judge(const Evidence& bad, const Evidence* good) {
  std::vector<Suspicion> suspicions{cpu_of(Bottleneck::service_cpu, kService, bad),
                                    cpu_of(Bottleneck::handler_cpu, kEventHandler, bad),
                                    cpu_of(Bottleneck::database_cpu, kPostgres, bad),
                                    inside_servers(database_io(bad), bad),
                                    inside_servers(locks(bad), bad),
                                    inside_servers(connection_pool(bad), bad),
                                    memory(bad),
                                    network(bad),
                                    generator(bad),
                                    external_dependency(bad),
                                    queue_limit(bad),
                                    stolen_cpu(bad),
                                    clock_step(bad)};
  std::erase_if(suspicions, [](const Suspicion& s) { return s.strength < kNoticed; });
  std::stable_sort(suspicions.begin(), suspicions.end(), [](const Suspicion& a, const Suspicion& b) { return a.strength > b.strength; });
  Diagnosis verdict;
  verdict.held = bad.held;
  if (good != nullptr) verdict.moved = what_moved(bad, *good);
  const double next = suspicions.size() > 1 ? suspicions[1].strength : 0;
  if (!suspicions.empty() && suspicions[0].strength >= kStrong && suspicions[0].strength >= next + kAhead) {
    verdict.cause = suspicions[0];
    suspicions.erase(suspicions.begin());
  } else {
    verdict.cause.evidence.push_back(suspicions.empty() ? "no part shows a limit that the monitors know"
                                                        : "several parts show signs, none clearly more than the others");
    verdict.cause.evidence.push_back(fmt::format("the machine had {:.2f} of {:.0f} cores idle; {:.1f} database sessions were active",
                                                 bad.idle_cores, bad.cores, bad.active_sessions));
    verdict.cause.advice = {"repeat the level for longer (--seconds 120), with nothing else on the machine",
                            "take profiles at it: gauntlet profile"};
  }
  verdict.others = std::move(suspicions);
  return verdict;
}

std::string to_text(const Diagnosis& verdict) {
  std::string out =
      fmt::format("{}: {}{}{}\n", verdict.held ? "Nearest to its limit" : "Bottleneck", to_text(verdict.cause.bottleneck),
                  verdict.cause.where.empty() ? "" : ": " + verdict.cause.where,
                  verdict.cause.bottleneck == Bottleneck::unclear ? "" : fmt::format(" (strength {:.2f} of 1)", verdict.cause.strength));
  if (verdict.held) out += "The level held: nothing was the limit yet.\n";
  auto list = [&](const char* title, const std::vector<std::string>& lines) {
    if (lines.empty()) return;
    out += fmt::format("\n{}\n", title);
    for (const auto& line : lines) out += "  - " + line + "\n";
  };
  list("Evidence", verdict.cause.evidence);
  list("What to change, the largest expected gain first", verdict.cause.advice);
  list("What moved between the last good level and this one", verdict.moved);
  std::vector<std::string> others;
  for (const auto& other : verdict.others)
    others.push_back(
        fmt::format("{} ({:.2f}): {}", to_text(other.bottleneck), other.strength, other.evidence.empty() ? "" : other.evidence[0]));
  list("Also seen", others);
  return out;
}

std::string to_json(const Diagnosis& verdict) {
  using nlohmann::json;
  auto one = [](const Suspicion& s) {
    return json{{"bottleneck", to_text(s.bottleneck)},
                {"where", s.where},
                {"strength", s.strength},
                {"evidence", s.evidence},
                {"advice", s.advice}};
  };
  json others = json::array();
  for (const auto& other : verdict.others) others.push_back(one(other));
  return base::json_text(json{{"held", verdict.held}, {"cause", one(verdict.cause)}, {"others", others}, {"moved", verdict.moved}}, 2) +
         "\n";
}

}  // namespace gauntlet::lab
