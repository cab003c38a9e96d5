#include "engine/script/native_memory.hpp"

#include <cstdint>

// patches/0005-native-memory.patch
extern "C" bool JS_ChargeNativeMemory(JSRuntime* runtime, std::int64_t bytes);

namespace gauntlet::engine::script {

NativeMemory::~NativeMemory() {
  if (bytes_ > 0) JS_ChargeNativeMemory(runtime_, -static_cast<std::int64_t>(bytes_));
}

bool NativeMemory::charge(JSContext* context, std::size_t bytes) {
  JSRuntime* const runtime = JS_GetRuntime(context);
  if (!JS_ChargeNativeMemory(runtime, static_cast<std::int64_t>(bytes))) {
    JS_ThrowOutOfMemory(context);
    return false;
  }
  runtime_ = runtime;
  bytes_ += bytes;
  return true;
}

}  // namespace gauntlet::engine::script
