#include "engine/api/grpc/encoder.hpp"

#include <fmt/format.h>

#include <bit>
#include <cfloat>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <vector>

#include "engine/api/grpc/stack_room.hpp"
#include "engine/api/grpc/well_known.hpp"
#include "engine/script/value.hpp"
#include "engine/wire/grpc/protobuf_wire.hpp"

namespace gauntlet::engine::grpc {
namespace {

/// The own enumerable string keys of an object.
class Keys {
 public:
  Keys(JSContext* context, JSValueConst object) : context_(context) {
    ok_ = JS_GetOwnPropertyNames(context, &list_, &count_, object, JS_GPN_STRING_MASK | JS_GPN_ENUM_ONLY) == 0;
  }
  ~Keys() {
    if (ok_) JS_FreePropertyEnum(context_, list_, count_);
  }
  Keys(const Keys&) = delete;
  Keys& operator=(const Keys&) = delete;

  bool failed() const { return !ok_; }
  std::uint32_t size() const { return count_; }
  JSAtom operator[](std::uint32_t index) const { return list_[index].atom; }

 private:
  JSContext* context_;
  JSPropertyEnum* list_ = nullptr;
  std::uint32_t count_ = 0;
  bool ok_;
};

/// Which fields and oneofs of a message have been given.
class Seen {
 public:
  explicit Seen(std::size_t count) {
    if (count > 64) many_.resize(count);
  }
  /// False when it had been.
  bool add(std::size_t index) {
    if (!many_.empty()) {
      if (many_[index]) return false;
      return many_[index] = true;
    }
    const std::uint64_t bit = std::uint64_t{1} << index;
    if ((few_ & bit) != 0) return false;
    few_ |= bit;
    return true;
  }
  bool has(std::size_t index) const { return many_.empty() ? (few_ >> index & 1) != 0 : many_[index]; }

 private:
  std::uint64_t few_ = 0;
  std::vector<bool> many_;
};

std::string atom_text(JSContext* context, JSAtom atom) {
  const script::Value name(context, JS_AtomToString(context, atom));
  return script::Text(name).str();
}

/// A lone surrogate, which QuickJS writes as three bytes that are no UTF-8.
bool has_lone_surrogate(std::string_view text) {
  const char* at = text.data();
  const char* const end = at + text.size();
  while ((at = static_cast<const char*>(std::memchr(at, 0xed, static_cast<std::size_t>(end - at)))) != nullptr) {
    if (at + 1 < end && static_cast<std::uint8_t>(at[1]) >= 0xa0) return true;
    ++at;
  }
  return false;
}

void write_number(Kind kind, std::uint64_t bits, std::string& out) {
  switch (wire_type_of(kind)) {
    case WireType::fixed64: out.append(reinterpret_cast<const char*>(&bits), 8); return;
    case WireType::fixed32: out.append(reinterpret_cast<const char*>(&bits), 4); return;
    default: write_varint(bits, out); return;
  }
}

}  // namespace

/// A value as JSON.stringify would take it: itself, or what its toJSON gave.
class Encoder::Settled {
 public:
  JSValueConst get() const { return holder_.is_undefined() ? value_ : holder_.get(); }
  /// undefined, a function or a symbol: no JSON.
  bool is_absent() const {
    const JSValueConst value = get();
    return JS_IsUndefined(value) || JS_IsSymbol(value) || absent_;
  }

