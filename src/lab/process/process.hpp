#pragma once
// Other processes of this machine, as /proc shows them.
#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace gauntlet::lab {

/// One process for good: a pid alone may be given to another process once its owner is gone, the pair is not.
struct ProcessId {
  pid_t pid = 0;
  std::uint64_t start_ticks = 0;  // since boot, in clock ticks (proc(5), stat, field 22)

  bool operator==(const ProcessId&) const = default;
};

/// Who has this pid now; nothing when nobody has, or only a zombie is left.
std::optional<ProcessId> identify(pid_t pid);

/// Still running (zombies are not).
inline bool is_alive(const ProcessId& process) { return identify(process.pid) == process; }

/// The command line, arguments separated by spaces; the bare name for those that have none; "" when gone.
std::string command_line_of(pid_t pid);

/// Processes whose working directory is `directory` and whose program is the file `program` (links resolved, also when
/// that file has since been replaced), oldest first. Those of other users are seen by root only.
std::vector<ProcessId> find_processes(const std::filesystem::path& directory, const std::filesystem::path& program);

/// Processes of this very program that were started as `program argument ...`, oldest first.
std::vector<ProcessId> find_runs_of_this_program(const std::string& argument);

/// CPU time (user and system) that a process has used, and that of its children already reaped.
struct CpuTime {
  std::chrono::nanoseconds own{0};
  std::chrono::nanoseconds reaped_children{0};
};
std::optional<CpuTime> cpu_time_of(pid_t pid);

/// CPU time of a process, of its living children and of those it has reaped: for PostgreSQL that is the postmaster with
/// every backend, finished ones included. Resolution: one clock tick (10 ms) a process. Zero when it is gone.
std::chrono::nanoseconds cpu_time_of_tree(pid_t pid);

}  // namespace gauntlet::lab
