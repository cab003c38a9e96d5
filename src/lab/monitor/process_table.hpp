#pragma once
// The columns of `docker stats` for processes that no container holds.
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "lab/target/target.hpp"

namespace gauntlet::lab {

/// "NAME  CPU %  MEM USAGE / LIMIT  MEM %  BLOCK I/O  PIDS", CPU in percent of one core over `period`, which it waits
/// for. Where `limit_of` answers 0 the limit is the machine's memory, as with docker.
std::string process_table(const std::vector<WatchedProcess>& processes,
                          const std::function<std::uint64_t(const std::string& name)>& limit_of, std::chrono::milliseconds period);

/// "512MiB", "1.5GiB", as docker writes sizes. Pure.
std::string binary_size(std::uint64_t bytes);

}  // namespace gauntlet::lab
