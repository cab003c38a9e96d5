#pragma once
// What a run's monitors and its result file say, condensed to the figures that a verdict rests on.
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "base/error.hpp"
#include "lab/trial/trial.hpp"

namespace gauntlet::lab {

/// Means over the run without its first fifth, unless a name says otherwise.
struct ProcessEvidence {
  double cpu_cores = 0;
  double run_queue_delay_cores = 0;  // runnable without a CPU
  double throttled_share = 0;        // of the time, by a CPU quota
  double resident_bytes_max = 0;
  double resident_growth = 0;  // last fifth over the first measured fifth, minus 1
  double major_faults_per_s = 0;
  double involuntary_switches_per_s = 0;
};

struct RouteEvidence {
  double per_s = 0;
  double mean_ms = 0;
};

struct Evidence {
  double cores = 0;  // of the machine
  double seconds = 0;
  std::map<std::string, ProcessEvidence> processes;  // by the stack's names, and "generator"
  double idle_cores = 0, iowait_cores = 0, steal_cores = 0;
  double strangers_cores = 0;                                     // used by programs that are not part of the test
  double pressure_cpu = 0, pressure_memory = 0, pressure_io = 0;  // percent of the time that some task waited
  double memory_available_share = 1;
  double clock_step_s = 0;  // the largest jump of the calendar's clock, either way
  double listen_drops_per_s = 0, lost_retransmits_per_s = 0;
  double disk_busy_share = 0;     // of the busiest disk
  double memory_limit_share = 0;  // of the fullest control group
  double oom_kills = 0;

  double active_sessions = 0;
  std::map<std::pair<std::string, std::string>, double> waits;  // mean active sessions by wait type and event
  double connections = 0, max_connections = 0, waiting_for_lock = 0, idle_in_transaction = 0, oldest_transaction_s = 0;
  std::map<std::string, std::pair<double, double>> clients;  // application: connections, busy ones
  double commits_per_s = 0, cache_hit_share = 1, wal_bytes_per_s = 0, hot_share = 1;
  std::string top_statement;
  double top_statement_ms = 0;  // mean

  std::map<std::string, RouteEvidence> routes;  // of challenge-service, by route
  double flush_ms = 0, flush_wait_ms = 0, flush_events = 0, buffer_size = 0;
  double refused_per_s = 0;         // events that a full queue turned away
  std::optional<double> server_ms;  // mean time in the service, over all its requests

  Trial trial;       // of the result file
  bool held = true;  // thresholds held and the load was applied

  /// Of the time that the client measured, what the servers account for: requests in the service, events waiting and
  /// being flushed in the handler. At most 1; nothing where a part of it is not known.
  std::optional<double> server_share() const;
  double wait_share(const std::string& type, const std::string& event = "") const;  // of the active sessions, 0 to 1
  double process_cores(const std::string& name) const;
};

/// From RESULT.json and RESULT.monitor/ beside it. not_found names the part that is missing; without a recording there
/// is no evidence of the system.
base::Expected<Evidence> read_evidence(const std::filesystem::path& result);

}  // namespace gauntlet::lab
