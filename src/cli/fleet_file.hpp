#pragma once
// Who is in a fleet: commands of the command line, and a file of them.
//
//   [[agent]]
//   name = "lg1"
//   command = "ssh lg1"     # what carries `gauntlet agent`; one that ends in `agent` is taken as it is
//   weight = 2              # takes twice the share of one with 1, which is what a missing weight is
#include <string>
#include <vector>

#include "base/error.hpp"
#include "engine/session/team.hpp"

namespace gauntlet::cli {

/// Agents of `file`, "" for none, then those of the commands, which are named for these. Names are told apart.
base::Expected<engine::session::TeamSettings> read_fleet(const std::string& file, const std::vector<std::string>& commands);

}  // namespace gauntlet::cli
