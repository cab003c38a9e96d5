#pragma once
// The table of native modules: what `import ... from "k6/http"` and `require("k6/http")` find. A module is one file
// pair in this folder and one line in registry.cpp.
#include "engine/script/natives.hpp"

namespace gauntlet::engine::modules {

/// All modules, by name, and the globals. In each of their functions run::vu_of(context) gives the virtual user.
extern const js::Natives kNatives;

}  // namespace gauntlet::engine::modules
