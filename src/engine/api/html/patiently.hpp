#pragma once
// Methods of k6/html that walk the page: the script's end ends them, too.
#include "engine/api/html/patience.hpp"
#include "engine/script/binding.hpp"
#include "engine/script/interrupt.hpp"

namespace gauntlet::engine::api {

/// What patience asks on behalf of a script. A step is some 10 ns.
inline auto until_interrupted(JSContext* context) {
  return [context] { return !script::interrupted(context, html::Patience::kSteps * 8); };
}

/// The method `native` as one that an interrupt ends.
template <class Self, JSValue (*native)(Self, script::Call)>
JSValue patiently(Self self, script::Call call) {
  const html::Patience patience(until_interrupted(self.context));
  try {
    return native(self, call);
  } catch (const html::Interrupted&) {
    return JS_EXCEPTION;
  }
}

}  // namespace gauntlet::engine::api
