#pragma once
// Files that are read as a whole. read(2) and not std::ifstream, which reads nothing from a folder and calls that a
// success, and throws where a file of /proc belongs to a process that has just ended.
#include <cstddef>
#include <filesystem>
#include <string>
#include <system_error>

#include "base/error.hpp"

namespace gauntlet::base {

/// Of a file that is read as a whole, unless the caller says otherwise: scripts, .proto files, keys and settings are far
/// smaller, and what is larger was named by mistake.
constexpr std::size_t kLargestFile = std::size_t{1} << 30;

/// What is not a regular file: a device may never end, and a pipe or a socket may never begin.
enum class FileProblem { not_regular = 1 };
std::error_code make_error_code(FileProblem problem);

/// The whole of a regular file, also of one that does not know its size (/proc); else the kernel's reason, for callers who
/// have their own words for it: std::errc::file_too_large beyond `most` bytes, FileProblem for pipes and devices. Any
/// thread; waits for the disk at most.
tl::expected<std::string, std::error_code> read_whole_file(const std::filesystem::path& path, std::size_t most = kLargestFile);

/// The same with "cannot read PATH: No such file or directory" for the reason, and the kind that it stands for:
/// not_found, permission_denied, invalid_argument (a folder, a device), resource_exhausted, internal.
Expected<std::string> read_file(const std::filesystem::path& path);

}  // namespace gauntlet::base

template <>
struct std::is_error_code_enum<gauntlet::base::FileProblem> : std::true_type {};
