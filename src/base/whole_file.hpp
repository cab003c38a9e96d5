#pragma once
// Files that are read as a whole. read(2) and not std::ifstream, which reads nothing from a folder and calls that a
// success, and throws where a file of /proc belongs to a process that has just ended.
#include <filesystem>
#include <string>
#include <system_error>

#include "base/error.hpp"

namespace gauntlet::base {

/// The whole of a file, also of one that does not know its size (/proc); else the kernel's reason, for callers who have
/// their own words for it. Any thread; blocks.
tl::expected<std::string, std::error_code> read_whole_file(const std::filesystem::path& path);

/// The same with "cannot read PATH: No such file or directory" for the reason, and the kind that it stands for:
/// not_found, permission_denied, invalid_argument (a folder), resource_exhausted, internal.
Expected<std::string> read_file(const std::filesystem::path& path);

}  // namespace gauntlet::base
