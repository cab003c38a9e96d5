#pragma once
// The stack in containers: docker-compose.yml of the project, under the names and the words of the native one.
#include <chrono>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "lab/stack/stack.hpp"
#include "lab/stack/stack_status.hpp"

namespace gauntlet::lab {

/// Needs docker, and docker-compose or its plugin; failed_precondition where they are missing.
class ContainerStack {
 public:
  explicit ContainerStack(std::filesystem::path project) : project_(std::move(project)) {}

  /// Builds the images, starts what is not running and waits until all is healthy. deadline_exceeded holds the end of a log.
  base::Expected<void> up(std::chrono::seconds timeout, const Tell& tell) const;
  /// These (empty: both services) made anew, with .env and the challenge files as they are now; waits until all is healthy.
  base::Expected<void> restart(const std::set<std::string>& names, std::chrono::seconds timeout, const Tell& tell) const;
  /// The database stays in its volume, unless wiped.
  base::Expected<void> down(bool wipe) const;
  /// Parts without a container are stopped.
  base::Expected<StackStatus> status() const;

  /// The program and its arguments that print a container's log.
  static std::vector<std::string> log_command(const std::string& name, bool follow, int tail);
  /// The challenges that a service reads: those that the guide has copied beside it, else the project's.
  std::filesystem::path challenge_file(const std::string& service) const;
  const std::filesystem::path& project() const { return project_; }

 private:
  base::Expected<std::string> compose(const std::vector<std::string>& words) const;
  base::Expected<void> wait_until_healthy(std::chrono::seconds timeout, const Tell& tell) const;

  std::filesystem::path project_;
};

}  // namespace gauntlet::lab
