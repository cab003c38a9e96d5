#pragma once
// Blob of k6/websockets: bytes with a media type, as https://developer.mozilla.org/en-US/docs/Web/API/Blob has it.
#include <quickjs.h>

#include <string>

#include "engine/script/binding.hpp"
#include "engine/script/native_memory.hpp"

namespace gauntlet::engine::api {

struct Blob {
  std::string bytes;
  std::string type;
  script::NativeMemory memory;
};

/// Exports the class.
void export_blob(script::Module& module);
/// An exception where the heap limit does not allow the bytes.
JSValue new_blob(JSContext* context, std::string bytes);

}  // namespace gauntlet::engine::api
