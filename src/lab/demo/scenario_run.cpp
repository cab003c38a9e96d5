#include "lab/demo/scenario_run.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>

#include "base/whole_file.hpp"
#include "lab/process/launch.hpp"
#include "lab/process/process.hpp"

namespace gauntlet::lab {
namespace {

namespace fs = std::filesystem;
using base::ErrorKind;
using Clock = std::chrono::steady_clock;

constexpr int kThresholdsCrossed = 99;  // k6's exit code
constexpr double kLeastAchieved = 0.98;

double seconds(std::chrono::nanoseconds time) { return std::chrono::duration<double>(time).count(); }

/// Idle seconds of all cores since the machine started.
double idle_cpu_s() {
  std::ifstream in("/proc/stat");
  std::string name;
  double user = 0, nice = 0, system = 0, idle = 0, waiting_for_disk = 0;
  in >> name >> user >> nice >> system >> idle >> waiting_for_disk;
  return (idle + waiting_for_disk) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

struct ServerCpu {
  double services_s = 0;
  double database_s = 0;
};

ServerCpu server_cpu(const StackStatus& status) {
  ServerCpu cpu;
  for (const auto& component : status.components) {
    if (component.pid == 0) continue;
    const double used = seconds(cpu_time_of_tree(component.pid));
    if (component.name == kPostgres)
      cpu.database_s += used;
    else if (component.name != kRedis)
      cpu.services_s += used;
  }
  return cpu;
}

}  // namespace

std::map<std::string, std::string> script_environment(const StackPlan& plan, const LoadLevel& level,
                                                      std::chrono::seconds duration) {
  std::map<std::string, std::string> environment{{"PATH", "/usr/local/bin:/usr/bin:/bin"}, {"LANG", "C.UTF-8"}};
  if (const char* home = std::getenv("HOME")) environment["HOME"] = home;
  for (const auto& [name, value] : client_environment(plan))
    if (!name.starts_with("PG")) environment[name] = value;
  if (level.requests_per_s > 0) environment["TARGET_RPS"] = std::to_string(level.requests_per_s);
  if (level.events_per_s > 0) environment["TARGET_EPS"] = std::to_string(level.events_per_s);
  environment["DURATION"] = fmt::format("{}s", duration.count());
  return environment;
}

double ScenarioResult::requests_per_s(std::chrono::seconds duration) const {
  // Every event iteration makes one call, so that the other iterations are the API's.
  return (summary.iterations - summary.calls) / static_cast<double>(duration.count());
}

double ScenarioResult::events_per_s(std::chrono::seconds duration) const {
  return summary.calls / static_cast<double>(duration.count());
}

bool ScenarioResult::held(std::chrono::seconds duration) const {
  return thresholds_held && requests_per_s(duration) >= kLeastAchieved * level.requests_per_s &&
         events_per_s(duration) >= kLeastAchieved * level.events_per_s;
}

base::Expected<ScenarioResult> run_scenario(const Stack& stack, const fs::path& programs, const ScenarioRun& run,
                                            Interruption& interruption) {
  auto plan = stack.plan();
  if (!plan) return tl::unexpected(plan.error());
  auto before = stack.status();
  if (!before) return tl::unexpected(before.error());
  const fs::path log = fs::path(run.result).replace_extension(".log");
  std::error_code error;
  fs::create_directories(run.result.parent_path(), error);
  for (const auto& old : {run.result, log}) fs::remove(old, error);

  auto environment = script_environment(*plan, run.level, run.duration);
  for (const auto& [name, value] : run.variables) environment[name] = value;
  const ServerCpu cpu_before = server_cpu(*before);
  const double idle_before = idle_cpu_s();
  const auto begun = Clock::now();
  auto engine = launch({.command = {(programs / "gauntlet").string(), "run", "--quiet", "--out",
                                    "json=" + run.result.string(), run.script.string()},
                        .environment = std::move(environment),
                        .directory = stack.project(),
                        .log = log,
                        .account = std::nullopt,
                        .cgroup_procs = {}});
  if (!engine) return tl::unexpected(engine.error());
  const bool ended = interruption.wait_for_end(engine->pidfd);
  if (!ended) ::kill(engine->id.pid, SIGKILL);  // its figures are no longer wanted, and it must not stay behind
  int status = 0;
  rusage usage{};
  while (::wait4(engine->id.pid, &status, 0, &usage) < 0 && errno == EINTR) {
  }
  if (!ended) return base::fail(ErrorKind::cancelled, "interrupted");

  ScenarioResult result;
  result.level = run.level;
  result.wall_s = seconds(Clock::now() - begun);
  result.idle_cpu_s = idle_cpu_s() - idle_before;
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  if (code != 0 && code != kThresholdsCrossed)
    return base::fail(ErrorKind::internal,
                      fmt::format("{} ended with {}; the end of {}:\n{}", run.script.filename().string(), code,
                                  log.string(), tail_of(log, 12)));
  result.thresholds_held = code == 0;
  auto text = base::read_file(run.result);
  if (!text) return tl::unexpected(text.error());
  auto summary = parse_run_summary(*text);
  if (!summary) return tl::unexpected(std::move(summary.error()).in(run.result.string()));
  result.summary = *summary;

  auto after = stack.status();
  if (!after) return tl::unexpected(after.error());
  const ServerCpu cpu_after = server_cpu(*after);
  auto spent = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  result.cpu = {.generator_s = spent(usage.ru_utime) + spent(usage.ru_stime),
                .services_s = cpu_after.services_s - cpu_before.services_s,
                .database_s = cpu_after.database_s - cpu_before.database_s};
  return result;
}

}  // namespace gauntlet::lab
