#pragma once
// The guide's CPU and memory limits, through control groups v2 where we may use them.
#include <filesystem>
#include <string>

#include "base/error.hpp"
#include "lab/stack/component.hpp"

namespace gauntlet::lab {

class ControlGroups {
 public:
  /// Groups live below `mount`/gauntlet-<stack>. failed_precondition, with the reason in words, when limits cannot be
  /// set here: no v2 hierarchy, no cpu or memory controller in it, or no right to make groups.
  static base::Expected<ControlGroups> open(const std::string& stack, const std::filesystem::path& mount = "/sys/fs/cgroup");

  /// Makes the component's group with its limits; answers the file that a process enters it by.
  base::Expected<std::filesystem::path> make(const Component& component) const;
  /// Removes the groups; they must be empty by then.
  void remove() const;

 private:
  explicit ControlGroups(std::filesystem::path parent) : parent_(std::move(parent)) {}
  std::filesystem::path parent_;
};

}  // namespace gauntlet::lab
