#pragma once
// What ends a test with a code of its own.
#include <string>

#include "engine/session/exit_code.hpp"

namespace gauntlet::engine::session {

struct Verdict {
  ExitCode code = ExitCode::ok;
  std::string message;
  std::string hint;
};

}  // namespace gauntlet::engine::session
