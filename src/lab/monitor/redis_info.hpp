#pragma once
// Redis's INFO, asked over a plain socket.
#include <map>
#include <string>

#include "base/error.hpp"
#include "lab/target/target.hpp"

namespace gauntlet::lab {

/// "name:value" lines of INFO; comments and empty lines are left out. Pure.
std::map<std::string, std::string> parse_redis_info(const std::string& text);

/// Connects, authenticates where there is a password, asks, disconnects; 2 s at most a step. unavailable says why.
base::Expected<std::map<std::string, std::string>> redis_info(const RedisAddress& address);

}  // namespace gauntlet::lab
