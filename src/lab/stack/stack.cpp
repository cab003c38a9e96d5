#include "lab/stack/stack.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <deque>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/json_document.hpp"
#include "base/system_error.hpp"
#include "base/whole_file.hpp"
#include "lab/atomic_file.hpp"
#include "lab/process/launch.hpp"
#include "lab/process/process.hpp"
#include "lab/stack/control_groups.hpp"
#include "lab/stack/control_server.hpp"
#include "lab/stack/postgres_cluster.hpp"
#include "lab/stack/stack_plan.hpp"
#include "lab/stack/stack_settings.hpp"

namespace gauntlet::lab {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using base::ErrorKind;
using nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr auto kPoll = 50ms;
constexpr auto kSupervisorStart = 10s;
constexpr auto kDown = 150s;  // longer than PostgreSQL's grace and its last signal's together
// A fresh cluster takes 40 MB, its WAL grows to gigabytes under load; below this a run would end in "disk full".
constexpr std::uint64_t kLeastFreeBytes = 1ULL << 30U;
// A server that has died this often without ever being healthy will not come up by itself.
constexpr int kHopelessRestarts = 4;

base::Expected<void> check_room(const fs::path& folder) {
  struct statvfs room {};
  if (::statvfs(folder.c_str(), &room) != 0) return tl::unexpected(base::system_error(errno, "cannot look at " + folder.string()));
  const std::uint64_t free = static_cast<std::uint64_t>(room.f_bavail) * room.f_frsize;
  if (free >= kLeastFreeBytes) return {};
  return base::fail(ErrorKind::resource_exhausted,
                    fmt::format("{} has {} MB free and the stack needs {} MB: free some space, or put the stack elsewhere with "
                                "--state-dir",
                                folder.string(), free >> 20U, kLeastFreeBytes >> 20U));
}

/// Two stacks that look for free ports at once must not choose the same: the lock is held until the servers listen.
Descriptor lock_port_choice() {
  auto lock = lock_file("/tmp/gauntlet-ports.lock", true);
  return lock ? std::move(*lock) : Descriptor();  // another user's file: the choice is then only very likely unique
}

std::string restart_request(const std::set<std::string>& names) { return base::json_text(json{{"command", "apply"}, {"restart", names}}); }

}  // namespace

std::string tail_of(const fs::path& file, int lines) {
  std::ifstream stream(file);
  std::deque<std::string> last;
  for (std::string line; std::getline(stream, line);) {
    last.push_back(std::move(line));
    if (static_cast<int>(last.size()) > lines) last.pop_front();
  }
  std::string out;
  for (const auto& line : last) out += line + "\n";
  return out;
}

Stack::Stack(fs::path project, StackDirectory directory, std::optional<Account> account)
    : project_(std::move(project)), directory_(std::move(directory)), account_(std::move(account)) {}

base::Expected<Stack> Stack::open(const StackOptions& options) {
  auto account = TRY(account_for_servers());
  auto directory = TRY(StackDirectory::locate(options.project, options.state_dir, account));
  return Stack(options.project, directory, account);
}

bool Stack::is_supervised() const { return ask_supervisor(directory_.control_socket(), R"({"command":"status"})").has_value(); }

base::Expected<void> Stack::require_up() const {
  if (is_supervised()) return {};
  return tl::unexpected(stack_not_up());
}

base::Expected<StackPlan> Stack::plan() const {
  std::error_code error;
  if (!fs::exists(directory_.plan(), error)) return tl::unexpected(stack_not_up());
  auto text = TRY(base::read_file(directory_.plan()));
  auto plan = plan_from_json(text);
  if (!plan) return tl::unexpected(std::move(plan.error()).in(directory_.plan().string()));
  return plan;
}

std::vector<ProcessId> Stack::processes_of(const StackPlan& plan) const {
  std::vector<ProcessId> all;
  for (const auto& component : plan.components) {
    const auto found = find_processes(component.directory, component.command.at(0));
    all.insert(all.end(), found.begin(), found.end());
  }
  return all;
}

