#include "engine/api/core/encoding.hpp"

#include <string>

#include "base/base64.hpp"
#include "engine/script/binding.hpp"

namespace gauntlet::engine::api {
namespace {

/// "std", "rawstd", "url", "rawurl"; anything else is std, as in k6.
base::Base64Form form_named(std::string_view name) {
  if (name == "rawstd") return {false, false};
  if (name == "url") return {true, true};
  if (name == "rawurl") return {true, false};
  return {};
}

JSValue b64encode(script::Call call) {
  const script::Text kind(call.context, call.has(1) ? call.arg(1) : JS_UNDEFINED);
  const base::Base64Form form = form_named(kind.view());
  if (const auto bytes = script::bytes_of(call.context, call.arg(0))) {
    return script::new_string(call.context, base::encode_base64({reinterpret_cast<const char*>(bytes->data()), bytes->size()}, form));
  }
  if (!JS_IsString(call.arg(0))) {
    return script::throw_error(call.context, "invalid type for b64encode, expected string or ArrayBuffer");
  }
  const script::Text text(call.context, call.arg(0));
  return script::new_string(call.context, base::encode_base64(text.view(), form));
}

JSValue b64decode(script::Call call) {
  const script::Text text(call.context, call.arg(0));
  if (text.failed()) return JS_EXCEPTION;
  const script::Text kind(call.context, call.has(1) ? call.arg(1) : JS_UNDEFINED);
  std::size_t at = 0;
  auto bytes = base::decode_base64(text.view(), form_named(kind.view()), &at);
  if (!bytes) {
    return script::throw_error(call.context, "failed to base64decode string: illegal base64 data at input byte " + std::to_string(at));
  }
  const script::Text wanted(call.context, call.has(2) ? call.arg(2) : JS_UNDEFINED);
  if (wanted.view() == "s") return script::new_string(call.context, *bytes);
  return script::adopt_array_buffer(call.context, std::move(*bytes));
}

const script::Member kExports[] = {script::function<&b64encode>("b64encode", 2), script::function<&b64decode>("b64decode", 3)};

}  // namespace

void init_encoding(script::Module& module) { module.exports(kExports); }

}  // namespace gauntlet::engine::api
