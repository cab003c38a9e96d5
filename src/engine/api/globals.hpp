#pragma once
// What scripts find without importing it: console, __ENV, __VU, __ITER, open, require, timers, TextEncoder, a quick JSON.parse.
#include <quickjs.h>

namespace gauntlet::engine::api {

/// Called once per virtual user before its script runs.
void install_globals(JSContext* context);

}  // namespace gauntlet::engine::api