base::Expected<StackStatus> Stack::status() const {
  auto answer = ask_supervisor(directory_.control_socket(), R"({"command":"status"})");
  if (answer) return status_from_json(*answer);
  if (answer.error().kind != ErrorKind::unavailable) return tl::unexpected(answer.error());
  StackStatus status;
  const auto last = plan();
  for (const char* name : {kPostgres, kRedis, kService, kEventHandler}) {
    ComponentStatus component;
    component.name = name;
    const Component* known = last ? last->find(name) : nullptr;
    if (last && known == nullptr) continue;
    if (known != nullptr) {
      component.ports = known->ports;
      if (const auto alive = find_processes(known->directory, known->command.at(0)); !alive.empty()) {
        component.pid = alive.front().pid;
        component.condition = Condition::unhealthy;
        component.reason = "nobody watches it: the supervisor was killed; gauntlet up takes over";
      }
    }
    status.components.push_back(std::move(component));
  }
  return status;
}

base::Expected<StackPorts> Stack::choose_ports(const UpOptions& options, const Tell& tell) const {
  const auto last = plan();
  std::set<pid_t> ours;
  if (last)
    for (const auto& process : processes_of(*last)) ours.insert(process.pid);
  // What runs keeps its ports; otherwise the usual ones come first again, whatever the last run had to take.
  const StackPorts wanted = last && (!ours.empty() || is_supervised()) ? last->ports : StackPorts{};
  auto stranger_on = [&](int port) -> std::optional<PortHolder> {
    auto holder = find_port_holder(port);
    return holder && !ours.contains(holder->pid) ? holder : std::nullopt;
  };
  if (options.auto_ports) {
    auto chosen = choose_free_ports(wanted, [&](int port) { return !stranger_on(port); });
    if (!chosen) return chosen;
    const auto before = named(StackPorts{});
    const auto after = named(*chosen);
    for (std::size_t i = 0; i < after.size(); ++i)
      if (after[i].second != before[i].second)
        tell(fmt::format("port of {}: {} is taken, using {}", after[i].first, before[i].second, after[i].second));
    return chosen;
  }
  static const std::map<std::string, std::string> kOwner{{"http", kService},
                                                         {"service-grpc", kService},
                                                         {"service-metrics", kService},
                                                         {"events-grpc", kEventHandler},
                                                         {"events-metrics", kEventHandler},
                                                         {"postgres", kPostgres},
                                                         {"redis", kRedis}};
  std::string taken;
  for (const auto& [name, port] : named(wanted)) {
    const std::string& owner = kOwner.at(name);
    if (!options.only.empty() && !options.only.contains(owner)) continue;
    if (const auto holder = stranger_on(port))
      taken += fmt::format("\n  port {} ({} of {}) is held by {}", port, name, owner, holder->describe());
  }
  if (taken.empty()) return wanted;
  return base::fail(ErrorKind::already_exists,
                    "the stack cannot start, ports are taken:" + taken +
                        "\nend those processes, or use other ports: gauntlet up --auto-ports (make dev-up AUTO_PORTS=1)");
}

base::Expected<StackPlan> Stack::make_plan_for(const UpOptions& options, const Tell& tell) const {
  std::set<std::string> known{"POSTGRES_MAX_CONNECTIONS", "POSTGRES_SHARED_BUFFERS"};
  for (const char* name : {kService, kEventHandler})  // one that is not built is told by make_plan()
    if (const auto table = run_to_end({(options.programs / name).string(), "--settings"}, std::nullopt, project_))
      known.merge(names_in_settings_table(*table));
  auto env = TRY(read_project_settings(project_, base::process_environment(), known, options.overrides));
  if (const std::string names = env.names_from("the environment"); !names.empty()) tell("from the environment, over .env: " + names);
  if (env.created) tell("made .env from .env.example (mock mode)");
  if (auto closed = keep_to_owner(project_ / ".env"); !closed) return tl::unexpected(closed.error());
  else if (*closed) tell(".env holds passwords: its rights are 0600 now");
  auto ports = TRY(choose_ports(options, tell));
  auto settings = TRY(stack_settings(env.values, ports));
  std::error_code error;
  if (!fs::exists(directory_.plan(), error))  // the first time is enough
    for (const auto& note : settings.notes) tell(note);
  if (options.limits) {
    if (auto groups = ControlGroups::open("probe")) groups->remove();
    else tell(groups.error().message);
  }
  return make_plan({.project = project_,
                    .directory = directory_,
                    .account = account_,
                    .programs = options.programs,
                    .ports = ports,
                    .settings = settings,
                    .origins = env.origins,
                    .only = options.only,
                    .limits = options.limits});
}

base::Expected<void> Stack::up(const UpOptions& options, const Tell& tell) { return bring_up(options, {}, tell); }

