#include "lab/process/proc_file.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string_view>

#include "lab/process/launch.hpp"

namespace gauntlet::lab {

// Not std::ifstream and directory_iterator: reading a file of a process that has just ended fails with ESRCH, which
// both turn into an exception, whatever was asked of them.
std::string read_proc_file(const std::filesystem::path& file) {
  const Descriptor fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return {};
  std::string text;
  char chunk[16384];
  for (;;) {
    const ssize_t size = ::read(fd.get(), chunk, sizeof chunk);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return {};
    if (size == 0) return text;
    text.append(chunk, static_cast<std::size_t>(size));
  }
}

std::vector<std::string> names_in_proc(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(folder.c_str()), &::closedir);
  if (!open) return names;
  while (const dirent* entry = ::readdir(open.get()))
    if (const std::string_view name = entry->d_name; name != "." && name != "..") names.emplace_back(name);
  return names;
}

}  // namespace gauntlet::lab
