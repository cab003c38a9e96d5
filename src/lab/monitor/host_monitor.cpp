#include "lab/monitor/host_monitor.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <functional>
#include <iterator>
#include <sstream>

#include "lab/process/proc_file.hpp"

namespace gauntlet::lab {
namespace {

namespace fs = std::filesystem;

constexpr double kNanosecond = 1e-9;
constexpr std::uint64_t kSector = 512;  // of /proc/diskstats, whatever the device's own

double tick_s() {
  static const double seconds = 1.0 / static_cast<double>(::sysconf(_SC_CLK_TCK));
  return seconds;
}

/// The number after `name` in a file of "name value" or "name: value" lines; 0 when there is none.
std::uint64_t value_after(const std::string& text, const std::string& name) {
  std::size_t at = text.starts_with(name) ? 0 : text.find("\n" + name);
  if (at == std::string::npos) return 0;
  at += name.size() + (at == 0 && text.starts_with(name) ? 0 : 1);
  at = text.find_first_of("0123456789", at);
  return at == std::string::npos ? 0 : std::strtoull(text.c_str() + at, nullptr, 10);
}

/// Parent of each process.
std::map<pid_t, std::vector<pid_t>> children_by_parent() {
  std::map<pid_t, std::vector<pid_t>> children;
  for (const auto& name : names_in_proc("/proc")) {
    pid_t pid = 0;
    if (std::from_chars(name.data(), name.data() + name.size(), pid).ptr != name.data() + name.size()) continue;
    const std::string stat = read_proc_file(fs::path("/proc") / name / "stat");
    const auto after = stat.rfind(')');
    if (after == std::string::npos) continue;
    std::istringstream fields(stat.substr(after + 1));
    char state = 0;
    pid_t parent = 0;
    if (fields >> state >> parent) children[parent].push_back(pid);
  }
  return children;
}

/// How long the control group of a process was held back by its CPU quota; 0 where there is none to see. Version 1
/// and 2.
double throttled_s_of(pid_t pid) {
  std::istringstream lines(read_proc_file(fs::path("/proc") / std::to_string(pid) / "cgroup"));
  for (std::string line; std::getline(lines, line);) {
    const auto first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1), path = line.substr(second + 1);
    if (controllers.empty()) {
      for (const char* mount : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"})
        if (const auto text = read_proc_file(mount + path + "/cpu.stat"); text.find("throttled_usec") != std::string::npos)
          return static_cast<double>(value_after(text, "throttled_usec")) / 1e6;
    } else if (("," + controllers + ",").find(",cpu,") != std::string::npos) {  // not cpuacct or cpuset alone
      for (const std::string& mount : {"/sys/fs/cgroup/" + controllers, std::string("/sys/fs/cgroup/cpu")})
        if (const auto text = read_proc_file(mount + path + "/cpu.stat"); text.find("throttled_time") != std::string::npos)
          return static_cast<double>(value_after(text, "throttled_time")) * kNanosecond;
    }
  }
  return 0;
}

bool add_one_process(pid_t pid, ProcessCounters& sum) {
  const fs::path folder = fs::path("/proc") / std::to_string(pid);
  const std::string stat = read_proc_file(folder / "stat");
  const auto after = stat.rfind(')');
  if (after == std::string::npos) return false;
  std::istringstream words(stat.substr(after + 1));
  const std::vector<std::string> fields{std::istream_iterator<std::string>(words), {}};
  if (fields.size() < 22) return false;
  auto number = [&](std::size_t index) { return std::strtoull(fields[index].c_str(), nullptr, 10); };
  sum.processes += 1;
  sum.major_faults += number(9);
  // With reaped children (fields 13 and 14): a backend that ends between two samples is not lost.
  sum.user_s += static_cast<double>(number(11) + number(13)) * tick_s();
  sum.system_s += static_cast<double>(number(12) + number(14)) * tick_s();
  sum.threads += static_cast<int>(number(17));

  const std::string status = read_proc_file(folder / "status");
  auto kilobytes = [&](const char* name) { return value_after(status, name) * 1024; };
  sum.private_bytes += kilobytes("RssAnon:");
  sum.shared_bytes = std::max(sum.shared_bytes, kilobytes("RssFile:") + kilobytes("RssShmem:"));
  for (const auto& task : names_in_proc(folder / "task")) {
    std::istringstream schedule(read_proc_file(folder / "task" / task / "schedstat"));
    std::uint64_t ran = 0, waited = 0;
    if (schedule >> ran >> waited) sum.run_queue_delay_s += static_cast<double>(waited) * kNanosecond;
  }
  sum.voluntary_switches += value_after(status, "voluntary_ctxt_switches:");
  sum.involuntary_switches += value_after(status, "nonvoluntary_ctxt_switches:");
  const std::string io = read_proc_file(folder / "io");
  sum.read_bytes += value_after(io, "read_bytes:");
  sum.written_bytes += value_after(io, "write_bytes:");
  if (::access((folder / "fd").c_str(), R_OK | X_OK) != 0) sum.descriptors = -1;
  else if (sum.descriptors >= 0) sum.descriptors += static_cast<int>(names_in_proc(folder / "fd").size());
  return true;
}

double rate(std::uint64_t now, std::uint64_t before, double elapsed_s) {
  return now < before ? 0 : static_cast<double>(now - before) / elapsed_s;
}
double rate(double now, double before, double elapsed_s) { return std::max(0.0, now - before) / elapsed_s; }

Cell count(std::uint64_t value) { return static_cast<std::int64_t>(value); }

void add_pressure(const char* resource, std::vector<std::pair<const char*, Cell>>& values, const std::array<const char*, 2>& names) {
  const auto pressure = parse_pressure(read_proc_file(fs::path("/proc/pressure") / resource));
  values.emplace_back(names[0], pressure ? Cell(pressure->some_avg10) : Cell());
  values.emplace_back(names[1], pressure ? Cell(pressure->full_avg10) : Cell());
}

}  // namespace

std::optional<ProcessCounters> read_process(pid_t root) {
  ProcessCounters sum;
  if (!add_one_process(root, sum)) return std::nullopt;
  const auto children = children_by_parent();
  const std::function<void(pid_t)> add_children = [&](pid_t parent) {
    const auto found = children.find(parent);
    if (found == children.end()) return;
    for (const pid_t child : found->second) {
      add_one_process(child, sum);
      add_children(child);
    }
  };
  add_children(root);
  sum.throttled_s = throttled_s_of(root);
  return sum;
}

std::optional<Pressure> parse_pressure(const std::string& text) {
  Pressure pressure;
  double avg60 = 0, avg300 = 0;
  unsigned long long total_us = 0;
  const auto some = text.find("some ");
  if (some == std::string::npos || std::sscanf(text.c_str() + some, "some avg10=%lf avg60=%lf avg300=%lf total=%llu", &pressure.some_avg10,
                                               &avg60, &avg300, &total_us) != 4)
    return std::nullopt;
  pressure.some_total_s = static_cast<double>(total_us) / 1e6;
  if (const auto full = text.find("full "); full != std::string::npos)
    std::sscanf(text.c_str() + full, "full avg10=%lf", &pressure.full_avg10);
  return pressure;
}

double idle_cpu_s() {
  std::istringstream cpu(read_proc_file("/proc/stat"));
  std::string word;
  double user = 0, nice = 0, system = 0, idle = 0, iowait = 0;
  cpu >> word >> user >> nice >> system >> idle >> iowait;
  return (idle + iowait) * tick_s();
}

std::vector<Observation> HostMonitor::sample(double now_s, const std::vector<WatchedProcess>& processes,
                                             const std::vector<fs::path>& cgroups) {
  std::vector<Observation> rows;
  const double elapsed_s = last_s_ > 0 ? now_s - last_s_ : 0;
  last_s_ = now_s;
  for (const auto& process : processes) {
    const auto now = read_process(process.pid);
    if (!now) {
      processes_.erase(process.name);
      continue;
    }
    const auto before = processes_.find(process.name);
    if (elapsed_s > 0 && before != processes_.end() && before->second.first == process.pid) {
      const ProcessCounters& was = before->second.second;
      rows.push_back({"process",
                      {{"name", process.name},
                       {"pid", std::int64_t{process.pid}},
                       {"cpu_cores", rate(now->user_s + now->system_s, was.user_s + was.system_s, elapsed_s)},
                       {"cpu_system_cores", rate(now->system_s, was.system_s, elapsed_s)},
                       {"run_queue_delay_cores", rate(now->run_queue_delay_s, was.run_queue_delay_s, elapsed_s)},
                       {"resident_bytes", count(now->resident_bytes())},
                       {"processes", std::int64_t{now->processes}},
                       {"threads", std::int64_t{now->threads}},
                       {"descriptors", now->descriptors < 0 ? Cell() : Cell(std::int64_t{now->descriptors})},
                       {"voluntary_switches_per_s", rate(now->voluntary_switches, was.voluntary_switches, elapsed_s)},
                       {"involuntary_switches_per_s", rate(now->involuntary_switches, was.involuntary_switches, elapsed_s)},
                       {"read_bytes_per_s", rate(now->read_bytes, was.read_bytes, elapsed_s)},
                       {"written_bytes_per_s", rate(now->written_bytes, was.written_bytes, elapsed_s)},
                       {"major_faults_per_s", rate(now->major_faults, was.major_faults, elapsed_s)},
                       // A group's time adds up over its CPUs.
                       {"throttled_share", std::min(1.0, rate(now->throttled_s, was.throttled_s, elapsed_s))}}});
    }
    processes_[process.name] = {process.pid, *now};
  }
  add_host(elapsed_s, rows);
  add_disks(elapsed_s, rows);
  for (const auto& folder : cgroups) add_cgroup(folder, elapsed_s, rows);
  return rows;
}

void HostMonitor::add_host(double elapsed_s, std::vector<Observation>& rows) {
  std::istringstream cpu(read_proc_file("/proc/stat"));
  std::string word;
  double user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0;
  cpu >> word >> user >> nice >> system >> idle >> iowait >> irq >> softirq >> steal;
  const std::string netstat = read_proc_file("/proc/net/netstat");
  HostCounters now{
      (user + nice) * tick_s(), system * tick_s(), iowait * tick_s(), steal * tick_s(), idle * tick_s(), (irq + softirq) * tick_s(), 0, 0};
  // Two lines a protocol: names, then values in the same order.
  std::istringstream lines(netstat);
  for (std::string names, values; std::getline(lines, names) && std::getline(lines, values);) {
    std::istringstream name_words(names), value_words(values);
    for (std::string name, value; name_words >> name && value_words >> value;) {
      if (name == "ListenDrops") now.listen_drops = std::strtoull(value.c_str(), nullptr, 10);
      if (name == "TCPLostRetransmit") now.retransmitted = std::strtoull(value.c_str(), nullptr, 10);
    }
  }
  if (host_ && elapsed_s > 0) {
    const std::string memory = read_proc_file("/proc/meminfo");
    const std::string sockets = read_proc_file("/proc/net/sockstat");
    int established = 0, waiting = 0;
    if (const auto at = sockets.find("TCP: inuse "); at != std::string::npos)
      std::sscanf(sockets.c_str() + at, "TCP: inuse %d orphan %*d tw %d", &established, &waiting);
    const double load = std::strtod(read_proc_file("/proc/loadavg").c_str(), nullptr);
    std::vector<std::pair<const char*, Cell>> values{
        {"cpu_user_cores", rate(now.user_s, host_->user_s, elapsed_s)},
        {"cpu_system_cores", rate(now.system_s, host_->system_s, elapsed_s)},
        {"cpu_softirq_cores", rate(now.softirq_s, host_->softirq_s, elapsed_s)},
        {"cpu_iowait_cores", rate(now.iowait_s, host_->iowait_s, elapsed_s)},
        {"cpu_steal_cores", rate(now.steal_s, host_->steal_s, elapsed_s)},
        {"cpu_idle_cores", rate(now.idle_s, host_->idle_s, elapsed_s)},
        {"load1", load},
        {"memory_available_bytes", count(value_after(memory, "MemAvailable:") * 1024)},
        {"memory_total_bytes", count(value_after(memory, "MemTotal:") * 1024)},
        {"swap_used_bytes", count((value_after(memory, "SwapTotal:") - value_after(memory, "SwapFree:")) * 1024)},
        {"tcp_in_use", std::int64_t{established}},
        {"tcp_time_wait", std::int64_t{waiting}},
        {"listen_drops_per_s", rate(now.listen_drops, host_->listen_drops, elapsed_s)},
        {"lost_retransmits_per_s", rate(now.retransmitted, host_->retransmitted, elapsed_s)}};
    add_pressure("cpu", values, {"pressure_cpu_some", "pressure_cpu_full"});
    add_pressure("memory", values, {"pressure_memory_some", "pressure_memory_full"});
    add_pressure("io", values, {"pressure_io_some", "pressure_io_full"});
    rows.push_back({"host", std::move(values)});
  }
  host_ = now;
}

void HostMonitor::add_disks(double elapsed_s, std::vector<Observation>& rows) {
  std::istringstream lines(read_proc_file("/proc/diskstats"));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::uint64_t major = 0, minor = 0, merged = 0, ms = 0, in_flight = 0;
    std::string name;
    DiskCounters now;
    if (!(fields >> major >> minor >> name >> now.reads >> merged >> now.read_bytes >> ms >> now.writes >> merged >> now.written_bytes >>
          ms >> in_flight >> now.busy_ms))
      continue;
    std::error_code error;
    // Whole devices only; loop devices and RAM disks are files and memory.
    if (name.starts_with("loop") || name.starts_with("ram") || !fs::exists("/sys/block/" + name, error)) continue;
    now.read_bytes *= kSector;
    now.written_bytes *= kSector;
    const auto before = disks_.find(name);
    if (before != disks_.end() && elapsed_s > 0 && now.reads + now.writes > 0) {
      const DiskCounters& was = before->second;
      rows.push_back({"disk",
                      {{"device", name},
                       {"busy_share", rate(now.busy_ms, was.busy_ms, elapsed_s) / 1000},
                       {"reads_per_s", rate(now.reads, was.reads, elapsed_s)},
                       {"writes_per_s", rate(now.writes, was.writes, elapsed_s)},
                       {"read_bytes_per_s", rate(now.read_bytes, was.read_bytes, elapsed_s)},
                       {"written_bytes_per_s", rate(now.written_bytes, was.written_bytes, elapsed_s)}}});
    }
    disks_[name] = now;
  }
}

