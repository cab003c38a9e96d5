#include "engine/script/embedded_script.hpp"

namespace gauntlet::engine::script {

JSValue EmbeddedScript::compile(JSContext* context) {
  const std::lock_guard lock(mutex_);
  if (!bytecode_.empty()) return JS_ReadObject(context, bytecode_.data(), bytecode_.size(), JS_READ_OBJ_BYTECODE);
  std::string text = "(() => {";
  for (const std::string_view part : parts_) text += part;
  text += "return { " + exports_ + " };})()";
  const JSValue compiled = JS_Eval(context, text.c_str(), text.size(), name_.c_str(), JS_EVAL_TYPE_GLOBAL | JS_EVAL_FLAG_COMPILE_ONLY);
  if (JS_IsException(compiled)) return JS_EXCEPTION;
  std::size_t size = 0;
  std::uint8_t* bytes = JS_WriteObject(context, &size, compiled, JS_WRITE_OBJ_BYTECODE | JS_WRITE_OBJ_STRIP_SOURCE);
  if (bytes != nullptr) bytecode_.assign(bytes, bytes + size);
  js_free(context, bytes);
  return compiled;
}

Value EmbeddedScript::run(JSContext* context) {
  const JSValue compiled = compile(context);
  return {context, JS_IsException(compiled) ? JS_EXCEPTION : JS_EvalFunction(context, compiled)};
}

}  // namespace gauntlet::engine::script
