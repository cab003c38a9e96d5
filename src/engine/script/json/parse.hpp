#pragma once
// JSON text to JavaScript values, many times quicker than the interpreter's own parser and indistinguishable from
// it: whatever the quick parser does not take for certain is given to the plain one, errors included, and large texts
// become values where a script looks (document.hpp).
#include <quickjs.h>

#include <string_view>

namespace gauntlet::engine::json {

/// Whether 64 readable bytes follow the text, as in wire::Buffer; without them the text is copied first.
enum class Padding { absent, present };

/// JSON.parse(text) for UTF-8; JS_EXCEPTION with a SyntaxError when it is not JSON.
JSValue parse(JSContext* context, std::string_view text, Padding padding);

/// Replaces the global JSON.parse by one that takes the quick path where it is quicker. Once per context.
void install(JSContext* context);

/// The bytes that the last response body's string was made from, so that JSON.parse(r.body) needs no copy of them. One
/// per thread; the owner keeps both alive until it forgets them.
class SourceLink {
 public:
  static void remember(JSValueConst string, std::string_view padded_bytes);
  static void forget(std::string_view padded_bytes);
  /// Empty when that string is not the remembered one.
  static std::string_view find(JSValueConst string);
};

}  // namespace gauntlet::engine::json
