#include "base/system_error.hpp"

#include <cerrno>
#include <cstring>

namespace gauntlet::base {

Error system_error(int error_number, const std::string& what) {
  ErrorKind kind = ErrorKind::internal;
  const char* advice = "";
  switch (error_number) {
    case ENOSPC:
    case EDQUOT:
      kind = ErrorKind::resource_exhausted;
      advice = " (free some space there)";
      break;
    case EMFILE:
    case ENFILE:
      kind = ErrorKind::resource_exhausted;
      advice = " (raise `ulimit -n`)";
      break;
    case EACCES:
    case EPERM:
    case EROFS: kind = ErrorKind::permission_denied; break;
    case ENOENT:
    case ENOTDIR: kind = ErrorKind::not_found; break;
    case EFBIG: kind = ErrorKind::resource_exhausted; break;
    case EISDIR: kind = ErrorKind::invalid_argument; break;
    default: break;
  }
  return {kind, what + ": " + std::strerror(error_number) + advice};
}

}  // namespace gauntlet::base
