#include "lab/trial/scenario_run.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "base/duration.hpp"
#include "lab/monitor/host_monitor.hpp"
#include "lab/process/launch.hpp"
#include "lab/process/process.hpp"

namespace gauntlet::lab {
namespace {

namespace fs = std::filesystem;
using base::ErrorKind;
using Clock = std::chrono::steady_clock;

constexpr int kThresholdsCrossed = 99;  // k6's exit code
constexpr double kLeastAchieved = 0.98;

struct ServerCpu {
  double services_s = 0;
  double database_s = 0;
};

ServerCpu server_cpu(const Target& target) {
  ServerCpu cpu;
  for (const auto& process : target.processes) {
    const double used = base::seconds_of(cpu_time_of_tree(process.pid));
    if (process.name == kPostgres) cpu.database_s += used;
    else if (process.name != kRedis) cpu.services_s += used;
  }
  return cpu;
}

}  // namespace

std::map<std::string, std::string> script_environment(const SystemUnderTest& system, const Target& target, const LoadLevel& level,
                                                      std::chrono::seconds duration) {
  std::map<std::string, std::string> environment{
      {"PATH", "/usr/local/bin:/usr/bin:/bin"}, {"LANG", "C.UTF-8"}, {"GAUNTLET_PROJECT", system.project.string()}};
  // What ssh, docker and kubectl look for, which may carry agents, and what those know that join.
  for (const char* name :
       {"PATH", "HOME", "SSH_AUTH_SOCK", "KUBECONFIG", "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "GAUNTLET_FLEET_TOKEN"}) {
    if (const char* value = std::getenv(name)) environment[name] = value;  // `run` keeps the token from the script
  }
  for (const auto& [name, value] : target.variables) environment[name] = value;
  if (level.requests_per_s > 0) environment["TARGET_RPS"] = std::to_string(level.requests_per_s);
  if (level.events_per_s > 0) environment["TARGET_EPS"] = std::to_string(level.events_per_s);
  environment["DURATION"] = fmt::format("{}s", duration.count());
  return environment;
}

double ScenarioResult::requests_per_s(std::chrono::seconds duration) const {
  // Every event iteration makes one call, so that the other iterations are the API's.
  return (summary.iterations - summary.calls) / static_cast<double>(duration.count());
}

double ScenarioResult::events_per_s(std::chrono::seconds duration) const { return summary.calls / static_cast<double>(duration.count()); }

bool ScenarioResult::held(std::chrono::seconds duration) const {
  return thresholds_held && requests_per_s(duration) >= kLeastAchieved * level.requests_per_s &&
         events_per_s(duration) >= kLeastAchieved * level.events_per_s;
}

base::Expected<ScenarioResult> run_scenario(const SystemUnderTest& system, const ScenarioRun& run, Interruption& interruption) {
  auto before = TRY(system.find_target());
  const fs::path log = fs::path(run.result).replace_extension(".log");
  std::error_code error;
  fs::create_directories(run.result.parent_path(), error);
  for (const auto& old : {run.result, log}) fs::remove(old, error);

  auto environment = script_environment(system, before, run.level, run.duration);
  for (const auto& [name, value] : run.variables) environment[name] = value;
  const ServerCpu cpu_before = server_cpu(before);
  const double idle_before = idle_cpu_s();
  const auto begun = Clock::now();
  auto engine = launch({.command = system.running(run.script, run.result),
                        .environment = std::move(environment),
                        .directory = system.project,
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
  result.wall_s = base::seconds_of(Clock::now() - begun);
  result.idle_cpu_s = idle_cpu_s() - idle_before;
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  if (code != 0 && code != kThresholdsCrossed)
    return base::fail(ErrorKind::internal, fmt::format("{} ended with {}; the end of {}:\n{}", run.script.filename().string(), code,
                                                       log.string(), tail_of(log, 12)));
  result.thresholds_held = code == 0;
  auto written = TRY(engine::results::read_run_result(run.result));
  result.result = std::move(written);
  result.summary = summary_of(result.result);

  auto after = TRY(system.find_target());
  const ServerCpu cpu_after = server_cpu(after);
  auto spent = [](const timeval& time) { return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6; };
  result.cpu = {.generator_s = spent(usage.ru_utime) + spent(usage.ru_stime),
                .services_s = cpu_after.services_s - cpu_before.services_s,
                .database_s = cpu_after.database_s - cpu_before.database_s};
  return result;
}

}  // namespace gauntlet::lab