base::Expected<void> Stack::restart(const std::set<std::string>& names, const UpOptions& options, const Tell& tell) {
  UpOptions kept = options;
  std::set<std::string> chosen = names;
  if (const auto last = plan(); last && is_supervised()) {
    kept.limits = last->limits;
    for (const auto& component : last->components) kept.only.insert(component.name);
    for (const auto& name : names)
      if (last->find(name) == nullptr)
        return base::fail(ErrorKind::not_found, fmt::format("{} is not a part of this stack; gauntlet ps lists them", name));
    if (chosen.empty())
      for (const char* service : {kService, kEventHandler})
        if (last->find(service) != nullptr) chosen.insert(service);
  }
  return bring_up(kept, chosen, tell);
}

base::Expected<void> Stack::bring_up(const UpOptions& options, const std::set<std::string>& restart, const Tell& tell) {
  if (auto made = directory_.create(account_); !made) return made;
  if (auto room = check_room(directory_.root()); !room) return room;
  const auto turn = TRY(lock_file(directory_.prepare_lock(), true));
  const Descriptor choice = options.auto_ports ? lock_port_choice() : Descriptor();
  const bool was_up = is_supervised();
  UpOptions all = options;
  if (const auto last = plan(); was_up && last && !all.only.empty())  // the rest of a stack that is up stays up
    for (const auto& component : last->components) all.only.insert(component.name);
  auto wanted = TRY(make_plan_for(all, tell));
  if (const Component* postgres = wanted.find(kPostgres)) {
    std::error_code error;
    if (!fs::exists(postgres->directory / "PG_VERSION", error)) tell("making the database cluster");
    if (auto made = create_cluster(fs::path(postgres->command.at(0)).parent_path(), postgres->directory, account_); !made) return made;
  }

  std::map<std::string, int> launches_before;
  if (was_up)
    if (const auto before = status())
      for (const auto& component : before->components)
        if (restart.contains(component.name)) launches_before[component.name] = component.launches;
  if (auto written = write_file_atomically(directory_.plan(), to_json(wanted), 0600); !written) return written;
  auto begun = was_up ? ask(restart_request(restart)) : start_supervisor(false);
  if (begun) begun = wait_until_healthy(launches_before, options.timeout, tell);
  if (!begun && !was_up) {
    if (auto ended = end_everything(); !ended) begun.error().message += "\nand it could not be stopped: " + ended.error().message;
  }
  return begun;
}

base::Expected<void> Stack::start_supervisor(bool only_end) const {
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  std::vector<std::string> command{self.string(), "supervise", directory_.root().string()};
  if (only_end) command.push_back("--only-end");
  auto started = TRY(launch({.command = std::move(command),
                             .environment = {{"PATH", "/usr/local/bin:/usr/bin:/bin"}, {"LANG", "C.UTF-8"}, {"TZ", "UTC"}},
                             .directory = "/",
                             .log = directory_.log_of("supervisor"),
                             .account = std::nullopt,
                             .cgroup_procs = {}}));
  for (const auto give_up = Clock::now() + kSupervisorStart; Clock::now() < give_up;) {
    if (is_supervised()) return {};
    pollfd ended{.fd = started.pidfd.get(), .events = POLLIN, .revents = 0};
    if (::poll(&ended, 1, static_cast<int>(kPoll.count())) > 0) {
      if (only_end) return {};  // it had so little to do
      return base::fail(ErrorKind::internal, "the supervisor ended at once:\n" + tail_of(directory_.log_of("supervisor"), 5));
    }
  }
  return base::fail(ErrorKind::deadline_exceeded, "the supervisor does not answer; see " + directory_.log_of("supervisor").string());
}

base::Expected<void> Stack::ask(const std::string& request) const {
  auto answer = TRY(ask_supervisor(directory_.control_socket(), request));
  const json said = json::parse(answer, nullptr, false);
  if (!said.is_object() || !said.contains("error") || !said["error"].is_string())
    return base::fail(ErrorKind::internal, "the supervisor's answer makes no sense: " + answer);
  if (const auto& problem = said["error"].get_ref<const std::string&>(); !problem.empty()) return base::fail(ErrorKind::internal, problem);
  return {};
}

