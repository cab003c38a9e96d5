#include "lab/stack/supervisor.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/json_document.hpp"
#include "base/log.hpp"
#include "base/signals.hpp"
#include "base/whole_file.hpp"
#include "lab/atomic_file.hpp"
#include "lab/stack/control_groups.hpp"
#include "lab/stack/control_server.hpp"
#include "lab/stack/log_rotation.hpp"
#include "lab/stack/postgres_cluster.hpp"
#include "lab/stack/supervised.hpp"

namespace gauntlet::lab {
namespace {

namespace log = base::log;
using namespace std::chrono_literals;
using base::ErrorKind;
using nlohmann::json;

constexpr auto kHousekeeping = 2s;

/// What children.json remembers of a server that some supervisor has started.
struct Remembered {
  ProcessId process;
  std::string digest;
};

std::map<std::string, Remembered> read_children(const StackDirectory& directory) {
  std::map<std::string, Remembered> out;
  const auto text = base::read_file(directory.children());
  if (!text) return out;
  try {
    const json in = json::parse(*text);
    for (const auto& [name, child] : in.items())
      out[name] = {{child.value("pid", 0), child.value("start_ticks", std::uint64_t{0})}, child.value("digest", "")};
  } catch (const json::exception& problem) {
    // As good as none: survivors are found by their folders and started anew.
    log::warn("children.json makes no sense", {{"reason", problem.what()}});
    out.clear();
  }
  return out;
}

/// The processes of `component` that live, whoever started them; the one to adopt first.
std::vector<ProcessId> find_survivors(const Component& component, const Remembered& remembered) {
  std::vector<ProcessId> found = find_processes(component.directory, component.command.at(0));
  if (component.name == kPostgres) {
    // Backends share folder and program with the postmaster, which signs its own file.
    std::ifstream file(component.directory / "postmaster.pid");
    pid_t postmaster = 0;
    file >> postmaster;
    std::erase_if(found, [&](const ProcessId& process) { return process.pid != postmaster; });
  }
  const bool lives = remembered.process.pid > 0 && is_alive(remembered.process);
  if (lives && std::find(found.begin(), found.end(), remembered.process) == found.end()) found.push_back(remembered.process);
  std::stable_partition(found.begin(), found.end(), [&](const ProcessId& process) { return process == remembered.process; });
  return found;
}

class Supervisor {
 public:
  Supervisor(const StackDirectory& directory, StackPlan plan) : directory_(directory), plan_(std::move(plan)) {}

  base::Expected<void> run(bool only_end) {
    auto control = ControlServer::listen(loop_, directory_.control_socket(), [this](const std::string& r) { return answer(r); });
    if (!control) return tl::unexpected(control.error());
    base::SignalWatch signals(loop_, {SIGTERM, SIGINT}, [this](int signal) {
      log::info("stopping the stack", {{"signal", signal}});
      shut_down();
    });
    open_control_groups();
    const auto remembered = read_children(directory_);
    end_leftovers(remembered);
    for (const auto& component : plan_.components) add(component);
    for (auto& server : servers_) take_over(*server, remembered);
    shutting_down_ = only_end;
    keep_house();
    advance();
    loop_.run();
    if (groups_) groups_->remove();
    ::unlink(directory_.control_socket().c_str());
    ::unlink(directory_.children().c_str());
    return {};
  }

 private:
  // --- what should run -------------------------------------------------------------------------------------------

  void add(const Component& component) {
    Supervised::Surroundings around{.loop = loop_,
                                    .account = plan_.account,
                                    .log = directory_.log_of(component.name),
                                    .cgroup_procs = control_group_of(component),
                                    .before_start = {},
                                    .on_ready = {},
                                    .on_change = [this] { changed(); }};
    if (component.name == kPostgres) {
      around.before_start = [this]() -> base::Expected<void> {
        const Component& postgres = server(kPostgres)->component();
        clear_stale_pid_file(std::filesystem::path(postgres.command.at(0)).parent_path(), postgres.directory);
        return {};
      };
      around.on_ready = [this] { return prepare_database(plan_.database); };
    }
    servers_.push_back(std::make_unique<Supervised>(component, std::move(around)));
  }

  void take_over(Supervised& server, const std::map<std::string, Remembered>& remembered) {
    const auto& component = server.component();
    const auto known = remembered.find(component.name);
    const Remembered memory = known == remembered.end() ? Remembered{} : known->second;
    const auto survivors = find_survivors(component, memory);
    if (survivors.empty()) return;
    server.adopt(survivors.front(), survivors.front() == memory.process && memory.digest == digest_of(component));
    for (std::size_t i = 1; i < survivors.size(); ++i) {
      log::warn("ending a second process of a component", {{"component", component.name}, {"pid", survivors[i].pid}});
      ::kill(survivors[i].pid, component.stop_signal);
    }
  }

  /// Servers of an earlier plan that this one no longer has.
  void end_leftovers(const std::map<std::string, Remembered>& remembered) {
    for (const auto& [name, child] : remembered)
      if (plan_.find(name) == nullptr && is_alive(child.process)) {
        log::info("ending a server that is no longer wanted", {{"component", name}, {"pid", child.process.pid}});
        ::kill(child.process.pid, name == kPostgres ? SIGINT : SIGTERM);
      }
  }

  /// Starts whatever waits for nothing any more; while shutting down, stops whatever nobody needs any more.
  void advance() {
    if (shutting_down_) return stop_in_order();
    for (auto& server : servers_) {
      if (server->condition() != Condition::waiting) continue;
      if (const auto missing = missing_for(*server)) server->wait_for(*missing);
      else server->start();
    }
  }

