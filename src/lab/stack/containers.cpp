#include "lab/stack/containers.hpp"

#include <fmt/format.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>
#include <thread>
#include <tuple>

#include "lab/process/launch.hpp"

namespace gauntlet::lab {
namespace {

namespace fs = std::filesystem;
using base::ErrorKind;

constexpr std::chrono::milliseconds kPoll{500};
constexpr int kLinesOfALog = 15;
const std::vector<std::string> kNames{kPostgres, kRedis, kService, kEventHandler};
/// One line a container, its fields separated by blanks, of which the third may be empty.
constexpr const char* kFormat =
    "{{.Name}} {{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{else}}-{{end}} {{.State.Pid}} {{.RestartCount}} "
    "{{.State.StartedAt}}"
    "{{range $port, $bound := .HostConfig.PortBindings}}{{range $bound}} {{$port}} {{.HostPort}}{{end}}{{end}}";

/// Its path; empty where PATH has none.
fs::path find_program(const std::string& program) {
  const char* path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "" : path);
  for (std::string folder; std::getline(folders, folder, ':');)
    if (::access((fs::path(folder) / program).c_str(), X_OK) == 0) return fs::path(folder) / program;
  return {};
}

/// Runs docker or docker-compose, with these variables (NAME=VALUE) beside ours.
base::Expected<std::string> docker(const std::vector<std::string>& words, const fs::path& directory = "/",
                                   const std::vector<std::string>& variables = {}) {
  const fs::path program = find_program(words.front());
  if (program.empty())
    return base::fail(ErrorKind::failed_precondition, words.front() + " is not installed: scripts/install-deps --containers");
  std::vector<std::string> command;
  if (!variables.empty()) {
    command.emplace_back("/usr/bin/env");
    command.insert(command.end(), variables.begin(), variables.end());
  }
  command.push_back(program.string());
  command.insert(command.end(), words.begin() + 1, words.end());
  return run_to_end(command, std::nullopt, directory);
}

/// What docker-compose.yml calls it.
std::string service_of(const std::string& name) { return name == kPostgres ? "postgres" : name == kRedis ? "redis" : name; }

Condition condition_of(const std::string& state, const std::string& health) {
  if (state == "restarting") return Condition::backing_off;
  if (state != "running") return Condition::stopped;
  return health == "starting" ? Condition::starting : health == "unhealthy" ? Condition::unhealthy : Condition::healthy;
}

std::int64_t seconds_of_utc(const std::string& text) {
  tm calendar{};
  return ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &calendar) == nullptr ? 0 : ::timegm(&calendar);
}

ComponentStatus read_line(std::istringstream line) {
  ComponentStatus part;
  std::string state, health, since, port;
  line >> part.name >> state >> health >> part.pid >> part.restarts >> since;
  part.name.erase(0, 1);  // docker begins it with a slash
  part.condition = condition_of(state, health);
  if (part.condition != Condition::healthy) part.reason = fmt::format("docker says {}{}", state, health == "-" ? "" : ", " + health);
  if (part.pid > 0) part.since = seconds_of_utc(since);
  for (int bound = 0; line >> port >> bound;) part.ports.emplace_back(port.substr(0, port.find('/')), bound);
  return part;
}

ComponentStatus without_container(const std::string& name) {
  ComponentStatus part;
  part.name = name;
  part.reason = "it has no container";
  return part;
}

}  // namespace

base::Expected<std::string> ContainerStack::compose(const std::vector<std::string>& words) const {
  std::error_code error;
  if (!fs::exists(project_ / ".env", error)) fs::copy_file(project_ / ".env.example", project_ / ".env", error);
  // Where the guide has put the challenges, docker-compose.yml is told by variables.
  std::vector<std::string> variables;
  for (const auto& [service, variable] : {std::pair(kService, "SERVICE_CONFIG"), std::pair(kEventHandler, "EVENT_HANDLER_CONFIG")})
    variables.push_back(fmt::format("{}={}", variable, challenge_file(service).parent_path().string()));
  auto command =
      docker({"docker", "compose", "version"}) ? std::vector<std::string>{"docker", "compose"} : std::vector<std::string>{"docker-compose"};
  command.insert(command.end(), words.begin(), words.end());
  return docker(command, project_, variables);
}