base::Expected<void> Stack::wait_until_healthy(const std::map<std::string, int>& launches_before, std::chrono::seconds timeout,
                                               const Tell& tell) const {
  std::set<std::string> told;
  std::string unwell;
  for (const auto give_up = Clock::now() + timeout; Clock::now() < give_up; std::this_thread::sleep_for(kPoll)) {
    auto now = TRY(status());
    bool all_well = !now.components.empty();
    for (const auto& component : now.components) {
      const auto before = launches_before.find(component.name);
      const bool is_new = before == launches_before.end() || component.launches > before->second;
      if (component.condition == Condition::healthy && is_new) {
        if (told.insert(component.name).second) tell(fmt::format("{:<24}{}", component.name, to_text(component)));
        continue;
      }
      all_well = false;
      unwell = component.name + ": " + to_text(component) + (component.reason.empty() ? "" : ", " + component.reason);
      if (component.condition == Condition::backing_off && component.restarts >= kHopelessRestarts)
        return base::fail(ErrorKind::deadline_exceeded,
                          fmt::format("{} does not start: it {}\nthe end of its log ({}):\n{}", component.name, component.reason,
                                      directory_.log_of(component.name).string(), tail_of(directory_.log_of(component.name), 12)));
    }
    if (all_well) return {};
  }
  const std::string name = unwell.substr(0, unwell.find(':'));
  return base::fail(ErrorKind::deadline_exceeded,
                    fmt::format("the stack is not healthy within {} s: {}\nthe end of its log ({}):\n{}", timeout.count(), unwell,
                                directory_.log_of(name).string(), tail_of(directory_.log_of(name), 12)));
}

base::Expected<void> Stack::down() {
  if (!directory_.exists()) return {};
  const auto turn = TRY(lock_file(directory_.prepare_lock(), true));
  return end_everything();
}

base::Expected<void> Stack::end_everything() const {
  const bool was_up = is_supervised();
  if (!was_up) {
    const auto last = plan();
    if (!last || processes_of(*last).empty()) return {};
    if (auto started = start_supervisor(true); !started) return started;
  }
  const auto before = status();
  const auto supervisor = before && before->supervisor > 0 ? identify(before->supervisor) : std::nullopt;
  if (was_up)
    if (auto asked = ask(R"({"command":"down"})"); !asked) return asked;
  for (const auto give_up = Clock::now() + kDown; Clock::now() < give_up; std::this_thread::sleep_for(kPoll))
    if (lock_file(directory_.supervisor_lock(), false) && !(supervisor && is_alive(*supervisor))) return {};  // its lock goes first
  return base::fail(ErrorKind::deadline_exceeded,
                    fmt::format("the stack does not stop within {} s; see {}", std::chrono::seconds(kDown).count(),
                                directory_.log_of("supervisor").string()));
}

base::Expected<void> Stack::wipe() {
  if (!directory_.exists()) return {};
  const auto turn = TRY(lock_file(directory_.prepare_lock(), true));
  if (auto ended = end_everything(); !ended) return ended;
  std::error_code error;
  fs::remove_all(directory_.root(), error);
  if (error) return tl::unexpected(base::system_error(error.value(), "cannot delete " + directory_.root().string()));
  return {};
}

std::vector<std::pair<std::string, std::string>> client_environment(const StackPlan& plan) {
  const StackPorts& p = plan.ports;
  const Component* service = plan.find(kService);
  auto variable = [&](const char* name, const char* fallback) -> std::string {
    if (service == nullptr) return fallback;
    const auto found = service->environment.find(name);
    return found == service->environment.end() || found->second.empty() ? fallback : found->second;
  };
  return {{"BASE_URL", fmt::format("http://localhost:{}{}", p.http, variable("BASE_PATH", "/challenge"))},
          {"SERVICE_GRPC_ADDR", fmt::format("localhost:{}", p.service_grpc)},
          {"SERVICE_METRICS_URL", fmt::format("http://localhost:{}", p.service_metrics)},
          {"EVENT_HANDLER_ADDR", fmt::format("localhost:{}", p.events_grpc)},
          {"EVENT_HANDLER_METRICS_URL", fmt::format("http://localhost:{}", p.events_metrics)},
          {"NAMESPACE", variable("AB_NAMESPACE", "test")},
          {"PGHOST", "127.0.0.1"},
          {"PGPORT", std::to_string(p.postgres)},
          {"PGDATABASE", plan.database.name},
          {"PGUSER", plan.database.user},
          {"PGPASSWORD", plan.database.password},
          {"REDIS_URL", fmt::format("redis://127.0.0.1:{}", p.redis)}};
}

}  // namespace gauntlet::lab
