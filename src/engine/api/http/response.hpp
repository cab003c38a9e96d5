#pragma once
// The Response object of k6/http: a C++ object whose properties come into being when a script touches them. To scripts
// its properties are its own, enumerable and writable, in k6's order; nothing can be added to it.
#include <quickjs.h>

#include <array>
#include <memory>
#include <string>

#include "engine/api/http/state.hpp"
#include "engine/script/native_memory.hpp"

namespace gauntlet::engine::api {

/// `stream`: the body is an object that reads it as it comes, and made[body] has it.
enum class ResponseType : std::uint8_t { text, binary, none, stream };

struct Response {
  /// The finished fetch; null when no request was made because it was not valid.
  PooledFetch fetch;
  ResponseType type = ResponseType::text;
  int error_code = 0;
  std::string error;
  /// The request's body as the script gave it, when what went out was a compressed form of it.
  std::string plain_request_body;
  bool has_plain_request_body = false;
  /// The bodies, which stay with the response whether the script looks at them or not.
  script::NativeMemory memory;

  /// Values that were made, or assigned by the script, by Atoms' order; JS_UNINITIALIZED where there is none.
  std::unique_ptr<std::array<JSValue, Atoms::response_end>> made;
  JSValue parsed_json = JS_UNINITIALIZED;

  /// The bytes of a text body.
  std::string_view text() const { return fetch ? fetch->exchange.body.view() : std::string_view(); }
  /// Whether `body` is null to the script: no body was kept, or none can be.
  bool has_null_body() const;
};

/// Registers the class in the virtual user's runtime. Once per runtime.
void define_response(JSContext* context);
/// A new Response for the script; an exception where the heap limit does not allow its body.
JSValue new_response(JSContext* context, std::unique_ptr<Response> response);
/// Makes `value` what the script sees as its `body`.
void set_body(JSValueConst response, script::Value value);

}  // namespace gauntlet::engine::api
