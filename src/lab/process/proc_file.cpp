#include "lab/process/proc_file.hpp"

#include <dirent.h>

#include <memory>
#include <string_view>

#include "base/whole_file.hpp"

namespace gauntlet::lab {

std::string read_proc_file(const std::filesystem::path& file) { return base::read_whole_file(file).value_or(""); }

// Not directory_iterator, which turns ESRCH of a process that has just ended into an exception, whatever was asked of it.
std::vector<std::string> names_in_proc(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(folder.c_str()), &::closedir);
  if (!open) return names;
  while (const dirent* entry = ::readdir(open.get()))
    if (const std::string_view name = entry->d_name; name != "." && name != "..") names.emplace_back(name);
  return names;
}

}  // namespace gauntlet::lab
