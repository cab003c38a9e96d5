#pragma once
// Script values as k6's natives see them: what counts as bytes, and the Go types that its error texts name.
#include <quickjs.h>

#include <optional>
#include <string>

namespace gauntlet::engine::modules {

/// The type that k6's errors name: "<nil>", "int64", "map[string]interface {}".
std::string go_type(JSContext* context, JSValueConst value);

/// Bytes of a string (UTF-8) or of a buffer; nothing for the rest.
std::optional<std::string> bytes_or_text(JSContext* context, JSValueConst value);

/// An object that is no array, function or date.
bool is_plain_object(JSContext* context, JSValueConst value);

}  // namespace gauntlet::engine::modules
