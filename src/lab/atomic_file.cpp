#include "lab/atomic_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/system_error.hpp"
#include "base/write_all.hpp"

namespace gauntlet::lab {

base::Expected<void> write_file_atomically(const std::filesystem::path& path, std::string_view content, mode_t mode) {
  std::string temporary = path.string() + ".XXXXXX";
  const int fd = ::mkostemp(temporary.data(), O_CLOEXEC);
  if (fd < 0) return tl::unexpected(base::system_error(errno, "cannot write " + path.string()));
  bool written = base::write_all(fd, content) && ::fchmod(fd, mode) == 0 && ::fsync(fd) == 0;
  int reason = written ? 0 : errno;
  // close() reports what some file systems (quotas, network) only then find out.
  if (::close(fd) != 0 && written) written = false, reason = errno;
  if (written && ::rename(temporary.c_str(), path.c_str()) != 0) written = false, reason = errno;
  if (written) return {};
  ::unlink(temporary.c_str());
  return tl::unexpected(base::system_error(reason, "cannot write " + path.string()));
}

}  // namespace gauntlet::lab
