#pragma once
// From a JavaScript object straight to a message's wire format, by protobuf's JSON mapping
// (https://protobuf.dev/programming-guides/json/): what JSON.stringify and a JSON parser of protobuf would give,
// without the text between. Beyond that mapping, bytes may be given as ArrayBuffer or typed array and 64-bit numbers as
// BigInt.
//
//   Encoder encoder(names, schema);
//   if (!encoder.encode(*method->input, value, out)) { ... encoder.problem() ... }
#include <quickjs.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/api/grpc/json_place.hpp"
#include "engine/api/grpc/type_names.hpp"
#include "engine/wire/grpc/schema.hpp"

namespace gauntlet::engine::grpc {

class Encoder {
 public:
  /// Deeper nesting is refused, as is what the fiber's stack has no room for.
  static constexpr int kMaxDepth = 100;

  Encoder(TypeNames& names, const Schema& schema) : names_(names), schema_(schema), context_(names.context()) {}

  /// Appends the message to `out`. False when the value does not fit the type, or when a getter or toJSON threw (the
  /// exception is then pending, and problem() is empty).
  bool encode(const MessageType& type, JSValueConst value, std::string& out);
  /// As protobuf for Go says it, with the place in the value's JSON text: 'proto: (line 1:2): unknown field "zzz"'.
  const std::string& problem() const { return problem_; }

 private:
  class Settled;

  bool message(const MessageType& type, JSValueConst value, const JsonPlace* place, std::string& out);
  bool ordinary(const MessageType& type, JSValueConst value, const JsonPlace* place, std::string& out);
  bool member(const Field& field, JSValueConst value, const JsonPlace* place, std::string& out);
  bool list(const Field& field, JSValueConst value, const JsonPlace* place, std::string& out);
  bool map(const Field& field, JSValueConst value, const JsonPlace* place, std::string& out);
  bool map_key(const Field& field, JSAtom key, const JsonPlace* place, std::string& out);
  /// One value with its tag; a zero is left out when `skip_zero`.
  bool element(const Field& field, JSValueConst value, const JsonPlace* place, bool skip_zero, std::string& out);
  bool number(const Field& field, JSValueConst value, const JsonPlace* place, std::uint64_t& bits);
  bool integer(const Field& field, JSValueConst value, const JsonPlace* place, std::uint64_t& bits);
  bool real(const Field& field, JSValueConst value, const JsonPlace* place, std::uint64_t& bits);
  bool enumeration(const Field& field, JSValueConst value, const JsonPlace* place, std::uint64_t& bits);
  bool text(const Field& field, JSValueConst value, const JsonPlace* place, bool skip_empty, std::string& out);
  bool bytes(const Field& field, JSValueConst value, const JsonPlace* place, bool skip_empty, std::string& out);

  bool any(JSValueConst value, const JsonPlace* place, std::string& out);
  bool from_text(const MessageType& type, JSValueConst value, const JsonPlace* place, std::string& out);
  bool structure(const MessageType& type, JSValueConst value, const JsonPlace* place, std::string& out);
  bool list_value(const MessageType& type, JSValueConst value, const JsonPlace* place, std::string& out);
  bool any_value(const MessageType& type, JSValueConst value, const JsonPlace* place, std::string& out);

  bool settle(JSValueConst value, Settled& settled);
  bool is_plain_object(JSValueConst value) const;

  /// All give false.
  bool fail_at(const JsonPlace* place, bool at_key, std::string_view what);
  bool wrong_value(const Field& field, const JsonPlace* place);
  bool unexpected_token(const JsonPlace* place);

  TypeNames& names_;
  const Schema& schema_;
  JSContext* context_;
  JSValueConst root_ = JS_UNDEFINED;
  std::string problem_;
  int depth_ = 0;
  bool skips_type_ = false;  // inside an Any, whose object has "@type" beside the fields
};

}  // namespace gauntlet::engine::grpc
