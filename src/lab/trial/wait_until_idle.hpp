#pragma once
// The pause between two loads: until the system is idle, and no longer.
#include <chrono>

#include "base/error.hpp"
#include "lab/target/system_under_test.hpp"
#include "lab/trial/interruption.hpp"

namespace gauntlet::lab {

/// Idle: services and database together use less than a twentieth of a core over half a second, twice in a row. A
/// system none of whose processes can be seen is given five seconds. Answers how long it waited, `longest` at most (the
/// guide's pause is 60 s); cancelled when interrupted.
base::Expected<std::chrono::milliseconds> wait_until_idle(const SystemUnderTest& system, std::chrono::seconds longest,
                                                          Interruption& interruption);

}  // namespace gauntlet::lab
