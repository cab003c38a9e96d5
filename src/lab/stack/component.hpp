#pragma once
// One server of the stack: how to start it, how to tell that it is well, how to stop it.
#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lab/process/account.hpp"
#include "lab/stack/ports.hpp"
#include "lab/stack/probe.hpp"

namespace gauntlet::lab {

inline constexpr const char* kPostgres = "challenge-postgres";
inline constexpr const char* kRedis = "challenge-redis";
inline constexpr const char* kService = "challenge-service";
inline constexpr const char* kEventHandler = "challenge-event-handler";

/// What the guide's compose file grants; applied with `up --limits` only.
struct Limits {
  double cpus = 0;  // 0: no limit
  std::uint64_t memory_bytes = 0;
  bool operator==(const Limits&) const = default;
};

struct Component {
  std::string name;
  std::vector<std::string> command;                // [0] is the program's path
  std::map<std::string, std::string> environment;  // the whole of it
  std::filesystem::path directory;                 // its working directory, by which a survivor is recognised
  std::vector<std::pair<std::string, int>> ports;  // what for, and where
  std::vector<ProbeSpec> probes;                   // all must pass for it to be healthy
  std::vector<std::string> after;                  // components that must be healthy before it starts
  int stop_signal = 15;
  std::chrono::seconds stop_grace{10};
  /// Sent when the grace has passed. SIGKILL, but SIGQUIT for PostgreSQL, whose postmaster must not be killed: its
  /// backends would live on.
  int last_signal = 9;
  Limits limits;
  /// Changes when a file that it reads at its start does (config, program), so that `up` knows to restart it.
  std::string fingerprint;

  bool operator==(const Component&) const = default;
};

/// The database that must be there before the services start.
struct DatabasePlan {
  std::filesystem::path socket_folder;
  int port = 0;
  std::string name;
  std::string user;
  std::string password;
  bool operator==(const DatabasePlan&) const = default;
};

struct StackPlan {
  std::filesystem::path project;
  std::optional<Account> account;  // whom the servers run as
  StackPorts ports;
  bool limits = false;  // put each component into a control group of its own
  DatabasePlan database;
  std::map<std::string, std::string> origins;  // of each setting: ".env", "the environment" or "--env"
  std::vector<Component> components;           // in start order

  const Component* find(const std::string& name) const;
};

/// Equal for equal components, on any run of the same build: tells whether what runs is what should run.
std::string digest_of(const Component& component);

/// plan.json. Holds passwords: for the caller's eyes only (mode 0600).
std::string to_json(const StackPlan& plan);
/// From to_json's text; invalid_argument when it is not that.
base::Expected<StackPlan> plan_from_json(const std::string& text);

}  // namespace gauntlet::lab
