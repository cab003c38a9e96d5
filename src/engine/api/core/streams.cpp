#include "engine/api/core/streams.hpp"

#include "embedded/streams_pipe.hpp"
#include "embedded/streams_promises.hpp"
#include "embedded/streams_readable.hpp"
#include "embedded/streams_strategies.hpp"
#include "embedded/streams_writable.hpp"
#include "engine/script/binding.hpp"
#include "engine/script/embedded_script.hpp"
#include "engine/script/runtime.hpp"

namespace gauntlet::engine::api {
namespace {

constexpr const char* kName = "k6/experimental/streams";

script::EmbeddedScript& script() {
  static script::EmbeddedScript made(kName,
                                     {embedded::streams_promises(), embedded::streams_strategies(), embedded::streams_readable(),
                                      embedded::streams_writable(), embedded::streams_pipe()},
                                     "ByteLengthQueuingStrategy, CountQueuingStrategy, ReadableStream, ReadableStreamDefaultReader, "
                                     "WritableStream, WritableStreamDefaultWriter");
  return made;
}

}  // namespace

void init_streams(script::Module& module) {
  const script::Value exports = script().run(module.context());
  if (exports.is_exception()) return;
  script::for_each_property(module.context(), exports.get(), [&](std::string_view name, script::Value value) {
    module.export_value(std::string(name).c_str(), std::move(value));
    return true;
  });
}

JSValue new_byte_stream(JSContext* context, std::string_view bytes) {
  const script::Value streams(context, script::Runtime::of(context).require(kName, kName));
  if (streams.is_exception()) return JS_EXCEPTION;
  const script::Value stream_class = streams.property("ReadableStream");
  const script::Value from = stream_class.property("from");
  const script::Value chunks(context, JS_NewArray(context));
  const JSValue chunk = JS_NewUint8ArrayCopy(context, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  if (JS_IsException(chunk)) return JS_EXCEPTION;
  if (!bytes.empty()) JS_DefinePropertyValueUint32(context, chunks.get(), 0, chunk, JS_PROP_C_W_E);
  else JS_FreeValue(context, chunk);
  JSValueConst arguments[] = {chunks.get()};
  return JS_Call(context, from.get(), stream_class.get(), 1, arguments);
}

}  // namespace gauntlet::engine::api
