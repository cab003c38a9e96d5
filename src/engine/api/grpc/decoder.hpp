#pragma once
// From a message's wire format straight to a JavaScript object: what protobuf's JSON printer with defaults emitted and
// JSON.parse would give, without the text between. Names are lowerCamelCase in the order of declaration, 64-bit
// numbers and bytes are strings, enums names, an unset message is null, an unset oneof is absent.
//
//   if (auto problem = check_wire(*method->output, bytes)) { ... }
//   script::Value message(context, Decoder(names, schema).decode(*method->output, bytes));
#include <quickjs.h>

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/api/grpc/type_names.hpp"
#include "engine/wire/grpc/protobuf_wire.hpp"
#include "engine/wire/grpc/schema.hpp"

namespace gauntlet::engine::grpc {

/// What is wrong with a message, as protobuf for Go says it; nothing when it is right. Needs no JavaScript.
std::optional<std::string> check_wire(const MessageType& type, std::string_view bytes);

class Decoder {
 public:
  /// Deeper nesting is refused, as is what the fiber's stack has no room for.
  static constexpr int kMaxDepth = 100;

  Decoder(TypeNames& names, const Schema& schema) : names_(names), schema_(schema), context_(names.context()) {}

  /// The caller owns the value. JS_EXCEPTION, with a GoError thrown, for malformed bytes and for what has no JSON form
  /// (an Any of an unknown type, a time out of range).
  JSValue decode(const MessageType& type, std::string_view bytes);

 private:
  /// What a message has for one of its fields so far.
  struct Slot {
    JSValue value = JS_UNINITIALIZED;  // scalars, lists and maps
    std::string_view bytes;            // of a single message
    std::uint32_t count = 0;           // elements; occurrences of a single message
  };

  class Frame;

  JSValue message(const MessageType& type, std::string_view bytes);
  bool fill(const MessageType& type, std::string_view bytes, JSValueConst into);
  bool read(const MessageType& type, std::string_view bytes, const Frame& frame);
  bool read_entry(const Field& field, std::string_view bytes, const Frame& outer, std::size_t index);
  bool start_list(Slot& slot);
  bool append(JSValue element, Slot& slot);
  JSValue take_value(const Field& field, WireReader& reader);
  JSValue number(const Field& field, std::uint64_t bits);
  JSValue default_of(const Field& field);

  JSValue well_known(const MessageType& type, std::string_view bytes);
  JSValue time(const MessageType& type, std::string_view bytes);
  JSValue field_mask(std::string_view bytes);
  JSValue value(const MessageType& type, std::string_view bytes);
  JSValue any(std::string_view bytes);
  /// Throws; gives JS_EXCEPTION.
  JSValue fail(std::string_view what);

  TypeNames& names_;
  const Schema& schema_;
  JSContext* context_;
  std::vector<Slot> slots_;         // of all messages being read, the innermost last
  std::deque<std::string> merged_;  // singular messages that came in several parts
  int depth_ = 0;
};

}  // namespace gauntlet::engine::grpc
