#pragma once
// Profiles of a target's servers, taken while it works, into files.
#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "lab/target/target.hpp"

namespace gauntlet::lab {

struct ProfileRequest {
  std::filesystem::path folder;
  std::string level;             // in the files' names: "500rps_2000eps"
  std::chrono::seconds cpu{10};  // 1 to 300
};

/// The CPU of all servers at once, then heap and goroutines of each. For challenge-service (or the target's first
/// server) the guide's names: cpu_LEVEL.txt, heap_LEVEL.txt, goroutine_LEVEL.txt; for the others their name in front:
/// event-handler_cpu_LEVEL.txt. Each .txt is the profile itself, in pprof's format; beside it .top.txt for people and
/// .svg, a flame graph. Answers what could not be taken, one sentence each. Starts threads and joins them.
base::Expected<std::vector<std::string>> collect_profiles(const Target& target, const ProfileRequest& request);

}  // namespace gauntlet::lab
