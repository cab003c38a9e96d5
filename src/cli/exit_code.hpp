#pragma once
// What `gauntlet` commands end with. `gauntlet run` and `k6 run` end with k6's own codes instead (97 to 110).
#include <string>

#include "base/error.hpp"

namespace gauntlet::cli {

enum ExitCode : int {
  kDone = 0,
  kFailed = 1,         // something of ours went wrong
  kWrongUsage = 2,     // unknown command or flag, or a value out of its range
  kBadInput = 3,       // a file or value that the user gave is missing or malformed
  kPortTaken = 4,      // somebody else listens on a port of the stack
  kMissingPart = 5,    // something has to be installed or built first
  kNoRoomOrRight = 6,  // disk full, or not permitted
  kNotUp = 7,          // the stack does not run
  kNotHealthy = 8,     // the stack, or a part of it, does not become healthy; `ps`: a part is not healthy
  kInterrupted = 130,  // Ctrl-C
};

/// The code that stands for an error of this kind.
int exit_code_of(base::ErrorKind kind);

/// The list above in words, for --help.
const char* exit_codes_help();

/// Writes the message to standard error as k6 does, and gives k6's code for errors without one of their own.
int fail_as_k6(const std::string& message);

}  // namespace gauntlet::cli
