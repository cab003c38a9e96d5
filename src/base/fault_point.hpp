#pragma once
// Places where a test can make a program fail.
#include <string_view>

namespace gauntlet::base {

/// Marks a step between two effects that a crash must not tear apart; `name` is "subject.step", in the past tense where
/// the step is done ("claim.opened"). Does nothing in the programs that are installed: tests link another definition
/// (tests/support/fault_points.cpp), which kills the process at the point that GAUNTLET_FAULT names. Any thread.
void fault_point(std::string_view name);

}  // namespace gauntlet::base
