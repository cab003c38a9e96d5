#pragma once
// What a load test is aimed at, and what may be watched while it runs: this checkout's stack, or any system that a
// profile in gauntlet.toml describes.
#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "lab/stack/containers.hpp"
#include "lab/stack/stack.hpp"
#include "postgres/connection_options.hpp"

namespace gauntlet::lab {

/// A process with its living children, which count as one: for PostgreSQL the postmaster with its backends.
struct WatchedProcess {
  std::string name;
  pid_t pid = 0;
};

/// A page of a server: its /metrics, or the folder of its pprof endpoints (".../debug/pprof").
struct ServerPage {
  std::string name;  // of the server
  std::string url;
};

struct RedisAddress {
  std::string host = "127.0.0.1";
  int port = 6379;
  std::string password;
};

struct Target {
  std::string name;                                            // "stack", or the profile's
  std::vector<std::pair<std::string, std::string>> variables;  // what scripts get: BASE_URL, EVENT_HANDLER_ADDR, NAMESPACE, ...
  std::vector<WatchedProcess> processes;
  std::vector<std::filesystem::path> cgroups;  // control groups (v2 folders) to watch
  std::vector<ServerPage> metrics;
  std::vector<ServerPage> pprof;
  std::optional<postgres::ConnectionOptions> database;
  std::optional<RedisAddress> redis;

  const std::string& variable(const std::string& name) const;  // "" when absent
};

/// This checkout's stack as it runs now; unavailable when it is not up. Pids change when a server is restarted.
base::Expected<Target> target_of_stack(const Stack& stack);
/// The same in containers, at the addresses that docker-compose.yml gives it.
base::Expected<Target> target_of_containers(const ContainerStack& stack);

}  // namespace gauntlet::lab
