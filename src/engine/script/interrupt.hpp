#pragma once
// Natives that work for long ask whether the script is to end, and let the thread's other virtual users have their turn.
#include <quickjs.h>

#include <cstddef>

namespace gauntlet::engine::script {

/// Counts so much work, in bytes that are copied or looked at (64 to an operation of running script); now and then the
/// interrupt handler is asked, which may suspend the fiber. True: return JS_EXCEPTION, the error is pending.
bool interrupted(JSContext* context, std::size_t bytes);

}  // namespace gauntlet::engine::script
