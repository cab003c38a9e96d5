#pragma once
// Where this checkout lies, for tests that read files of it. The path is compiled into one file alone, so that the
// objects of all others serve every clone from the compiler cache.
#include <string>

namespace gauntlet::support {

/// Absolute, without a slash at the end.
std::string source_directory();

}  // namespace gauntlet::support
