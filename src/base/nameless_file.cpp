#include "base/nameless_file.hpp"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>

namespace gauntlet::base {

int open_nameless_file(const std::string& folder) {
  const int opened = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
  if (opened >= 0 || (errno != EOPNOTSUPP && errno != EISDIR)) return opened;
  std::string name = folder + "/gauntlet-XXXXXX";  // a file system without nameless files
  const int file = ::mkostemp(name.data(), O_CLOEXEC);
  if (file >= 0) ::unlink(name.c_str());
  return file;
}

}  // namespace gauntlet::base