  std::optional<std::string> missing_for(const Supervised& wanted) const {
    for (const auto& name : wanted.component().after) {
      const Supervised* needed = server(name);
      if (needed != nullptr && needed->condition() != Condition::healthy) return name;
    }
    return std::nullopt;
  }

  void stop_in_order() {
    for (auto& server : servers_)
      if (!is_needed(server->component().name)) server->stop();
    const bool all_stopped =
        std::all_of(servers_.begin(), servers_.end(), [](const auto& server) { return server->condition() == Condition::stopped; });
    if (all_stopped) loop_.stop();
  }

  bool is_needed(const std::string& name) const {
    return std::any_of(servers_.begin(), servers_.end(), [&](const auto& other) {
      const auto& after = other->component().after;
      return other->process() && std::find(after.begin(), after.end(), name) != after.end();
    });
  }

  void shut_down() {
    shutting_down_ = true;
    schedule_advance();
  }

  /// Reads the plan again: starts what is new, ends what is gone, restarts what changed and what is `forced`.
  base::Expected<void> apply(const std::vector<std::string>& forced) {
    auto text = TRY(base::read_file(directory_.plan()));
    auto plan = TRY(plan_from_json(text));
    const bool database_changed = !(plan.database == plan_.database);
    plan_ = std::move(plan);
    for (const auto& component : plan_.components) {
      Supervised* running = server(component.name);
      if (running == nullptr) {
        add(component);
        continue;
      }
      const bool is_forced = std::find(forced.begin(), forced.end(), component.name) != forced.end();
      if (is_forced || digest_of(component) != digest_of(running->component())) running->restart(component);
    }
    for (auto& server : servers_)
      if (plan_.find(server->component().name) == nullptr) server->stop();
    schedule_advance();
    if (const Supervised* postgres = server(kPostgres); database_changed && postgres && postgres->condition() == Condition::healthy)
      return prepare_database(plan_.database);
    return {};
  }

  // --- what is said about it ---------------------------------------------------------------------------------------

  std::string answer(const std::string& request) {
    std::string command;
    std::vector<std::string> restart;
    base::Expected<void> done;
    try {
      const json in = json::parse(request);
      restart = in.value("restart", restart);
      command = in.value("command", "");
    } catch (const json::exception& problem) {
      done = base::fail(ErrorKind::invalid_argument, std::string("the request makes no sense: ") + problem.what());
    }
    if (command == "status") return to_json(status());
    if (command == "down") {
      shut_down();
    } else if (command == "apply") {
      done = shutting_down_ ? base::fail(ErrorKind::unavailable, "the stack is going down") : apply(restart);
    } else if (done) {
      done = base::fail(ErrorKind::invalid_argument, "unknown request");
    }
    return base::json_text(json{{"error", done ? "" : done.error().message}});
  }

  StackStatus status() const {
    StackStatus out{.supervisor = ::getpid(), .stopping = shutting_down_, .components = {}};
    for (const auto& server : servers_)
      if (plan_.find(server->component().name) != nullptr) out.components.push_back(server->status());
    return out;
  }

  void changed() {
    remember();
    schedule_advance();
  }

  /// Later, from the loop: a server in the middle of a change must not be changed again.
  void schedule_advance() {
    if (std::exchange(advance_scheduled_, true)) return;
    loop_.call_after({}, [this] {
      advance_scheduled_ = false;
      advance();
    });
  }

  void remember() const {
    json out = json::object();
    for (const auto& server : servers_)
      if (const auto process = server->process())
        out[server->component().name] = {
            {"pid", process->pid}, {"start_ticks", process->start_ticks}, {"digest", digest_of(server->component())}};
    if (auto written = write_file_atomically(directory_.children(), base::json_text(out, 1) + "\n", 0600); !written)
      log::error("cannot remember the servers", {{"reason", written.error().message}});
  }

  // --- surroundings --------------------------------------------------------------------------------------------------

  void keep_house() {
    for (const auto& server : servers_) rotate_log(directory_.log_of(server->component().name));
    rotate_log(directory_.log_of("supervisor"));
    if (!directory_.exists() && !shutting_down_) {
      log::warn("the stack's folder is gone: stopping");
      shut_down();
    }
    loop_.call_after(kHousekeeping, [this] { keep_house(); });
  }

  void open_control_groups() {
    if (!plan_.limits) return;
    auto groups = ControlGroups::open(fmt::format("{:016x}", std::hash<std::string>{}(directory_.root().string())));
    if (groups) groups_ = *groups;
    else log::warn(groups.error().message);
  }

  std::filesystem::path control_group_of(const Component& component) {
    if (!groups_) return {};
    auto procs = groups_->make(component);
    if (procs) return *procs;
    log::warn("no limits for a component", {{"component", component.name}, {"reason", procs.error().message}});
    return {};
  }

  Supervised* server(const std::string& name) const {
    for (const auto& server : servers_)
      if (server->component().name == name) return server.get();
    return nullptr;
  }

  const StackDirectory directory_;
  StackPlan plan_;
  base::EventLoop loop_;
  std::optional<ControlGroups> groups_;
  std::vector<std::unique_ptr<Supervised>> servers_;
  bool shutting_down_ = false;
  bool advance_scheduled_ = false;
};

}  // namespace

base::Expected<void> supervise(const StackDirectory& directory, bool only_end) {
  const auto lock = TRY(lock_file(directory.supervisor_lock(), false));
  auto text = TRY(base::read_file(directory.plan()));
  auto plan = TRY(plan_from_json(text));
  base::block_signals({SIGTERM, SIGINT});
  ::signal(SIGHUP, SIG_IGN);
  log::set_program("supervisor");
  return Supervisor(directory, std::move(plan)).run(only_end);
}

}  // namespace gauntlet::lab
