#pragma once
// The table of native modules: what `import ... from "k6/http"` and `require("k6/http")` find. A module is one file
// pair in this folder and one line in registry.cpp.
#include "engine/script/natives.hpp"

namespace gauntlet::engine::api {

/// All modules, by name, and the globals. In each of their functions users::vu_of(context) gives the virtual user.
extern const script::Natives kNatives;

}  // namespace gauntlet::engine::api
