#include "engine/script/value.hpp"

#include <algorithm>
#include <cstring>
#include <memory>

#include "engine/script/native_memory.hpp"

namespace gauntlet::engine::script {
namespace {

struct AdoptedBytes {
  std::string bytes;
  NativeMemory memory;
};

void* resize_string_buffer(JSRuntime*, void* opaque, void*, std::size_t size) {
  // The buffer is neither resizable nor transferable to another length: only its end is asked for.
  if (size == 0) delete static_cast<AdoptedBytes*>(opaque);
  return nullptr;
}

}  // namespace

void Text::mend() {
  // QuickJS writes a half as if it were a character, in as many bytes as U+FFFD has. Texts with other letters than ASCII are
  // its copies, which nobody else sees.
  const std::string_view text = view();
  for (auto at = text.find('\xed'); at != std::string_view::npos && at + 2 < text.size(); at = text.find('\xed', at + 3)) {
    if (static_cast<unsigned char>(text[at + 1]) >= 0xa0) std::memcpy(const_cast<char*>(data_) + at, "\xef\xbf\xbd", 3);
  }
}

std::optional<std::span<const std::uint8_t>> bytes_of(JSContext* context, JSValueConst value) {
  std::size_t size = 0;
  if (JS_IsArrayBuffer(value)) {
    const std::uint8_t* data = JS_GetArrayBuffer(context, &size, value);
    if (data == nullptr) {  // detached, or nothing in it
      JS_FreeValue(context, JS_GetException(context));
      return std::span<const std::uint8_t>();
    }
    return std::span<const std::uint8_t>(data, size);
  }
  std::size_t offset = 0;
  std::size_t length = 0;
  if (JS_GetTypedArrayType(value) >= 0) {
    const Value buffer(context, JS_GetTypedArrayBuffer(context, value, &offset, &length, nullptr));
    const std::uint8_t* data = buffer.is_exception() ? nullptr : JS_GetArrayBuffer(context, &size, buffer.get());
    if (data == nullptr) {
      JS_FreeValue(context, JS_GetException(context));
      return std::span<const std::uint8_t>();
    }
    return std::span<const std::uint8_t>(data + offset, length);
  }
  if (JS_IsDataView(value)) {
    const std::uint8_t* data = JS_GetDataView(context, &size, value);
    return std::span<const std::uint8_t>(data, size);
  }
  return std::nullopt;
}

std::optional<std::string> bytes_or_text(JSContext* context, JSValueConst value) {
  if (JS_IsString(value)) return Text(context, value).str();
  if (const auto bytes = bytes_of(context, value)) return std::string(reinterpret_cast<const char*>(bytes->data()), bytes->size());
  return std::nullopt;
}

bool is_plain_object(JSContext* context, JSValueConst value) {
  return JS_IsObject(value) && !JS_IsArray(value) && !JS_IsFunction(context, value) && !JS_IsDate(value);
}

const char* kind_of(JSContext* context, JSValueConst value) {
  if (JS_IsUndefined(value)) return "undefined";
  if (JS_IsNull(value)) return "null";
  if (JS_IsBool(value)) return "true or false";
  if (JS_IsNumber(value)) return "a number";
  if (JS_IsString(value)) return "a text";
  if (JS_IsFunction(context, value)) return "a function";
  if (JS_IsArray(value)) return "a list";
  if (JS_IsDate(value)) return "a date";
  return JS_GetTypedArrayType(value) >= 0 ? "a typed array" : "an object";
}

std::int64_t list_length(JSContext* context, JSValueConst value) {
  std::int64_t length = 0;
  if (JS_GetLength(context, value, &length) < 0) JS_FreeValue(context, JS_GetException(context));
  return std::clamp<std::int64_t>(length, 0, kMaxListLength);
}

JSValue new_array_buffer(JSContext* context, std::string_view bytes) {
  return JS_NewArrayBufferCopy(context, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
}

JSValue adopt_array_buffer(JSContext* context, std::string&& bytes) {
  auto owner = std::make_unique<AdoptedBytes>(AdoptedBytes{std::move(bytes), {}});
  if (!owner->memory.charge(context, owner->bytes.capacity())) return JS_EXCEPTION;
  std::string& text = owner->bytes;
  const JSValue buffer =
      JS_NewArrayBuffer(context, reinterpret_cast<std::uint8_t*>(text.data()), text.size(), 0, &resize_string_buffer, owner.get(), false);
  if (!JS_IsException(buffer)) static_cast<void>(owner.release());
  return buffer;
}

int give_names(JSContext* context, JSPropertyEnum* names, std::size_t count, JSPropertyEnum** out, std::uint32_t* out_count) {
  const auto size = static_cast<std::uint32_t>(count);
  if (std::any_of(names, names + count, [](const JSPropertyEnum& each) { return each.atom == JS_ATOM_NULL; })) {
    JS_FreePropertyEnum(context, names, size);
    return -1;
  }
  *out = names;
  *out_count = size;
  return 0;
}

JSValue throw_type_error(JSContext* context, std::string_view message) {
  return JS_ThrowMessage(context, JS_THROW_TYPE_ERROR, nullptr, message.data(), message.size());
}

JSValue throw_range_error(JSContext* context, std::string_view message) {
  return JS_ThrowMessage(context, JS_THROW_RANGE_ERROR, nullptr, message.data(), message.size());
}

JSValue throw_error(JSContext* context, std::string_view message) { return throw_named_error(context, "GoError", message); }

JSValue throw_named_error(JSContext* context, const char* name, std::string_view message) {
  return JS_ThrowMessage(context, JS_THROW_ERROR, name, message.data(), message.size());
}

std::optional<std::string> to_json(JSContext* context, JSValueConst value) {
  const Value json(context, JS_JSONStringify(context, value, JS_UNDEFINED, JS_UNDEFINED));
  if (json.is_exception()) {
    JS_FreeValue(context, JS_GetException(context));
    return std::nullopt;
  }
  if (!json.is_string()) return std::nullopt;
  const Text text(json);
  if (text.failed()) {
    JS_FreeValue(context, JS_GetException(context));
    return std::nullopt;
  }
  return text.str();
}

Value from_json(JSContext* context, std::string_view text, const char* file) {
  const std::string terminated(text);
  return {context, JS_ParseJSON(context, terminated.data(), terminated.size(), file)};
}

}  // namespace gauntlet::engine::script
