#include "engine/api/grpc/decoder.hpp"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <charconv>
#include <cmath>

#include "base/base64.hpp"
#include "base/utf8.hpp"
#include "engine/api/grpc/stack_room.hpp"
#include "engine/api/grpc/well_known.hpp"
#include "engine/script/value.hpp"

namespace gauntlet::engine::grpc {
namespace {

constexpr const char* kMalformed = "proto: cannot parse invalid wire-format data";

/// A number of `kind` in the 64 bits that all kinds fit in: sign-extended, zigzag undone, floats as their bits.
bool take_number(WireReader& reader, Kind kind, std::uint64_t& bits) {
  switch (wire_type_of(kind)) {
    case WireType::fixed64: return reader.take_fixed64(bits);
    case WireType::fixed32: {
      std::uint32_t narrow = 0;
      if (!reader.take_fixed32(narrow)) return false;
      bits = kind == Kind::sfixed32 ? static_cast<std::uint64_t>(static_cast<std::int64_t>(static_cast<std::int32_t>(narrow))) : narrow;
      return true;
    }
    default: break;
  }
  if (!reader.take_varint(bits)) return false;
  switch (kind) {
    case Kind::int32:
    case Kind::enumeration: bits = static_cast<std::uint64_t>(static_cast<std::int64_t>(static_cast<std::int32_t>(bits))); break;
    case Kind::uint32: bits &= 0xffffffffU; break;
    case Kind::sint32: bits = static_cast<std::uint64_t>(unzigzag(bits & 0xffffffffU)); break;
    case Kind::sint64: bits = static_cast<std::uint64_t>(unzigzag(bits)); break;
    case Kind::boolean: bits = bits != 0 ? 1 : 0; break;
    default: break;
  }
  return true;
}

std::optional<std::string> check(const MessageType& type, std::string_view bytes, int depth) {
  if (depth > Decoder::kMaxDepth || !has_stack_room()) return "proto: exceeded maximum recursion depth";
  WireReader reader(bytes);
  std::uint64_t required = 0;  // by field index; proto2 messages with more than 64 required fields are not checked beyond
  while (!reader.at_end()) {
    std::uint32_t number = 0;
    WireType wire{};
    if (!reader.take_tag(number, wire)) return kMalformed;
    const int index = type.index_of(number);
    const Field* const field = index < 0 ? nullptr : &type.fields[static_cast<std::size_t>(index)];
    const bool is_whole = field != nullptr && wire == wire_type_of(field->kind);
    const bool is_packed = field != nullptr && field->repeated && wire == WireType::bytes && wire_type_of(field->kind) != WireType::bytes &&
                           field->kind != Kind::group;
    if (!is_whole && !is_packed) {
      if (!reader.skip(number, wire)) return kMalformed;
      continue;
    }
    if (index < 64) required |= std::uint64_t{1} << index;
    std::string_view content;
    std::uint64_t bits = 0;
    if (is_packed) {
      if (!reader.take_bytes(content)) return kMalformed;
      WireReader elements(content);
      while (!elements.at_end()) {
        if (!take_number(elements, field->kind, bits)) return kMalformed;
      }
    } else if (field->kind == Kind::group) {
      if (!reader.take_group(number, content)) return kMalformed;
      if (auto problem = check(*field->message, content, depth + 1)) return problem;
    } else if (wire == WireType::bytes) {
      if (!reader.take_bytes(content)) return kMalformed;
      if (field->kind == Kind::message) {
        if (auto problem = check(*field->message, content, depth + 1)) return problem;
      } else if (field->checks_utf8 && !base::is_utf8(content)) {
        return fmt::format("proto: field {}.{} contains invalid UTF-8", type.full_name, field->name);
      }
    } else if (!take_number(reader, field->kind, bits)) {
      return kMalformed;
    }
  }
  if (type.has_required) {
    for (std::size_t i = 0; i < type.fields.size() && i < 64; ++i) {
      if (type.fields[i].required && (required >> i & 1) == 0) {
        return fmt::format("proto: required field {}.{} not set", type.full_name, type.fields[i].name);
      }
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> check_wire(const MessageType& type, std::string_view bytes) { return check(type, bytes, 0); }

/// The slots of one message, given back at the end of its reading with what is left in them.
class Decoder::Frame {
 public:
  Frame(Decoder& decoder, std::size_t count) : decoder_(decoder), base_(decoder.slots_.size()) {
    decoder_.slots_.resize(base_ + count);
    ++decoder_.depth_;
  }
  ~Frame() {
    for (std::size_t i = base_; i < decoder_.slots_.size(); ++i) JS_FreeValue(decoder_.context_, decoder_.slots_[i].value);
    decoder_.slots_.resize(base_);
    --decoder_.depth_;
  }
  Frame(const Frame&) = delete;
  Frame& operator=(const Frame&) = delete;

  /// Not to be held over the reading of another message: slots move.
  Slot& operator[](std::size_t index) const { return decoder_.slots_[base_ + index]; }
  bool has(std::size_t index) const {
    const Slot& slot = (*this)[index];
    return slot.count != 0 || !JS_IsUninitialized(slot.value);
  }
  void put(std::size_t index, JSValue value) const {
    Slot& slot = (*this)[index];
    JS_FreeValue(decoder_.context_, slot.value);
    slot.value = value;
  }
  void clear(std::size_t index) const {
    put(index, JS_UNINITIALIZED);
    (*this)[index].count = 0;
  }

 private:
  Decoder& decoder_;
  std::size_t base_;
};

JSValue Decoder::fail(std::string_view what) { return script::throw_named_error(context_, "GoError", what); }

JSValue Decoder::decode(const MessageType& type, std::string_view bytes) {
  merged_.clear();
  return message(type, bytes);
}

JSValue Decoder::message(const MessageType& type, std::string_view bytes) {
  switch (type.well_known) {
    case WellKnown::none:
    case WellKnown::empty: {
      const JSValue object = JS_NewObject(context_);
      if (JS_IsException(object) || fill(type, bytes, object)) return object;
      JS_FreeValue(context_, object);
      return JS_EXCEPTION;
    }
    default: return well_known(type, bytes);
  }
}

bool Decoder::fill(const MessageType& type, std::string_view bytes, JSValueConst into) {
  if (depth_ >= kMaxDepth || !has_stack_room()) return fail("proto: exceeded maximum recursion depth"), false;
  const Frame frame(*this, type.fields.size());
  if (!read(type, bytes, frame)) return false;
  const TypeNames::Message& names = names_.of(type);
  for (std::size_t i = 0; i < type.fields.size(); ++i) {
    const Field& field = type.fields[i];
    JSValue value = JS_UNINITIALIZED;
    if (frame[i].count != 0 && !field.repeated && is_message_kind(field.kind)) {
      value = message(*field.message, frame[i].bytes);
    } else if (frame.has(i)) {
      value = std::exchange(frame[i].value, JS_UNINITIALIZED);
    } else if (field.oneof >= 0 || field.proto3_optional) {
      continue;
    } else {
      value = default_of(field);
    }
    if (JS_IsException(value)) return false;
    if (JS_DefinePropertyValue(context_, into, names.json[i], value, JS_PROP_C_W_E) < 0) return false;
  }
  return true;
}

bool Decoder::read(const MessageType& type, std::string_view bytes, const Frame& frame) {
  WireReader reader(bytes);
  while (!reader.at_end()) {
    std::uint32_t number = 0;
    WireType wire{};
    if (!reader.take_tag(number, wire)) return fail(kMalformed), false;
    const int known = type.index_of(number);
    if (known < 0) {
      if (!reader.skip(number, wire)) return fail(kMalformed), false;
      continue;
    }
    const auto index = static_cast<std::size_t>(known);
    const Field& field = type.fields[index];
    if (wire != wire_type_of(field.kind)) {
      std::string_view packed;
      if (!field.repeated || wire != WireType::bytes || field.kind == Kind::group) {
        if (!reader.skip(number, wire)) return fail(kMalformed), false;
        continue;
      }
      if (!reader.take_bytes(packed)) return fail(kMalformed), false;
      WireReader elements(packed);
      while (!elements.at_end()) {
        if (!append(take_value(field, elements), frame[index])) return false;
      }
      if (!frame.has(index) && !start_list(frame[index])) return false;
      continue;
    }
    if (field.oneof >= 0) {
      for (std::size_t i = 0; i < type.fields.size(); ++i) {
        if (i != index && type.fields[i].oneof == field.oneof) frame.clear(i);
      }
    }
    if (is_message_kind(field.kind)) {
      std::string_view content;
      if (!(field.kind == Kind::group ? reader.take_group(number, content) : reader.take_bytes(content))) return fail(kMalformed), false;
      if (field.is_map) {
        if (!read_entry(field, content, frame, index)) return false;
      } else if (field.repeated) {
        const JSValue element = message(*field.message, content);
        if (!append(element, frame[index])) return false;
      } else {
        // Parts of one message are merged, and merging is what reading them one after the other does.
        Slot& slot = frame[index];
        slot.bytes = slot.count++ == 0 ? content : std::string_view(merged_.emplace_back(std::string(slot.bytes).append(content)));
      }
      continue;
    }
    const JSValue value = take_value(field, reader);
    if (field.repeated) {
      if (!append(value, frame[index])) return false;
    } else {
      if (JS_IsException(value)) return false;
      frame.put(index, value);
    }
  }
  return true;
}

bool Decoder::start_list(Slot& slot) {
  slot.value = JS_NewArray(context_);
  return !JS_IsException(slot.value);
}

bool Decoder::append(JSValue element, Slot& slot) {
  if (JS_IsException(element)) return false;
  if (JS_IsUninitialized(slot.value) && !start_list(slot)) {
    JS_FreeValue(context_, element);
    return false;
  }
  return JS_DefinePropertyValueUint32(context_, slot.value, slot.count++, element, JS_PROP_C_W_E) >= 0;
}

bool Decoder::read_entry(const Field& field, std::string_view bytes, const Frame& outer, std::size_t index) {
  if (JS_IsUninitialized(outer[index].value)) {
    const JSValue object = JS_NewObject(context_);
    if (JS_IsException(object)) return false;
    outer.put(index, object);
  }
  if (depth_ >= kMaxDepth || !has_stack_room()) return fail("proto: exceeded maximum recursion depth"), false;
  const MessageType& entry = *field.message;
  const Frame frame(*this, entry.fields.size());
  if (!read(entry, bytes, frame)) return false;
  const Field& value_field = entry.fields[1];
  const script::Value key(context_, frame.has(0) ? std::exchange(frame[0].value, JS_UNINITIALIZED) : default_of(entry.fields[0]));
  JSValue value = JS_UNINITIALIZED;
  if (is_message_kind(value_field.kind)) {
    value = message(*value_field.message, frame[1].count != 0 ? frame[1].bytes : std::string_view());
  } else {
    value = frame.has(1) ? std::exchange(frame[1].value, JS_UNINITIALIZED) : default_of(value_field);
  }
  if (JS_IsException(value)) return false;
  const JSAtom name = JS_ValueToAtom(context_, key.get());
  const bool ok = name != JS_ATOM_NULL && JS_DefinePropertyValue(context_, outer[index].value, name, value, JS_PROP_C_W_E) >= 0;
  JS_FreeAtom(context_, name);
  return ok;
}

JSValue Decoder::take_value(const Field& field, WireReader& reader) {
  if (field.kind == Kind::string || field.kind == Kind::bytes) {
    std::string_view content;
    if (!reader.take_bytes(content)) return fail(kMalformed);
    if (field.kind == Kind::string) return script::new_string(context_, content);
    return script::new_string(context_, base::encode_base64(content));
  }
  std::uint64_t bits = 0;
  if (!take_number(reader, field.kind, bits)) return fail(kMalformed);
  return number(field, bits);
}

JSValue Decoder::number(const Field& field, std::uint64_t bits) {
  const auto real = [this](double value) {
    if (std::isfinite(value)) return JS_NewNumber(context_, value);
    return script::new_string(context_, std::isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity");
  };
  std::array<char, 32> digits;
  switch (field.kind) {
    case Kind::boolean: return JS_NewBool(context_, bits != 0);
    case Kind::int32:
    case Kind::sint32:
    case Kind::sfixed32: return JS_NewInt32(context_, static_cast<std::int32_t>(bits));
    case Kind::uint32:
    case Kind::fixed32: return JS_NewUint32(context_, static_cast<std::uint32_t>(bits));
    case Kind::int64:
    case Kind::sint64:
    case Kind::sfixed64: {
      char* const end = std::to_chars(digits.data(), digits.data() + digits.size(), static_cast<std::int64_t>(bits)).ptr;
      return script::new_string(context_, {digits.data(), end});
    }
    case Kind::uint64:
    case Kind::fixed64: {
      char* const end = std::to_chars(digits.data(), digits.data() + digits.size(), bits).ptr;
      return script::new_string(context_, {digits.data(), end});
    }
    case Kind::double_: return real(std::bit_cast<double>(bits));
    case Kind::float_: {
      const float narrow = std::bit_cast<float>(static_cast<std::uint32_t>(bits));
      constexpr float kExactlyShown = 1 << 24;
      if (!std::isfinite(narrow) || (narrow == std::trunc(narrow) && std::abs(narrow) < kExactlyShown)) return real(narrow);
      // 0.1f is 0.1 in JSON text, and so in the script: not the nearest double's 0.10000000149011612.
      char* const end = std::to_chars(digits.data(), digits.data() + digits.size(), narrow).ptr;
      double wide = 0;
      std::from_chars(digits.data(), end, wide);
      return real(wide);
    }
    case Kind::enumeration: {
      if (field.enumeration->is_null_value) return JS_NULL;
      const auto value = static_cast<std::int32_t>(bits);
      const auto found = field.enumeration->by_number.find(value);
      if (found == field.enumeration->by_number.end()) return JS_NewInt32(context_, value);
      return names_.value_name(*field.enumeration, found->second);
    }
    default: return JS_NULL;
  }
}

JSValue Decoder::default_of(const Field& field) {
  if (field.is_map) return JS_NewObject(context_);
  if (field.repeated) return JS_NewArray(context_);
  if (field.has_presence) return JS_NULL;  // messages; proto2's fields
  if (field.kind == Kind::string || field.kind == Kind::bytes) return script::new_string(context_, {});
  return number(field, 0);
}

// ---- google.protobuf's types with a form of their own

JSValue Decoder::well_known(const MessageType& type, std::string_view bytes) {
  if (depth_ >= kMaxDepth || !has_stack_room()) return fail("proto: exceeded maximum recursion depth");
  if (type.well_known == WellKnown::any) return any(bytes);
  if (type.well_known == WellKnown::value) return value(type, bytes);
  const Frame frame(*this, type.fields.size());
  if (!read(type, bytes, frame)) return JS_EXCEPTION;
  const auto take = [&](std::size_t index) { return std::exchange(frame[index].value, JS_UNINITIALIZED); };
  switch (type.well_known) {
    case WellKnown::wrapper: {
      Field plain = type.fields[0];
      plain.has_presence = false;
      return frame.has(0) ? take(0) : default_of(plain);
    }
    case WellKnown::structure: return frame.has(0) ? take(0) : JS_NewObject(context_);
    case WellKnown::list_value: return frame.has(0) ? take(0) : JS_NewArray(context_);
    case WellKnown::field_mask: return field_mask(bytes);
    default: return time(type, bytes);
  }
}

JSValue Decoder::time(const MessageType& type, std::string_view bytes) {
  SecondsAndNanos parts;
  WireReader reader(bytes);
  while (!reader.at_end()) {
    std::uint32_t number = 0;
    WireType wire{};
    std::uint64_t bits = 0;
    if (!reader.take_tag(number, wire)) return fail(kMalformed);
    if (wire != WireType::varint || number > 2) {
      if (!reader.skip(number, wire)) return fail(kMalformed);
      continue;
    }
    if (!reader.take_varint(bits)) return fail(kMalformed);
    if (number == 1) parts.seconds = static_cast<std::int64_t>(bits);
    if (number == 2) parts.nanos = static_cast<std::int32_t>(bits);
  }
  const auto text = type.well_known == WellKnown::timestamp ? format_timestamp(parts) : format_duration(parts);
  if (!text) return fail(fmt::format("proto: {}: seconds or nanos out of range ({}, {})", type.full_name, parts.seconds, parts.nanos));
  return script::new_string(context_, *text);
}

JSValue Decoder::field_mask(std::string_view bytes) {
  std::string joined;
  WireReader reader(bytes);
  while (!reader.at_end()) {
    std::uint32_t number = 0;
    WireType wire{};
    std::string_view path;
    if (!reader.take_tag(number, wire)) return fail(kMalformed);
    if (wire != WireType::bytes || number != 1) {
      if (!reader.skip(number, wire)) return fail(kMalformed);
      continue;
    }
    if (!reader.take_bytes(path)) return fail(kMalformed);
    const auto camel = path_to_json(path);
    if (!camel) return fail(fmt::format("proto: google.protobuf.FieldMask.paths contains irreversible value \"{}\"", path));
    if (!joined.empty()) joined += ',';
    joined += *camel;
  }
  return script::new_string(context_, joined);
}

JSValue Decoder::value(const MessageType& type, std::string_view bytes) {
  const Frame frame(*this, type.fields.size());
  if (!read(type, bytes, frame)) return JS_EXCEPTION;
  for (std::size_t i = 0; i < type.fields.size(); ++i) {
    if (!frame.has(i)) continue;
    if (type.fields[i].message != nullptr) return message(*type.fields[i].message, frame[i].bytes);
    return std::exchange(frame[i].value, JS_UNINITIALIZED);
  }
  return fail("proto: google.protobuf.Value: none of the oneof fields is set");
}

JSValue Decoder::any(std::string_view bytes) {
  std::string_view url, content;
  WireReader reader(bytes);
  while (!reader.at_end()) {
    std::uint32_t number = 0;
    WireType wire{};
    if (!reader.take_tag(number, wire)) return fail(kMalformed);
    const bool taken = wire == WireType::bytes && number == 1   ? reader.take_bytes(url)
                       : wire == WireType::bytes && number == 2 ? reader.take_bytes(content)
                                                                : reader.skip(number, wire);
    if (!taken) return fail(kMalformed);
  }
  script::Value object(context_, JS_NewObject(context_));
  if (url.empty()) {
    if (content.empty()) return object.release();
    return fail("proto: google.protobuf.Any: invalid empty type URL");
  }
  const MessageType* const type = schema_.find_message(url.substr(url.rfind('/') + 1));
  if (type == nullptr) return fail(fmt::format("proto: google.protobuf.Any: unable to resolve \"{}\": not found", url));
  JS_DefinePropertyValue(context_, object.get(), names_.at_type(), script::new_string(context_, url), JS_PROP_C_W_E);
  if (type->well_known == WellKnown::none) return fill(*type, content, object.get()) ? object.release() : JS_EXCEPTION;
  ++depth_;  // an Any in an Any in an Any ...
  const JSValue held = message(*type, content);
  --depth_;
  if (JS_IsException(held)) return JS_EXCEPTION;
  JS_DefinePropertyValue(context_, object.get(), names_.value(), held, JS_PROP_C_W_E);
  return object.release();
}

}  // namespace gauntlet::engine::grpc
