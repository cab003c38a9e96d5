#pragma once
// Reading below /proc, where a process may end between opening a file and reading it: that is no error here.
#include <filesystem>
#include <string>
#include <vector>

namespace gauntlet::lab {

/// The whole file; "" when it, or the process that it tells of, is not there or not ours to read. Nothing is thrown.
std::string read_proc_file(const std::filesystem::path& file);

/// Names of the entries of a folder, as far as they could be read; nothing when there is no such folder or it is not
/// ours to read.
std::vector<std::string> names_in_proc(const std::filesystem::path& folder);

}  // namespace gauntlet::lab
