#include "engine/script/interrupt.hpp"

// patches/0020-interrupts-in-natives.patch
extern "C" bool JS_ChargeWork(JSContext* context, std::size_t bytes);

namespace gauntlet::engine::script {

bool interrupted(JSContext* context, std::size_t bytes) { return JS_ChargeWork(context, bytes); }

}  // namespace gauntlet::engine::script
