#pragma once
// Which TCP ports the stack listens on, who holds one that is taken, and which is free instead.
#include <sys/types.h>

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/error.hpp"

namespace gauntlet::lab {

/// The stack's ports by what they are for.
struct StackPorts {
  int http = 8000;             // challenge-service, REST
  int service_grpc = 6565;     // challenge-service, gRPC
  int service_metrics = 8080;  // challenge-service, /metrics and /debug/pprof
  int events_grpc = 6566;      // challenge-event-handler, OnMessage
  int events_metrics = 8081;   // challenge-event-handler, /metrics and /debug/pprof
  int postgres = 5433;
  int redis = 6379;

  bool operator==(const StackPorts&) const = default;
};

/// Everything that listens on a port, of either address family.
struct PortHolder {
  pid_t pid = 0;        // 0: a process of another user, which only root can name
  std::string command;  // its command line

  std::string describe() const;
};
std::optional<PortHolder> find_port_holder(int port);

/// Gives each port of `wanted` that `is_free` refuses the next higher free one, each port once. `is_free` is asked
/// at most 1,000 times a port. resource_exhausted when none is found.
base::Expected<StackPorts> choose_free_ports(const StackPorts& wanted, const std::function<bool(int)>& is_free);

/// The ports with their names, in the order of the struct: for messages and tables.
std::vector<std::pair<std::string, int>> named(const StackPorts& ports);
/// From named()'s form; ports that are not named keep their usual number.
StackPorts ports_from(const std::map<std::string, int>& by_name);

}  // namespace gauntlet::lab