void HostMonitor::add_cgroup(const fs::path& folder, double elapsed_s, std::vector<Observation>& rows) {
  const std::string cpu = read_proc_file(folder / "cpu.stat");
  if (cpu.empty()) return;
  const double throttled_s = static_cast<double>(value_after(cpu, "throttled_usec")) / 1e6;
  const double used_s = static_cast<double>(value_after(cpu, "usage_usec")) / 1e6;
  const auto before = cgroups_.find(folder.string());
  if (before != cgroups_.end() && elapsed_s > 0) {
    const std::string limit = read_proc_file(folder / "memory.max");
    rows.push_back(
        {"cgroup",
         {{"name", folder.filename().string()},
          {"cpu_cores", rate(used_s, before->second.second, elapsed_s)},
          {"throttled_share", rate(throttled_s, before->second.first, elapsed_s)},
          {"memory_bytes", count(std::strtoull(read_proc_file(folder / "memory.current").c_str(), nullptr, 10))},
          {"memory_limit_bytes", limit.starts_with("max") || limit.empty() ? Cell() : count(std::strtoull(limit.c_str(), nullptr, 10))},
          {"oom_kills", count(value_after(read_proc_file(folder / "memory.events"), "oom_kill"))}}});
  }
  cgroups_[folder.string()] = {throttled_s, used_s};
}

}  // namespace gauntlet::lab
