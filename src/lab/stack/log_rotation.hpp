#pragma once
// Keeps a server's log bounded while the server keeps its file open.
#include <cstdint>
#include <filesystem>

namespace gauntlet::lab {

inline constexpr std::uintmax_t kLongestLog = 32U << 20U;  // bytes; with the previous part, a log takes twice this

/// Once `log` is longer than `limit`: copies it to `log`.1 (the part before that is dropped) and empties it. Writers
/// append (O_APPEND), so they go on at the start; lines written between copy and emptying are lost, which is why this
/// happens every 32 MB and not at each line. Does nothing when the disk has no room for the copy: it then empties only.
void rotate_log(const std::filesystem::path& log, std::uintmax_t limit = kLongestLog);

}  // namespace gauntlet::lab
