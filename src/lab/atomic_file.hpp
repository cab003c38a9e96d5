#pragma once
// Whole-file writes that a crash, a full disk or a reader in between cannot tear.
#include <sys/types.h>
#include <filesystem>
#include <string_view>

#include "base/error.hpp"

namespace gauntlet::lab {

/// Writes `content` beside `path`, syncs it and renames it over `path`: readers see the old file or the new one, never
/// a part. Nothing is left behind on failure. Any thread; concurrent writers of one path: the last rename wins.
/// Fails with resource_exhausted (disk full), permission_denied, not_found (no such folder) or internal.
base::Expected<void> write_file_atomically(const std::filesystem::path& path, std::string_view content, mode_t mode = 0644);

}  // namespace gauntlet::lab
