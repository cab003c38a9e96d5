#include "engine/api/websocket/blob.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "engine/api/core/network_string.hpp"
#include "engine/api/core/streams.hpp"
#include "engine/api/http/body.hpp"
#include "engine/script/value.hpp"

namespace gauntlet::engine::api {
namespace {

using script::Call;
using script::Value;
using Self = script::Self<Blob>;

JSValue make(Call call) {
  JSContext* const context = call.context;
  auto blob = std::make_unique<Blob>();
  const auto refuse = [&](const std::string& why) { return script::throw_error(context, why); };
  if (call.has(0)) {
    if (!JS_IsArray(call.arg(0))) return refuse(fmt::format("a Blob is made of a list, not of {}", script::kind_of(context, call.arg(0))));
    std::int64_t length = 0;
    if (JS_GetLength(context, call.arg(0), &length) < 0) return JS_EXCEPTION;
    for (std::int64_t i = 0; i < length; ++i) {
      const Value part(context, JS_GetPropertyInt64(context, call.arg(0), i));
      if (part.is_exception()) return JS_EXCEPTION;
      if (part.is_string()) blob->bytes += script::Text(part).view();
      else if (const Blob* other = script::Class<Blob>::of(part.get())) blob->bytes += other->bytes;
      else if (const auto bytes = script::bytes_of(context, part.get()))
        blob->bytes.append(reinterpret_cast<const char*>(bytes->data()), bytes->size());
      else return refuse(fmt::format("a Blob is made of texts, buffers and Blobs, not of {}", script::kind_of(context, part.get())));
    }
  }
  if (JS_IsObject(call.arg(1))) {
    const Value type(context, JS_GetPropertyStr(context, call.arg(1), "type"));
    if (type.is_exception()) return JS_EXCEPTION;
    if (!type.is_nullish()) blob->type = script::Text(type).str();
  }
  if (!blob->memory.charge(context, blob->bytes.capacity())) return JS_EXCEPTION;
  return script::Class<Blob>::construct(call, std::move(blob));
}

JSValue size(Self self) { return JS_NewInt64(self.context, static_cast<std::int64_t>(self->bytes.size())); }
JSValue type(Self self) { return script::new_string(self.context, self->type); }
JSValue text(Self self, Call) { return script::resolved(self.context, new_network_string(self.context, self->bytes)); }
JSValue array_buffer(Self self, Call) { return script::resolved(self.context, script::new_array_buffer(self.context, self->bytes)); }

JSValue bytes(Self self, Call) {
  JSValue buffer = script::new_array_buffer(self.context, self->bytes);
  JSValueConst arguments[] = {buffer};
  const JSValue array = JS_NewTypedArray(self.context, 1, arguments, JS_TYPED_ARRAY_UINT8);
  JS_FreeValue(self.context, buffer);
  return script::resolved(self.context, array);
}

JSValue stream(Self self, Call) { return new_byte_stream(self.context, self->bytes); }

JSValue slice(Self self, Call call) {
  const auto length = static_cast<std::int64_t>(self->bytes.size());
  std::int64_t begin = 0;
  std::int64_t end = length;
  if (call.has(0) && JS_ToInt64(call.context, &begin, call.arg(0)) < 0) return JS_EXCEPTION;
  if (call.has(1) && JS_ToInt64(call.context, &end, call.arg(1)) < 0) return JS_EXCEPTION;
  // Negative positions count from the end.
  begin = std::clamp<std::int64_t>(begin < 0 ? begin + length : begin, 0, length);
  end = std::clamp<std::int64_t>(end < 0 ? end + length : end, begin, length);
  auto made = std::make_unique<Blob>();
  made->bytes = self->bytes.substr(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin));
  if (call.has(2)) made->type = script::Text(call.context, call.arg(2)).str();
  if (!made->memory.charge(call.context, made->bytes.capacity())) return JS_EXCEPTION;
  return script::Class<Blob>::create(call.context, std::move(made));
}

JSValue to_string(Self self, Call) { return script::new_string(self.context, "[object Blob]"); }

const script::Member kMembers[] = {
    script::getter<&size>("size"),
    script::getter<&type>("type"),
    script::method<&array_buffer>("arrayBuffer", 0),
    script::method<&bytes>("bytes", 0),
    script::method<&slice>("slice", 3),
    script::method<&stream>("stream", 0),
    script::method<&text>("text", 0),
    script::method<&to_string>("toString", 0),
};

}  // namespace

JSValue new_blob(JSContext* context, std::string bytes) {
  auto made = std::make_unique<Blob>();
  made->bytes = std::move(bytes);
  if (!made->memory.charge(context, made->bytes.capacity())) return JS_EXCEPTION;
  return script::Class<Blob>::create(context, std::move(made));
}

void export_blob(script::Module& module) {
  script::Class<Blob>::define(module.context(), "Blob", kMembers);
  module.export_class<Blob, &make>("Blob", 2);
}

}  // namespace gauntlet::engine::api
