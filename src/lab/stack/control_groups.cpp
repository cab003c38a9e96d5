#include "lab/stack/control_groups.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

#include "base/system_error.hpp"
#include "lab/process/launch.hpp"

namespace gauntlet::lab {
namespace {

namespace fs = std::filesystem;
using base::ErrorKind;

std::set<std::string> words_of(const fs::path& file) {
  std::ifstream stream(file);
  return {std::istream_iterator<std::string>(stream), {}};
}

base::Expected<void> put(const fs::path& file, const std::string& text) {
  const Descriptor fd(::open(file.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd || ::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    return tl::unexpected(base::system_error(errno, "cannot write " + file.string()));
  return {};
}

base::Error not_possible(const std::string& why) { return {ErrorKind::failed_precondition, "limits are not applied: " + why}; }

}  // namespace

base::Expected<ControlGroups> ControlGroups::open(const std::string& stack, const fs::path& mount) {
  const auto controllers = words_of(mount / "cgroup.controllers");
  if (controllers.empty())
    return tl::unexpected(not_possible(mount.string() + " is not a control group v2 hierarchy (this system uses v1 or none)"));
  for (const char* wanted : {"cpu", "memory"})
    if (!controllers.contains(wanted))
      return tl::unexpected(not_possible(fmt::format("the {} controller is not available below {}", wanted, mount.string())));
  const fs::path parent = mount / ("gauntlet-" + stack);
  std::error_code error;
  fs::create_directory(parent, error);
  if (error)
    return tl::unexpected(
        not_possible(fmt::format("cannot make {} ({}): run as root or have it delegated", parent.string(), error.message())));
  for (const fs::path& folder : {mount, parent})
    if (auto enabled = put(folder / "cgroup.subtree_control", "+cpu +memory"); !enabled)
      return tl::unexpected(not_possible(enabled.error().message));
  return ControlGroups(parent);
}

base::Expected<fs::path> ControlGroups::make(const Component& component) const {
  const fs::path group = parent_ / component.name;
  std::error_code error;
  fs::create_directory(group, error);
  if (error) return tl::unexpected(base::system_error(error.value(), "cannot make " + group.string()));
  constexpr int kPeriodUs = 100'000;
  const auto& limits = component.limits;
  const std::string cpu = limits.cpus > 0 ? fmt::format("{} {}", static_cast<long>(limits.cpus * kPeriodUs), kPeriodUs) : "max";
  const std::string memory = limits.memory_bytes > 0 ? std::to_string(limits.memory_bytes) : "max";
  TRY(put(group / "cpu.max", cpu));
  TRY(put(group / "memory.max", memory));
  return group / "cgroup.procs";
}

void ControlGroups::remove() const {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(parent_, error))
    if (entry.is_directory(error)) ::rmdir(entry.path().c_str());
  ::rmdir(parent_.c_str());
}

}  // namespace gauntlet::lab
