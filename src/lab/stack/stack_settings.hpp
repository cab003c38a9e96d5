#pragma once
// What `.env` means for the native stack.
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/settings.hpp"
#include "lab/stack/ports.hpp"

namespace gauntlet::lab {

struct DatabaseSettings {
  std::string name = "challenge_db";   // DB_NAME
  std::string user = "postgres";       // DB_USER
  std::string password;                // DB_PASSWORD
  int max_connections = 300;           // POSTGRES_MAX_CONNECTIONS
  std::string shared_buffers = "1GB";  // POSTGRES_SHARED_BUFFERS, as PostgreSQL writes sizes
};

struct StackSettings {
  DatabaseSettings database;
  std::string redis_password;  // REDIS_PASSWORD; empty: none
  /// What both services get: all of `.env`, with the database and Redis at their private ports.
  base::Environment services;
  bool mock_rewards = false;  // REWARD_CLIENT_MODE=mock
  bool checks_tokens = true;  // PLUGIN_GRPC_SERVER_AUTH_ENABLED
  /// What the user should know about how `.env` was read, one sentence each.
  std::vector<std::string> notes;
};

/// Pure. The container names `postgres` and `redis` (and loopback names) stand for the private servers, whatever port
/// is written beside them. Errors name the variable, its value and what is allowed: a DB_HOST or REDIS_HOST elsewhere is
/// refused, since the stack would start servers that nobody uses.
base::Expected<StackSettings> stack_settings(const base::Environment& env, const StackPorts& ports);

/// The project's settings with where each comes from: ".env", "the environment" or "--env".
struct ProjectSettings {
  base::Environment values;
  std::map<std::string, std::string> origins;
  bool created = false;  // `.env` was made just now

  /// Names of one origin: "A, B"; "" when there are none.
  std::string names_from(std::string_view origin) const;
};

/// Reads `.env` of the project, after making it from `.env.example` when there is none. Variables of `environment` win over
/// the file where the file has them or `known` names them, and `overrides` win over both.
base::Expected<ProjectSettings> read_project_settings(const std::filesystem::path& project, const base::Environment& environment,
                                                      const std::set<std::string>& known, const base::Environment& overrides);

/// Names in a table that `challenge-service --settings` prints.
std::set<std::string> names_in_settings_table(std::string_view markdown);

/// Takes a file that holds secrets away from everybody but its owner (0600); true when others could read it until now.
base::Expected<bool> keep_to_owner(const std::filesystem::path& file);

}  // namespace gauntlet::lab
