#pragma once
// The machine and its processes as /proc and the control groups show them.
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lab/record/recording.hpp"
#include "lab/target/target.hpp"

namespace gauntlet::lab {

/// Counters of one process with its living children since their start; sums over all of them.
struct ProcessCounters {
  int processes = 0;
  int threads = 0;
  int descriptors = 0;  // -1: not ours to see
  double user_s = 0;
  double system_s = 0;
  double run_queue_delay_s = 0;     // runnable, but waiting for a CPU (schedstat)
  std::uint64_t private_bytes = 0;  // resident, of this process alone
  std::uint64_t shared_bytes = 0;   // resident file and shared memory: the largest one's, since the others share it
  std::uint64_t voluntary_switches = 0;
  std::uint64_t involuntary_switches = 0;
  std::uint64_t read_bytes = 0;  // of block devices; 0 where not ours to see
  std::uint64_t written_bytes = 0;
  std::uint64_t major_faults = 0;
  double throttled_s = 0;  // the process's control group, all CPUs together, by its quota

  std::uint64_t resident_bytes() const { return private_bytes + shared_bytes; }
};

/// Nothing when the process is gone.
std::optional<ProcessCounters> read_process(pid_t pid);

/// "some avg10=0.12 avg60=..." of /proc/pressure or a control group, as shares of 100. Pure.
struct Pressure {
  double some_avg10 = 0;
  double full_avg10 = 0;
  double some_total_s = 0;
};
std::optional<Pressure> parse_pressure(const std::string& text);

/// CPU seconds, over all cores since boot, in which nobody had anything to do.
double idle_cpu_s();

/// Gives rates since its previous call, so that the first call gives none. One thread.
///
/// Tables: process (cpu_cores, run_queue_delay_cores, resident_bytes, threads, ...), host (CPU by kind in cores,
/// memory, pressure, sockets, listen drops), disk (busy share, bytes), cgroup (throttled share, memory).
class HostMonitor {
 public:
  std::vector<Observation> sample(double now_s, const std::vector<WatchedProcess>& processes,
                                  const std::vector<std::filesystem::path>& cgroups);

 private:
  struct HostCounters {
    double user_s = 0, system_s = 0, iowait_s = 0, steal_s = 0, idle_s = 0, softirq_s = 0;
    std::uint64_t listen_drops = 0, retransmitted = 0;
  };
  struct DiskCounters {
    std::uint64_t reads = 0, writes = 0, read_bytes = 0, written_bytes = 0, busy_ms = 0;
  };
  void add_host(double elapsed_s, std::vector<Observation>& rows);
  void add_disks(double elapsed_s, std::vector<Observation>& rows);
  void add_cgroup(const std::filesystem::path& folder, double elapsed_s, std::vector<Observation>& rows);

  double last_s_ = 0;
  std::map<std::string, std::pair<pid_t, ProcessCounters>> processes_;
  std::optional<HostCounters> host_;
  std::map<std::string, DiskCounters> disks_;
  std::map<std::string, std::pair<double, double>> cgroups_;  // throttled and used CPU seconds
};

}  // namespace gauntlet::lab
