#pragma once
// Points in time as the domain and the tables see them: UTC, microseconds since 1970-01-01 (PostgreSQL's resolution).
// The domain never reads a clock: every rule that depends on time takes `now` as an argument.
#include <chrono>

namespace gauntlet::challenge {

using Instant = std::chrono::sys_time<std::chrono::microseconds>;

}  // namespace gauntlet::challenge