 private:
  friend class Encoder;
  JSValueConst value_ = JS_UNDEFINED;
  script::Value holder_;
  bool absent_ = false;
};

bool Encoder::settle(JSValueConst value, Settled& settled) {
  settled.value_ = value;
  if (!JS_IsObject(value)) return true;
  if (!JS_IsArray(value) && JS_GetClassID(value) != names_.plain_object_class()) {
    if (JS_IsFunction(context_, value)) {
      settled.absent_ = true;
      return true;
    }
    if (script::bytes_of(context_, value)) return true;
    // Dates, boxed values, proxies, objects of natives: through their JSON text.
    const script::Value json(context_, JS_JSONStringify(context_, value, JS_UNDEFINED, JS_UNDEFINED));
    if (json.is_exception()) return false;
    if (!json.is_string()) {
      settled.absent_ = true;
      return true;
    }
    settled.holder_ = script::from_json(context_, script::Text(json).view());
    return !settled.holder_.is_exception();
  }
  const script::Value to_json(context_, JS_GetProperty(context_, value, names_.to_json()));
  if (to_json.is_exception()) return false;
  if (!to_json.is_function()) return true;
  settled.holder_ = script::Value(context_, JS_Call(context_, to_json.get(), value, 0, nullptr));
  settled.absent_ = settled.holder_.is_undefined();
  return !settled.holder_.is_exception();
}

bool Encoder::is_plain_object(JSValueConst value) const {
  return JS_IsObject(value) && !JS_IsArray(value) && !script::bytes_of(context_, value);
}

bool Encoder::encode(const MessageType& type, JSValueConst value, std::string& out) {
  problem_.clear();
  depth_ = 0;
  root_ = value;
  Settled settled;
  if (!settle(value, settled)) return false;
  return message(type, settled.get(), nullptr, out);
}

bool Encoder::message(const MessageType& type, JSValueConst value, const JsonPlace* place, std::string& out) {
  if (depth_ >= kMaxDepth || !has_stack_room()) return fail_at(place, false, "exceeded maximum recursion depth");
  ++depth_;
  bool ok = false;
  switch (type.well_known) {
    case WellKnown::none:
    case WellKnown::empty: ok = ordinary(type, value, place, out); break;
    case WellKnown::any: ok = any(value, place, out); break;
    case WellKnown::timestamp:
    case WellKnown::duration:
    case WellKnown::field_mask: ok = from_text(type, value, place, out); break;
    case WellKnown::structure: ok = structure(type, value, place, out); break;
    case WellKnown::list_value: ok = list_value(type, value, place, out); break;
    case WellKnown::value: ok = any_value(type, value, place, out); break;
    case WellKnown::wrapper: ok = element(type.fields[0], value, place, true, out); break;
  }
  --depth_;
  return ok;
}

bool Encoder::ordinary(const MessageType& type, JSValueConst value, const JsonPlace* place, std::string& out) {
  const bool skips_type = std::exchange(skips_type_, false);
  if (!is_plain_object(value)) return unexpected_token(place);
  const TypeNames::Message& names = names_.of(type);
  const Keys keys(context_, value);
  if (keys.failed()) return false;
  Seen fields(type.fields.size());
  Seen oneofs(type.oneofs.size());
  std::uint32_t expected = 0;
  for (std::uint32_t i = 0; i < keys.size(); ++i) {
    const JsonPlace here{place, keys[i], 0};
    const script::Value held(context_, JS_GetProperty(context_, value, keys[i]));
    if (held.is_exception()) return false;
    Settled settled;
    if (!settle(held.get(), settled)) return false;
    if (settled.is_absent()) continue;
    const int index = names.find(keys[i], expected);
    if (index < 0) {
      if (skips_type && keys[i] == names_.at_type()) continue;
      return fail_at(&here, true, "unknown field {}");
    }
    expected = static_cast<std::uint32_t>(index) + 1;
    const Field& field = type.fields[static_cast<std::size_t>(index)];
    if (!fields.add(static_cast<std::size_t>(index))) return fail_at(&here, true, "duplicate field {}");
    if (JS_IsNull(settled.get())) {
      const bool takes_null = !field.repeated && ((field.message != nullptr && field.message->well_known == WellKnown::value) ||
                                                  (field.enumeration != nullptr && field.enumeration->is_null_value));
      if (!takes_null) continue;
    }
    if (field.oneof >= 0 && !oneofs.add(static_cast<std::size_t>(field.oneof))) {
      return fail_at(&here, true,
                     fmt::format("error parsing {{}}, oneof {} is already set", type.oneofs[static_cast<std::size_t>(field.oneof)]));
    }
    if (!member(field, settled.get(), &here, out)) return false;
  }
  if (type.has_required) {
    for (std::size_t i = 0; i < type.fields.size(); ++i) {
      if (!type.fields[i].required || fields.has(i)) continue;
      problem_ = fmt::format("proto: required field {}.{} not set", type.full_name, type.fields[i].name);
      return false;
    }
  }
  return true;
}

bool Encoder::member(const Field& field, JSValueConst value, const JsonPlace* place, std::string& out) {
  if (field.is_map) return map(field, value, place, out);
  if (field.repeated) return list(field, value, place, out);
  return element(field, value, place, !field.has_presence, out);
}

bool Encoder::list(const Field& field, JSValueConst value, const JsonPlace* place, std::string& out) {
  if (!JS_IsArray(value)) return unexpected_token(place);
  std::int64_t length = 0;
  if (JS_GetLength(context_, value, &length) < 0) return false;
  if (length == 0) return true;
  std::optional<LengthPrefix> packed;
  if (field.packed) {
    write_tag(field.number, WireType::bytes, out);
    packed.emplace(out);
  }
  for (std::uint32_t i = 0; i < length; ++i) {
    const JsonPlace here{place, JS_ATOM_NULL, i};
    const script::Value held(context_, JS_GetPropertyUint32(context_, value, i));
    if (held.is_exception()) return false;
    Settled settled;
    if (!settle(held.get(), settled)) return false;
    const JSValueConst one = settled.is_absent() ? JS_NULL : settled.get();
    if (packed) {
      std::uint64_t bits = 0;
      if (!number(field, one, &here, bits)) return false;
      write_number(field.kind, bits, out);
    } else if (!element(field, one, &here, false, out)) {
      return false;
    }
  }
  if (packed) packed->close();
  return true;
}

bool Encoder::map(const Field& field, JSValueConst value, const JsonPlace* place, std::string& out) {
  if (!is_plain_object(value)) return unexpected_token(place);
  const Keys keys(context_, value);
  if (keys.failed()) return false;
  for (std::uint32_t i = 0; i < keys.size(); ++i) {
    const JsonPlace here{place, keys[i], 0};
    const script::Value held(context_, JS_GetProperty(context_, value, keys[i]));
    if (held.is_exception()) return false;
    Settled settled;
    if (!settle(held.get(), settled)) return false;
    if (settled.is_absent()) continue;
    write_tag(field.number, WireType::bytes, out);
    LengthPrefix entry(out);
    if (!map_key(field.message->fields[0], keys[i], &here, out)) return false;
    if (!element(field.message->fields[1], settled.get(), &here, false, out)) return false;
    entry.close();
  }
  return true;
}

bool Encoder::map_key(const Field& field, JSAtom key, const JsonPlace* place, std::string& out) {
  const std::string text = atom_text(context_, key);
  if (field.kind == Kind::string) {
    if (has_lone_surrogate(text)) return fail_at(place, true, "invalid UTF-8 in key {}");
    write_tag(field.number, WireType::bytes, out);
    write_varint(text.size(), out);
    out += text;
    return true;
  }
  std::uint64_t bits = 0;
  bool ok = false;
  if (field.kind == Kind::boolean) {
    ok = text == "true" || text == "false";
    bits = text == "true" ? 1 : 0;
  } else {
    const script::Value as_text(context_, JS_AtomToString(context_, key));
    ok = integer(field, as_text.get(), nullptr, bits);
  }
  if (!ok) {
    problem_.clear();
    return fail_at(place, true, fmt::format("invalid value for {} key: {{}}", name_of(field.kind)));
  }
  write_tag(field.number, wire_type_of(field.kind), out);
  write_number(field.kind, bits, out);
  return true;
}

bool Encoder::element(const Field& field, JSValueConst value, const JsonPlace* place, bool skip_zero, std::string& out) {
  if (is_message_kind(field.kind)) {
    const bool group = field.kind == Kind::group;
    write_tag(field.number, group ? WireType::start_group : WireType::bytes, out);
    if (group) {
      if (!message(*field.message, value, place, out)) return false;
      write_tag(field.number, WireType::end_group, out);
      return true;
    }
    LengthPrefix length(out);
    if (!message(*field.message, value, place, out)) return false;
    length.close();
    return true;
  }
  if (field.kind == Kind::string) return text(field, value, place, skip_zero, out);
  if (field.kind == Kind::bytes) return bytes(field, value, place, skip_zero, out);
  std::uint64_t bits = 0;
  if (!number(field, value, place, bits)) return false;
  if (skip_zero && bits == 0) return true;
  write_tag(field.number, wire_type_of(field.kind), out);
  write_number(field.kind, bits, out);
  return true;
}

bool Encoder::number(const Field& field, JSValueConst value, const JsonPlace* place, std::uint64_t& bits) {
  switch (field.kind) {
    case Kind::boolean:
      if (!JS_IsBool(value)) return wrong_value(field, place);
      bits = JS_VALUE_GET_BOOL(value) != 0 ? 1 : 0;
      return true;
    case Kind::double_:
    case Kind::float_: return real(field, value, place, bits);
    case Kind::enumeration: return enumeration(field, value, place, bits);
    default: return integer(field, value, place, bits);
  }
}

bool Encoder::integer(const Field& field, JSValueConst value, const JsonPlace* place, std::uint64_t& bits) {
  const bool is_unsigned =
      field.kind == Kind::uint32 || field.kind == Kind::uint64 || field.kind == Kind::fixed32 || field.kind == Kind::fixed64;
  const bool is_wide = field.kind == Kind::int64 || field.kind == Kind::uint64 || field.kind == Kind::sint64 ||
                       field.kind == Kind::fixed64 || field.kind == Kind::sfixed64;
  const auto wrong = [&] { return place != nullptr && wrong_value(field, place); };
  std::int64_t number = 0;
  std::uint64_t magnitude = 0;  // of an unsigned one
  const int tag = JS_VALUE_GET_NORM_TAG(value);
  if (tag == JS_TAG_INT) {
    number = JS_VALUE_GET_INT(value);
    if (is_unsigned && number < 0) return wrong();
    magnitude = static_cast<std::uint64_t>(number);
  } else if (tag == JS_TAG_FLOAT64) {
    const double real = JS_VALUE_GET_FLOAT64(value);
    if (std::trunc(real) != real) return wrong();
    if (is_unsigned) {
      if (real < 0 || real >= 0x1p64) return wrong();
      magnitude = static_cast<std::uint64_t>(real);
    } else {
      if (real < -0x1p63 || real >= 0x1p63) return wrong();
      number = static_cast<std::int64_t>(real);
    }
  } else if (JS_IsString(value) || JS_IsBigInt(value)) {
    const script::Text digits(context_, value);
    if (digits.failed()) return false;
    const std::string_view text = digits;
    const char* const end = text.data() + text.size();
    // Plain digits nearly always; the slow way knows "1e3" and what is malformed.
    const bool plain = !text.empty() && text[0] != '0' && !text.starts_with("-0");
    if (is_unsigned) {
      const auto [stop, problem] = std::from_chars(text.data(), end, magnitude);
      if (!plain || problem != std::errc() || stop != end) {
        const auto parsed = parse_unsigned(text);
        if (!parsed) return wrong();
        magnitude = *parsed;
      }
    } else {
      const auto [stop, problem] = std::from_chars(text.data(), end, number);
      if (!plain || problem != std::errc() || stop != end) {
        const auto parsed = parse_signed(text);
        if (!parsed) return wrong();
        number = *parsed;
      }
    }
  } else {
    return wrong();
  }
  if (is_unsigned) {
    if (!is_wide && magnitude > std::numeric_limits<std::uint32_t>::max()) return wrong();
    bits = magnitude;
    return true;
  }
  if (!is_wide && (number < std::numeric_limits<std::int32_t>::min() || number > std::numeric_limits<std::int32_t>::max())) return wrong();
  const bool zigzagged = field.kind == Kind::sint32 || field.kind == Kind::sint64;
  bits = zigzagged ? zigzag(number) : static_cast<std::uint64_t>(number);
  return true;
}

bool Encoder::real(const Field& field, JSValueConst value, const JsonPlace* place, std::uint64_t& bits) {
  double number = 0;
  if (JS_IsNumber(value)) {
    JS_ToFloat64(context_, &number, value);
    if (number == 0) number = 0;  // JSON writes -0 as 0
  } else if (JS_IsString(value)) {
    const script::Text text(context_, value);
    if (text.failed()) return false;
    const auto parsed = parse_double(text);
    if (!parsed) return wrong_value(field, place);
    number = *parsed;
  } else {
    return wrong_value(field, place);
  }
  if (field.kind == Kind::double_) {
    bits = std::bit_cast<std::uint64_t>(number);
    return true;
  }
  if (std::isfinite(number) && std::abs(number) > FLT_MAX) {
    // What rounds to the largest float still is one.
    if (std::abs(number) >= 0x1.ffffffp127) return wrong_value(field, place);
    number = std::copysign(FLT_MAX, number);
  }
  bits = std::bit_cast<std::uint32_t>(static_cast<float>(number));
  return true;
}

bool Encoder::enumeration(const Field& field, JSValueConst value, const JsonPlace* place, std::uint64_t& bits) {
  if (JS_IsString(value)) {
    const script::Text name(context_, value);
    if (name.failed()) return false;
    const auto found = field.enumeration->by_name.find(name.str());
    if (found == field.enumeration->by_name.end()) return wrong_value(field, place);
    bits = static_cast<std::uint64_t>(static_cast<std::int64_t>(found->second));
    return true;
  }
  if (JS_IsNull(value) && field.enumeration->is_null_value) {
    bits = 0;
    return true;
  }
  double number = 0;
  if (!JS_IsNumber(value) || JS_ToFloat64(context_, &number, value) < 0 || std::trunc(number) != number ||
      number < std::numeric_limits<std::int32_t>::min() || number > std::numeric_limits<std::int32_t>::max()) {
    return wrong_value(field, place);
  }
  bits = static_cast<std::uint64_t>(static_cast<std::int64_t>(number));
  return true;
}

bool Encoder::text(const Field& field, JSValueConst value, const JsonPlace* place, bool skip_empty, std::string& out) {
  if (!JS_IsString(value)) return wrong_value(field, place);
  const script::Text held(context_, value);
  if (held.failed()) return false;
  const std::string_view text = held;
  if (has_lone_surrogate(text)) return fail_at(place, false, fmt::format("field {} contains invalid UTF-8", field.name));
  if (skip_empty && text.empty()) return true;
  write_tag(field.number, WireType::bytes, out);
  write_varint(text.size(), out);
  out += text;
  return true;
}

bool Encoder::bytes(const Field& field, JSValueConst value, const JsonPlace* place, bool skip_empty, std::string& out) {
  std::optional<std::string> decoded;
  std::string_view content;
  if (JS_IsString(value)) {
    const script::Text text(context_, value);
    if (text.failed()) return false;
    decoded = decode_base64(text);
    if (!decoded) return wrong_value(field, place);
    content = *decoded;
  } else if (const auto buffer = script::bytes_of(context_, value)) {
    content = {reinterpret_cast<const char*>(buffer->data()), buffer->size()};
  } else {
    return wrong_value(field, place);
  }
  if (skip_empty && content.empty()) return true;
  write_tag(field.number, WireType::bytes, out);
  write_varint(content.size(), out);
  out += content;
  return true;
}

bool Encoder::any(JSValueConst value, const JsonPlace* place, std::string& out) {
  if (!is_plain_object(value)) return unexpected_token(place);
  const script::Value url(context_, JS_GetProperty(context_, value, names_.at_type()));
  if (url.is_exception()) return false;
  if (url.is_undefined()) {
    const Keys keys(context_, value);
    if (keys.failed()) return false;
    return keys.size() == 0 || fail_at(place, false, "missing \"@type\" field");
  }
  const JsonPlace at_type{place, names_.at_type(), 0};
  if (!url.is_string()) return fail_at(&at_type, false, "@type field value is not a string: {}");
  const script::Text text(url);
  const std::string_view name = text.view().substr(text.view().rfind('/') + 1);
  const MessageType* const type = schema_.find_message(name);
  if (type == nullptr) return fail_at(&at_type, false, "unable to resolve {}: \"not found\"");
  write_tag(1, WireType::bytes, out);
  write_varint(text.view().size(), out);
  out += text.view();
  const std::size_t before = out.size();
  write_tag(2, WireType::bytes, out);
  LengthPrefix length(out);
  const std::size_t begin = out.size();
  if (type->well_known == WellKnown::none || type->well_known == WellKnown::empty) {
    skips_type_ = true;
    if (!ordinary(*type, value, place, out)) return false;
  } else {
    const JsonPlace at_value{place, names_.value(), 0};
    const script::Value held(context_, JS_GetProperty(context_, value, names_.value()));
    if (held.is_exception()) return false;
    if (held.is_undefined()) return fail_at(place, false, "missing \"value\" field");
    Settled settled;
    if (!settle(held.get(), settled) || !message(*type, settled.get(), &at_value, out)) return false;
  }
  length.close();
  if (out.size() == begin) out.resize(before);  // an empty message needs no value
  return true;
}

bool Encoder::from_text(const MessageType& type, JSValueConst value, const JsonPlace* place, std::string& out) {
  if (!JS_IsString(value)) return unexpected_token(place);
  const script::Text text(context_, value);
  if (text.failed()) return false;
  if (type.well_known == WellKnown::field_mask) {
    std::string_view rest = text;
    while (!rest.empty()) {
      const std::size_t comma = rest.find(',');
      const auto path = path_from_json(rest.substr(0, comma));
      if (!path) return fail_at(place, false, "google.protobuf.FieldMask.paths contains invalid path: {}");
      write_tag(1, WireType::bytes, out);
      write_varint(path->size(), out);
      out += *path;
      rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
    }
    return true;
  }
  const auto parsed = type.well_known == WellKnown::timestamp ? parse_timestamp(text) : parse_duration(text);
  if (!parsed) return fail_at(place, false, fmt::format("invalid {} value {{}}", type.full_name));
  if (parsed->seconds != 0) {
    write_tag(1, WireType::varint, out);
    write_varint(static_cast<std::uint64_t>(parsed->seconds), out);
  }
  if (parsed->nanos != 0) {
    write_tag(2, WireType::varint, out);
    write_varint(static_cast<std::uint64_t>(static_cast<std::int64_t>(parsed->nanos)), out);
  }
  return true;
}

bool Encoder::structure(const MessageType& type, JSValueConst value, const JsonPlace* place, std::string& out) {
  return member(type.fields[0], value, place, out);
}

bool Encoder::list_value(const MessageType& type, JSValueConst value, const JsonPlace* place, std::string& out) {
  return member(type.fields[0], value, place, out);
}

bool Encoder::any_value(const MessageType& type, JSValueConst value, const JsonPlace* place, std::string& out) {
  // google.protobuf.Value: a oneof of null, number, string, bool, struct and list, by these numbers.
  enum : std::uint32_t { null_value = 1, number_value = 2, string_value = 3, bool_value = 4, struct_value = 5, list_value = 6 };
  const auto field = [&](std::uint32_t number) -> const Field& { return type.fields[static_cast<std::size_t>(type.index_of(number))]; };
  if (JS_IsNumber(value)) {
    double number = 0;
    JS_ToFloat64(context_, &number, value);
    if (std::isfinite(number)) return element(field(number_value), value, place, false, out);
    // Not numbers in JSON: k6 hands them on as their names.
    const std::string_view name = std::isnan(number) ? "NaN" : number > 0 ? "Infinity" : "-Infinity";
    write_tag(string_value, WireType::bytes, out);
    write_varint(name.size(), out);
    out += name;
    return true;
  }
  if (JS_IsNull(value)) {
    write_tag(null_value, WireType::varint, out);
    out += '\0';
    return true;
  }
  if (JS_IsString(value)) return element(field(string_value), value, place, false, out);
  if (JS_IsBool(value)) return element(field(bool_value), value, place, false, out);
  if (JS_IsArray(value)) return element(field(list_value), value, place, false, out);
  if (is_plain_object(value)) return element(field(struct_value), value, place, false, out);
  return unexpected_token(place);
}

bool Encoder::fail_at(const JsonPlace* place, bool at_key, std::string_view what) {
  const JsonToken token = token_at(context_, root_, place, at_key);
  std::string text(what);
  const std::size_t hole = text.find("{}");
  if (hole != std::string::npos) text.replace(hole, 2, token.text);
  problem_ = fmt::format("proto: (line 1:{}): {}", token.offset + 1, text);
  return false;
}

bool Encoder::wrong_value(const Field& field, const JsonPlace* place) {
  return fail_at(place, false, fmt::format("invalid value for {} field {}: {{}}", name_of(field.kind), field.name));
}

bool Encoder::unexpected_token(const JsonPlace* place) {
  const JsonToken token = token_at(context_, root_, place, false);
  problem_ = fmt::format("proto: syntax error (line 1:{}): unexpected token {}", token.offset + 1, token.text);
  return false;
}

}  // namespace gauntlet::engine::grpc
