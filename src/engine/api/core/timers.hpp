#pragma once
// setTimeout and its kin, as globals and as k6/timers.
#include <quickjs.h>

#include "engine/script/binding.hpp"

namespace gauntlet::engine::api {

JSValue set_timeout(script::Call call);
JSValue set_interval(script::Call call);
/// clearTimeout and clearInterval: both take either's ids.
JSValue clear_timer(script::Call call);

void init_timers(script::Module& module);

}  // namespace gauntlet::engine::api
