#include "lab/stack/ports.hpp"

#include <fmt/format.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "lab/process/proc_file.hpp"
#include "lab/process/process.hpp"

namespace gauntlet::lab {
namespace {

namespace fs = std::filesystem;

struct NamedPort {
  const char* name;
  int StackPorts::*port;
};
constexpr std::array<NamedPort, 7> kPorts{{{"http", &StackPorts::http},
                                           {"service-grpc", &StackPorts::service_grpc},
                                           {"service-metrics", &StackPorts::service_metrics},
                                           {"events-grpc", &StackPorts::events_grpc},
                                           {"events-metrics", &StackPorts::events_metrics},
                                           {"postgres", &StackPorts::postgres},
                                           {"redis", &StackPorts::redis}}};

/// Socket inodes that listen on `port`: /proc/net/tcp and tcp6, state 0A (proc(5)).
std::set<std::string> listening_inodes(int port) {
  std::set<std::string> inodes;
  for (const char* table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    std::ifstream stream(table);
    std::string line;
    std::getline(stream, line);  // the heading
    while (std::getline(stream, line)) {
      std::istringstream fields(line);
      std::string slot, local, remote, state, queues, timer, retransmits, uid, timeout, inode;
      fields >> slot >> local >> remote >> state >> queues >> timer >> retransmits >> uid >> timeout >> inode;
      const auto colon = local.rfind(':');
      if (state != "0A" || colon == std::string::npos) continue;
      if (std::strtol(local.c_str() + colon + 1, nullptr, 16) == port) inodes.insert("socket:[" + inode + "]");
    }
  }
  return inodes;
}

bool holds_one_of(const fs::path& process, const std::set<std::string>& sockets) {
  for (const auto& descriptor : names_in_proc(process / "fd")) {
    std::error_code gone;
    if (sockets.contains(fs::read_symlink(process / "fd" / descriptor, gone).string())) return true;
  }
  return false;
}

}  // namespace

std::string PortHolder::describe() const {
  return pid == 0 ? "a process of another user (root can see which)" : fmt::format("pid {} ({})", pid, command);
}

std::optional<PortHolder> find_port_holder(int port) {
  const auto sockets = listening_inodes(port);
  if (sockets.empty()) return std::nullopt;
  for (const auto& name : names_in_proc("/proc")) {
    const int pid = std::atoi(name.c_str());
    if (pid > 0 && holds_one_of(fs::path("/proc") / name, sockets)) return PortHolder{pid, command_line_of(pid)};
  }
  return PortHolder{};
}

base::Expected<StackPorts> choose_free_ports(const StackPorts& wanted, const std::function<bool(int)>& is_free) {
  constexpr int kTries = 1000;
  StackPorts chosen = wanted;
  std::set<int> taken;
  for (const auto& entry : kPorts) {
    const int usual = wanted.*entry.port;
    int port = usual;
    while (port < usual + kTries && port < 65536 && (taken.contains(port) || !is_free(port))) ++port;
    if (port >= usual + kTries || port >= 65536)
      return base::fail(base::ErrorKind::resource_exhausted, fmt::format("no free port for {} from {} on", entry.name, usual));
    taken.insert(port);
    chosen.*entry.port = port;
  }
  return chosen;
}

std::vector<std::pair<std::string, int>> named(const StackPorts& ports) {
  std::vector<std::pair<std::string, int>> out;
  for (const auto& entry : kPorts) out.emplace_back(entry.name, ports.*entry.port);
  return out;
}

StackPorts ports_from(const std::map<std::string, int>& by_name) {
  StackPorts ports;
  for (const auto& entry : kPorts)
    if (const auto found = by_name.find(entry.name); found != by_name.end()) ports.*entry.port = found->second;
  return ports;
}

}  // namespace gauntlet::lab
