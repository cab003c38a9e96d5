#pragma once
// Systems that are not this checkout's stack, as gauntlet.toml describes them, and what guards them.
//
//   [targets.staging]
//   base_url  = "https://staging.example.net"        # BASE_URL of scripts
//   grpc      = "staging.example.net:6566"           # EVENT_HANDLER_ADDR
//   behind    = "staging.example.net"                # who is at the other end, where the addresses are a tunnel's here
//   max_rate    = 200                                # iterations a second, over all scenarios
//   max_minutes = 10                                 # of load by one command
//   reset = "psql -f empty.sql"                      # run by sh before each level of campaigns and searches
//   database  = "host=127.0.0.1 port=5433 user=postgres password=postgres dbname=challenge_db"
//   redis     = "127.0.0.1:6379"
//   cgroups   = ["/sys/fs/cgroup/system.slice/challenge.service"]
//   variables  = { NAMESPACE = "test" }              # further ones for scripts
//   processes  = { challenge-service = 1234 }        # pids on this machine,
//   containers = { challenge-postgres = "postgres" } # or containers, whose pids docker tells
//   metrics    = { challenge-service = "http://127.0.0.1:8080/metrics" }
//   pprof      = { challenge-service = "http://127.0.0.1:8080/debug/pprof" }
//
// All keys but base_url and grpc may be left out; one of these two is needed.
#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "engine/plan/options.hpp"
#include "lab/target/target.hpp"

namespace gauntlet::lab {

struct TargetProfile {
  Target target;
  std::vector<std::string> strangers;  // hosts that are not this machine: those of the addresses, and `behind`
  std::optional<double> max_rate;      // iterations a second
  std::optional<std::chrono::minutes> longest;
  std::string reset;  // a shell's command that makes players and progress as they were; "": nothing is reset
};

/// Reads profile `name` of a gauntlet.toml. not_found names the file or the profiles that there are; invalid_argument
/// names the key, its place and what is allowed. Containers are asked for their pids.
base::Expected<TargetProfile> read_target_profile(const std::filesystem::path& file, const std::string& name);

/// A target elsewhere is loaded only by somebody who says that it is theirs (`owned`: each host by name), and only with
/// a cap of rate and of time in its profile. permission_denied says what is missing.
base::Expected<void> permit_target(const TargetProfile& profile, const std::vector<std::string>& owned);

/// Whether a test keeps within the profile's caps; permission_denied names the scenario and the cap. Where the rate is
/// capped, only arrival-rate scenarios are let through: others have no rate that could be known before.
base::Expected<void> permit_scenarios(const TargetProfile& profile, const std::vector<engine::plan::Scenario>& scenarios);

}  // namespace gauntlet::lab
