#pragma once
// What a campaign, a limit search or a comparison loads: this checkout's stack, which can be started, emptied and
// restarted, or a system that a profile in gauntlet.toml describes, of which only that is done that the profile allows.
#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "lab/target/target.hpp"
#include "lab/target/target_profile.hpp"

namespace gauntlet::lab {

struct SystemUnderTest {
  std::string name;                                  // "stack", or the profile's
  bool is_own_stack = false;                         // this checkout's
  std::filesystem::path project;                     // whose scripts and fixtures are used
  std::filesystem::path results;                     // test/results, or test/results/targets/NAME
  std::filesystem::path documents;                   // docs, or the results' folder
  std::vector<std::string> gauntlet;                 // the program, with --project and --state-dir
  std::vector<std::string> seen_with;                // flags of `watch` and `profile` that aim them at it
  std::vector<std::string> loaded_with;              // flags of `run`, with the owner's word
  std::optional<std::filesystem::path> state_dir;    // of the stack
  std::optional<std::filesystem::path> handler_log;  // where the handler writes, if that is ours to read
  std::optional<double> max_rate;                    // iterations a second; scripts whose rate cannot be known before are refused
  std::optional<std::chrono::minutes> longest;       // that it may be loaded by one command
  /// Where it is and what can be watched of it now; pids change when a server is restarted.
  std::function<base::Expected<Target>()> find_target;
  /// Makes players and progress as they were before the first level; answers a warning, or "". Does nothing where the
  /// profile has no `reset`.
  std::function<base::Expected<std::string>()> reset;

  /// `gauntlet WORDS...` aimed at it: watch, profile.
  std::vector<std::string> watching(const std::vector<std::string>& words) const;
  /// `gauntlet run` of a script on it, with its results as JSON in that file.
  std::vector<std::string> running(const std::filesystem::path& script, const std::filesystem::path& result) const;

  /// permission_denied when one command would load it for longer than its profile allows.
  base::Expected<void> permit_length(std::chrono::seconds load) const;
};

/// The stack must outlive it. It need not be up yet.
SystemUnderTest own_stack(const Stack& stack, const std::filesystem::path& programs);

/// The stack in containers, which has to be up.
SystemUnderTest stack_in_containers(const ContainerStack& stack, const std::filesystem::path& programs);

/// As read_target_profile() and permit_target(). `profiles` is the gauntlet.toml, beside which test/ lies; resetting
/// runs the profile's `reset` with sh in that folder.
base::Expected<SystemUnderTest> described_system(const std::filesystem::path& profiles, const std::string& name,
                                                 const std::vector<std::string>& owned, const std::filesystem::path& programs);

/// Where results of a target lie; "" is this checkout's stack.
std::filesystem::path results_of_target(const std::filesystem::path& project, const std::string& target);

/// PGHOST and its like for psql; empty where there is no database to ask.
std::map<std::string, std::string> database_environment(const Target& target);

}  // namespace gauntlet::lab
