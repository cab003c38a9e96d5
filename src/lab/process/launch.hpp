#pragma once
// Starting a program and keeping hold of it.
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "lab/process/account.hpp"
#include "lab/process/process.hpp"

namespace gauntlet::lab {

/// A file descriptor that closes itself.
class [[nodiscard]] Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) close(), fd_ = std::exchange(other.fd_, -1);
    return *this;
  }
  ~Descriptor() { close(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  void close();

 private:
  int fd_ = -1;
};

struct LaunchSpec {
  std::vector<std::string> command;                // [0] is the program's path; PATH is not searched
  std::map<std::string, std::string> environment;  // the whole of it
  std::filesystem::path directory;
  std::filesystem::path log;  // stdout and stderr are appended to it; stdin is empty
  std::optional<Account> account;
  std::filesystem::path cgroup_procs;  // file to enter before the program starts; empty: stay in ours
};

struct LaunchedProcess {
  ProcessId id;
  Descriptor pidfd;  // readable once the process has ended (pidfd_open(2))
};

/// Starts the program in a session of its own, so that a terminal's Ctrl-C does not reach it, with as many descriptors
/// as the system allows. It outlives us. Call from a process with one thread.
/// Fails with the step that did not work: not_found (no such program), permission_denied, ...
base::Expected<LaunchedProcess> launch(const LaunchSpec& spec);

/// A pidfd of a process that somebody else started; not_found when it is gone.
base::Expected<Descriptor> watch_process(const ProcessId& process);

/// Runs a program to its end and gives its output (stdout and stderr together). An exit status other than 0 is an
/// error whose message holds the end of that output. Blocks.
base::Expected<std::string> run_to_end(const std::vector<std::string>& command, const std::optional<Account>& account,
                                       const std::filesystem::path& directory);

}  // namespace gauntlet::lab
