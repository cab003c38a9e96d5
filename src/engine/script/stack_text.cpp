#include "engine/script/stack_text.hpp"

#include "engine/script/runtime.hpp"
#include "engine/script/value.hpp"

namespace gauntlet::engine::script {

std::string calling_place(JSContext* context) {
  throw_error(context, "");
  const Value error(context, JS_GetException(context));
  const std::string stack = describe_exception(context, error.get());
  const auto native = stack.find(kStackLine);
  const auto caller = native == std::string::npos ? native : stack.find(kStackLine, native + 1);
  if (caller == std::string::npos) return "";
  return stack.substr(caller + 1, stack.find('\n', caller) - caller - 1);
}

}  // namespace gauntlet::engine::script
