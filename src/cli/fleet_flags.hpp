#pragma once
// Who takes part in a test on many machines: --agent CMD, --fleet FILE, --kubernetes N and --listen HOST:PORT of all commands that make
// load.
//
//   [[agent]]
//   name = "lg1"
//   command = "ssh lg1"     # what carries `gauntlet agent`; one that ends in `agent` is taken as it is
//   weight = 2              # takes twice the share of one with 1, which is what a missing weight is
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "engine/session/team.hpp"

namespace CLI {
class App;
}

namespace gauntlet::cli {

/// What the file says, or GAUNTLET_FLEET_TOKEN where there is none; without blanks around it, and empty where that is not set.
base::Expected<std::string> fleet_token(const std::string& file);

struct FleetFlags {
  std::vector<std::string> agents;  // commands
  std::string file;                 // "": none
  std::int64_t kubernetes = 0;      // so many pods
  std::string image = "gauntlet:local";
  std::string kubectl = "kubectl";
  std::string listen;                    // HOST:PORT, where agents join; "": nowhere
  std::optional<std::int64_t> expected;  // so many of them; nothing given: 1
  std::string token_file;
  bool goes_on_without_lost = false;

  static constexpr std::int64_t kMostAgents = 1000;

  /// For commands whose flags `run` does not read.
  void declare(CLI::App& command);
  std::int64_t joining() const { return listen.empty() ? 0 : expected.value_or(1); }  // agents
  bool are_given() const { return !agents.empty() || !file.empty() || kubernetes > 0 || !listen.empty(); }
  /// Agents of the file, those of the commands, which are named for these, pods, and who joins. Names are told apart.
  base::Expected<engine::session::TeamSettings> read() const;
  /// The same, as flags of `run` in another folder, where commands look for what they name without a whole path.
  std::vector<std::string> for_run() const;
};

}  // namespace gauntlet::cli
