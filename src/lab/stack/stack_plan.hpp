#pragma once
// From the project's files and settings to the four servers that should run.
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "lab/stack/component.hpp"
#include "lab/stack/stack_directory.hpp"
#include "lab/stack/stack_settings.hpp"

namespace gauntlet::lab {

struct PlanRequest {
  std::filesystem::path project;
  StackDirectory directory;
  std::optional<Account> account;
  std::filesystem::path programs;  // folder of challenge-service and challenge-event-handler
  StackPorts ports;
  StackSettings settings;
  std::map<std::string, std::string> origins;  // of each setting, as ProjectSettings has them
  std::set<std::string> only;                  // empty: all four
  bool limits = false;
};

/// The challenge files that the two services read, and why those.
struct ChallengeFiles {
  std::filesystem::path service;
  std::filesystem::path event_handler;
};
/// CHALLENGE_CONFIG_PATH and CONFIG_PATH of `.env` when set (relative to the project), else the file that the guide's
/// `cp` puts into extend-challenge-service/config/ or extend-challenge-event-handler/config/, else
/// config/challenges.json. not_found when a named file is missing.
base::Expected<ChallengeFiles> find_challenge_files(const std::filesystem::path& project, const base::Environment& env);

/// Checks what the servers need (programs installed and built, challenge files valid), makes their folders and files,
/// and says how to start each. PostgreSQL's data folder is not made here (create_cluster). Changes nothing that a running
/// server reads, other than copies that a restart takes up.
base::Expected<StackPlan> make_plan(const PlanRequest& request);

}  // namespace gauntlet::lab
