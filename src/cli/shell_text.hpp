#pragma once
// Texts in what a shell reads.
#include <string>

namespace gauntlet::cli {

/// In quotes, as a POSIX shell reads it back: one word, whatever is in it.
std::string shell_quoted(const std::string& text);

}  // namespace gauntlet::cli