fs::path ContainerStack::challenge_file(const std::string& service) const {
  const fs::path copied = project_ / ("extend-" + service) / "config/challenges.json";
  std::error_code error;
  return fs::exists(copied, error) ? copied : project_ / "config/challenges.json";
}

base::Expected<void> ContainerStack::up(std::chrono::seconds timeout, const Tell& tell) const {
  tell("building the images and starting the containers (the first time the images are compiled, some ten minutes)");
  std::ignore = TRY(compose({"up", "--build", "--detach"}));
  return wait_until_healthy(timeout, tell);
}

base::Expected<void> ContainerStack::restart(const std::set<std::string>& names, std::chrono::seconds timeout, const Tell& tell) const {
  std::vector<std::string> words{"up", "--detach", "--force-recreate", "--no-deps"};
  for (const auto& name : names.empty() ? std::set<std::string>{kService, kEventHandler} : names) words.push_back(service_of(name));
  std::ignore = TRY(compose(words));
  return wait_until_healthy(timeout, tell);
}

base::Expected<void> ContainerStack::down(bool wipe) const {
  std::ignore = TRY(compose(wipe ? std::vector<std::string>{"down", "--volumes"} : std::vector<std::string>{"down"}));
  return {};
}

base::Expected<StackStatus> ContainerStack::status() const {
  const auto present = TRY(docker({"docker", "container", "ls", "--all", "--format", "{{.Names}}"}));
  std::vector<std::string> inspect{"docker", "inspect", "--format", kFormat};
  StackStatus status;
  std::istringstream names(present);
  for (std::string name; names >> name;)
    if (std::find(kNames.begin(), kNames.end(), name) != kNames.end()) inspect.push_back(name);
  std::vector<ComponentStatus> found;
  if (inspect.size() > 4) {
    std::istringstream lines(TRY(docker(inspect)));
    for (std::string line; std::getline(lines, line);) found.push_back(read_line(std::istringstream(line)));
  }
  for (const auto& name : kNames) {
    const auto one = std::find_if(found.begin(), found.end(), [&](const auto& part) { return part.name == name; });
    status.components.push_back(one == found.end() ? without_container(name) : *one);
    if (status.supervisor == 0) status.supervisor = status.components.back().pid;
  }
  return status;
}

std::vector<std::string> ContainerStack::log_command(const std::string& name, bool follow, int tail) {
  std::vector<std::string> command{"/usr/bin/env", "docker", "logs"};
  if (follow) command.emplace_back("--follow");
  if (tail >= 0) command.push_back(fmt::format("--tail={}", tail));
  command.push_back(name);
  return command;
}

base::Expected<void> ContainerStack::wait_until_healthy(std::chrono::seconds timeout, const Tell& tell) const {
  const auto give_up = std::chrono::steady_clock::now() + timeout;
  for (;;) {
    const auto now = TRY(status());
    if (now.all_healthy()) {
      for (const auto& part : now.components) tell(fmt::format("{:<24}{}", part.name, to_text(part)));
      return {};
    }
    if (std::chrono::steady_clock::now() > give_up) {
      const auto ill =
          std::find_if(now.components.begin(), now.components.end(), [](const auto& part) { return part.condition != Condition::healthy; });
      const auto log = docker({"docker", "logs", fmt::format("--tail={}", kLinesOfALog), ill->name});
      return base::fail(ErrorKind::deadline_exceeded, fmt::format("{} is not healthy after {} s: {}\n{}", ill->name, timeout.count(),
                                                                  ill->reason, log ? *log : log.error().message));
    }
    std::this_thread::sleep_for(kPoll);
  }
}

}  // namespace gauntlet::lab
