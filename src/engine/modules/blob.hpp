#pragma once
// Blob of k6/websockets: bytes with a media type, as https://developer.mozilla.org/en-US/docs/Web/API/Blob has it.
#include <quickjs.h>

#include <string>

#include "engine/js/binding.hpp"

namespace gauntlet::engine::modules {

struct Blob {
  std::string bytes;
  std::string type;
};

/// Exports the class.
void export_blob(js::Module& module);
JSValue new_blob(JSContext* context, std::string bytes);

}  // namespace gauntlet::engine::modules
