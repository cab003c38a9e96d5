#pragma once
// setTimeout and its kin, as globals and as k6/timers.
#include <quickjs.h>

#include "engine/script/binding.hpp"

namespace gauntlet::engine::modules {

JSValue set_timeout(js::Call call);
JSValue set_interval(js::Call call);
/// clearTimeout and clearInterval: both take either's ids.
JSValue clear_timer(js::Call call);

void init_timers(js::Module& module);

}  // namespace gauntlet::engine::modules
