#include "cli/exit_code.hpp"

#include "engine/session/exit_code.hpp"
#include "engine/users/log.hpp"

namespace gauntlet::cli {

int exit_code_of(base::ErrorKind kind) {
  switch (kind) {
    case base::ErrorKind::invalid_argument:
    case base::ErrorKind::not_found:
    case base::ErrorKind::out_of_range: return kBadInput;
    case base::ErrorKind::already_exists: return kPortTaken;
    case base::ErrorKind::failed_precondition:
    case base::ErrorKind::unimplemented: return kMissingPart;
    case base::ErrorKind::resource_exhausted:
    case base::ErrorKind::permission_denied: return kNoRoomOrRight;
    case base::ErrorKind::unavailable: return kNotUp;
    case base::ErrorKind::deadline_exceeded: return kNotHealthy;
    case base::ErrorKind::cancelled: return kInterrupted;
    default: return kFailed;
  }
}

const char* exit_codes_help() {
  return "Exit codes:\n"
         "  0 done                        5 something must be installed or built first\n"
         "  1 failed                      6 disk full, or not permitted\n"
         "  2 wrong usage                 7 the stack is not up\n"
         "  3 missing or malformed input  8 the stack, or a part of it, is not healthy\n"
         "  4 a port is taken             130 interrupted\n"
         "`gauntlet run`, `k6 run`, `merge` and `compare --fail-on-worse` end with k6's codes: 99 a threshold was crossed,\n"
         "104 invalid options, 105 interrupted, 107 the script threw, 108 test.abort() was called; 111 the generator was\n"
         "the limit (--require-generator-ok). All of them: `gauntlet run --help`.";
}

int fail_as_k6(const std::string& message) {
  if (auto log = engine::users::Log::open({})) (*log)->write(engine::users::LogLevel::error, message);
  return static_cast<int>(engine::session::ExitCode::other);
}

}  // namespace gauntlet::cli
