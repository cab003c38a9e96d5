#include "lab/monitor/process_table.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <thread>

#include "base/duration.hpp"
#include "lab/monitor/host_monitor.hpp"

namespace gauntlet::lab {

std::string binary_size(std::uint64_t bytes) {
  static constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < std::size(kUnits)) value /= 1024, ++unit;
  std::string digits = fmt::format("{:.4g}", value);
  return digits + kUnits[unit];
}

std::string process_table(const std::vector<WatchedProcess>& processes, const std::function<std::uint64_t(const std::string&)>& limit_of,
                          std::chrono::milliseconds period) {
  using Clock = std::chrono::steady_clock;
  std::vector<std::pair<std::optional<ProcessCounters>, Clock::time_point>> before;
  for (const auto& process : processes) before.emplace_back(read_process(process.pid), Clock::now());
  std::this_thread::sleep_for(period);
  const auto machine = static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  std::string out = fmt::format("{:<24}{:<10}{:<24}{:<9}{:<22}{}\n", "NAME", "CPU %", "MEM USAGE / LIMIT", "MEM %", "BLOCK I/O", "PIDS");
  for (std::size_t i = 0; i < processes.size(); ++i) {
    const auto now = read_process(processes[i].pid);
    const double elapsed_s = base::seconds_of(Clock::now() - before[i].second);
    if (!now || !before[i].first) continue;
    const auto set = limit_of(processes[i].name);
    const std::uint64_t limit = set == 0 ? machine : set;
    const double cpu = (now->user_s + now->system_s - before[i].first->user_s - before[i].first->system_s) / elapsed_s * 100;
    out += fmt::format("{:<24}{:<10}{:<24}{:<9}{:<22}{}\n", processes[i].name, fmt::format("{:.2f}%", std::max(0.0, cpu)),
                       binary_size(now->resident_bytes()) + " / " + binary_size(limit),
                       fmt::format("{:.2f}%", static_cast<double>(now->resident_bytes()) / static_cast<double>(limit) * 100),
                       binary_size(now->read_bytes) + " / " + binary_size(now->written_bytes), now->threads);
  }
  return out;
}

}  // namespace gauntlet::lab
