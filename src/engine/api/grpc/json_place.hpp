#pragma once
// A place in a JavaScript value, and what stands there in the value's JSON text: protobuf for Go names the line, the column
// and the token of what it cannot take.
#include <quickjs.h>

#include <cstddef>
#include <cstdint>
#include <string>

namespace gauntlet::engine::grpc {

/// A member or an element, and through `up` those around it; lives on the stack of the walk through the value.
struct JsonPlace {
  const JsonPlace* up;
  JSAtom key;  ///< JS_ATOM_NULL: an array's element
  std::uint32_t index;
};

struct JsonToken {
  std::string text;    ///< of an object or array only its bracket
  std::size_t offset;  ///< in compact JSON, from 0
};

/// The token at `place` (its key, or its value) in the text that JSON.stringify gives of `root`; "{" at 0 when that does not
/// have it.
JsonToken token_at(JSContext* context, JSValueConst root, const JsonPlace* place, bool at_key);

}  // namespace gauntlet::engine::grpc
