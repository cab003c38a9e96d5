#include "lab/trial/wait_until_idle.hpp"

#include <algorithm>
#include <thread>

#include "base/duration.hpp"
#include "lab/process/process.hpp"

namespace gauntlet::lab {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kLook{500};
constexpr double kIdleCores = 0.05;
constexpr int kInARow = 2;
constexpr std::chrono::seconds kUnseen{5};  // no process of the system is ours to watch

std::chrono::nanoseconds cpu_of(const Target& target) {
  std::chrono::nanoseconds total{0};
  for (const auto& process : target.processes) total += cpu_time_of_tree(process.pid);
  return total;
}

}  // namespace

base::Expected<std::chrono::milliseconds> wait_until_idle(const SystemUnderTest& system, std::chrono::seconds longest,
                                                          Interruption& interruption) {
  const auto begun = Clock::now();
  auto target = system.find_target();
  if (!target) return tl::unexpected(target.error());
  if (target->processes.empty()) longest = std::min(longest, kUnseen);
  auto before = cpu_of(*target);
  auto looked = Clock::now();
  for (int quiet = 0; quiet < kInARow && Clock::now() - begun < longest;) {
    std::this_thread::sleep_for(kLook);
    if (interruption.has_come()) return base::fail(base::ErrorKind::cancelled, "interrupted");
    target = system.find_target();
    if (!target) return tl::unexpected(target.error());
    const auto now = cpu_of(*target);
    const auto at = Clock::now();
    const double cores = base::seconds_of(now - before) / base::seconds_of(at - looked);
    quiet = !target->processes.empty() && cores < kIdleCores ? quiet + 1 : 0;
    before = now;
    looked = at;
  }
  return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begun);
}

}  // namespace gauntlet::lab
