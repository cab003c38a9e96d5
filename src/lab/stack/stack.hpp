#pragma once
// The stack as commands see it: bring it up, look at it, restart parts of it, take it down.
//
//   auto stack = Stack::open({.project = project});
//   auto report = stack->up({.auto_ports = true}, print_line);
#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/settings.hpp"
#include "lab/stack/component.hpp"
#include "lab/stack/stack_directory.hpp"
#include "lab/stack/stack_status.hpp"

namespace gauntlet::lab {

struct StackOptions {
  std::filesystem::path project;
  std::optional<std::filesystem::path> state_dir;  // else as StackDirectory::locate says
};

struct UpOptions {
  bool auto_ports = false;            // take the next free port where a stranger has the usual one
  bool limits = false;                // the guide's CPU and memory limits
  std::set<std::string> only;         // components; empty: all four
  base::Environment overrides;        // variables that win over .env and the environment, for this plan
  std::filesystem::path programs;     // folder of the services' programs
  std::chrono::seconds timeout{120};  // until all is healthy
};

/// Told of what is happening, one line at a time, without a line feed.
using Tell = std::function<void(const std::string& line)>;

/// Belongs to one thread. Other processes may work on the same stack: `up`, `restart` and `down` wait for each other.
class Stack {
 public:
  static base::Expected<Stack> open(const StackOptions& options);

  /// Starts what is not running, adopts what an earlier supervisor left, restarts what is no longer as it should be, and
  /// waits until all is healthy. Idempotent. On failure nothing of a stack that was not up before is left running.
  /// Kinds: invalid_argument or not_found (.env, challenge file), already_exists (port taken by a stranger),
  /// failed_precondition (something to install or build), resource_exhausted and permission_denied (disk, rights),
  /// deadline_exceeded (a server does not become healthy; the message holds the end of its log).
  base::Expected<void> up(const UpOptions& options, const Tell& tell);

  /// Reads .env and the challenge files again and restarts these components (empty: both services), and any whose
  /// settings changed; waits until all is healthy. Brings the stack up when it is down.
  base::Expected<void> restart(const std::set<std::string>& names, const UpOptions& options, const Tell& tell);

  /// Stops everything, also what a killed supervisor left behind; waits until it is gone. Fine when nothing runs.
  base::Expected<void> down();
  /// down(), and the stack's folder with the database in it is deleted.
  base::Expected<void> wipe();

  /// Also works when nothing runs: all components are then stopped (or, where a killed supervisor left one, unhealthy
  /// with the reason).
  base::Expected<StackStatus> status() const;
  /// A supervisor answers.
  bool is_supervised() const;
  /// unavailable, with how to start it, when no supervisor answers.
  base::Expected<void> require_up() const;
  /// What runs, or ran last; unavailable when there never was a stack.
  base::Expected<StackPlan> plan() const;

  const StackDirectory& directory() const { return directory_; }
  const std::filesystem::path& project() const { return project_; }

 private:
  Stack(std::filesystem::path project, StackDirectory directory, std::optional<Account> account);

  base::Expected<StackPlan> make_plan_for(const UpOptions& options, const Tell& tell) const;
  base::Expected<StackPorts> choose_ports(const UpOptions& options, const Tell& tell) const;
  std::vector<ProcessId> processes_of(const StackPlan& plan) const;
  base::Expected<void> start_supervisor(bool only_end) const;
  base::Expected<void> ask(const std::string& request) const;
  base::Expected<void> wait_until_healthy(const std::map<std::string, int>& launches_before, std::chrono::seconds timeout,
                                          const Tell& tell) const;
  base::Expected<void> bring_up(const UpOptions& options, const std::set<std::string>& restart, const Tell& tell);
  base::Expected<void> end_everything() const;

  std::filesystem::path project_;
  StackDirectory directory_;
  std::optional<Account> account_;
};

/// Variables that point clients at this stack: BASE_URL, EVENT_HANDLER_ADDR, NAMESPACE, METRICS and PG* for psql.
std::vector<std::pair<std::string, std::string>> client_environment(const StackPlan& plan);

/// The last lines of a file; "" when there is none.
std::string tail_of(const std::filesystem::path& file, int lines);

}  // namespace gauntlet::lab
