#include "lab/campaign/rest.hpp"

#include <thread>

#include "lab/process/process.hpp"

namespace gauntlet::lab {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kLook{500};
constexpr double kIdleCores = 0.05;
constexpr int kInARow = 2;

std::chrono::nanoseconds cpu_of(const StackStatus& status) {
  std::chrono::nanoseconds total{0};
  for (const auto& component : status.components)
    if (component.pid != 0) total += cpu_time_of_tree(component.pid);
  return total;
}

}  // namespace

base::Expected<std::chrono::milliseconds> wait_until_at_rest(const Stack& stack, std::chrono::seconds longest,
                                                             Interruption& interruption) {
  const auto begun = Clock::now();
  auto status = stack.status();
  if (!status) return tl::unexpected(status.error());
  auto before = cpu_of(*status);
  auto looked = Clock::now();
  for (int quiet = 0; quiet < kInARow && Clock::now() - begun < longest;) {
    std::this_thread::sleep_for(kLook);
    if (interruption.has_come()) return base::fail(base::ErrorKind::cancelled, "interrupted");
    status = stack.status();
    if (!status) return tl::unexpected(status.error());
    const auto now = cpu_of(*status);
    const auto at = Clock::now();
    const double cores = std::chrono::duration<double>(now - before) / std::chrono::duration<double>(at - looked);
    quiet = cores < kIdleCores ? quiet + 1 : 0;
    before = now;
    looked = at;
  }
  return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begun);
}

}  // namespace gauntlet::lab
