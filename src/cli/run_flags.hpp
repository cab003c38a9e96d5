#pragma once
// The flags of `run`, and of the commands that take them too: k6's, and ours.
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "cli/fleet_flags.hpp"
#include "engine/session/engine.hpp"
#include "lab/target/target_profile.hpp"

namespace gauntlet::cli {

/// What the flags say, and what is made of it once all are read.
struct Invocation {
  engine::session::RunSettings settings;
  std::vector<std::string> outputs;
  std::vector<std::string> stages;
  engine::plan::StringMap environment;
  engine::plan::StringMap tags;
  std::optional<bool> include_system_environment;
  std::vector<std::string> scripts;
  bool summary_mode_given = false;
  std::size_t processes = 1;
  FleetFlags fleet;
  std::string target;
  std::vector<std::string> owned_hosts;
  std::shared_ptr<const lab::TargetProfile> profile;  // shared with what refuses scenarios
  bool help = false;
  // Of inspect, archive, deps and check.
  bool requirements = false;
  std::string archive_path = "archive.tar";
  bool leave_environment_out = false;
  bool as_json = false;
  bool packs = false;  // into an archive: the system's variables only when asked for
};

/// Fills `invocation` from the command line; errors are worded as k6's flag library words them.
base::Expected<void> read_arguments(Invocation& invocation, const std::vector<std::string>& arguments);

/// invalid_argument, with this message.
base::Error wrong_usage(std::string message);

/// What --log-format and --summary-mode mean, which variables can give as well.
base::Expected<void> set_log_format(Invocation& invocation, const std::string& text);
base::Expected<void> set_summary_mode(Invocation& invocation, const std::string& text);

/// `run --help`.
void print_run_help();
/// Those that it lists, as a shell completes them: "--vus --duration ...".
std::string names_of_run_flags();

}  // namespace gauntlet::cli
