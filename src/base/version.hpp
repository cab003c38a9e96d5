#pragma once

namespace gauntlet::base {

/// This build's version, as CMakeLists.txt gives it: "1.2.3".
extern const char* const kVersion;

}  // namespace gauntlet::base
