#pragma once
// Owning and reading JavaScript values. Everything here belongs to one runtime, that is to one virtual user and its
// thread. Only js/ and the module bindings see QuickJS's own types.
#include <quickjs.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "engine/script/interrupt.hpp"

namespace gauntlet::engine::script {

/// Owns one reference to a JavaScript value. Must be gone before its runtime is.
class Value {
 public:
  Value() = default;
  /// Takes over the caller's reference.
  Value(JSContext* context, JSValue owned) : context_(context), value_(owned) {}
  /// A further reference to a borrowed value.
  static Value copy(JSContext* context, JSValueConst borrowed) { return {context, JS_DupValue(context, borrowed)}; }
  Value(Value&& other) noexcept : context_(other.context_), value_(std::exchange(other.value_, JS_UNDEFINED)) {}
  Value& operator=(Value&& other) noexcept {
    if (this != &other) {
      reset();
      context_ = other.context_;
      value_ = std::exchange(other.value_, JS_UNDEFINED);
    }
    return *this;
  }
  Value(const Value& other) : context_(other.context_), value_(other.dup()) {}
  Value& operator=(const Value& other) { return *this = Value(other); }
  ~Value() { reset(); }

  JSContext* context() const { return context_; }
  /// Borrowed.
  JSValueConst get() const { return value_; }
  /// Hands the reference to the caller, as natives return values.
  JSValue release() { return std::exchange(value_, JS_UNDEFINED); }
  JSValue dup() const { return context_ == nullptr ? value_ : JS_DupValue(context_, value_); }

  bool is_exception() const { return JS_IsException(value_); }
  bool is_undefined() const { return JS_IsUndefined(value_); }
  bool is_nullish() const { return JS_IsUndefined(value_) || JS_IsNull(value_); }
  bool is_string() const { return JS_IsString(value_); }
  bool is_number() const { return JS_IsNumber(value_); }
  bool is_bool() const { return JS_IsBool(value_); }
  bool is_object() const { return JS_IsObject(value_); }
  bool is_array() const { return JS_IsArray(value_); }
  bool is_function() const { return context_ != nullptr && JS_IsFunction(context_, value_); }

  /// Property by name; an exception value when a getter throws.
  Value property(std::string_view name) const {
    const JSAtom atom = JS_NewAtomLen(context_, name.data(), name.size());
    Value found(context_, JS_GetProperty(context_, value_, atom));
    JS_FreeAtom(context_, atom);
    return found;
  }
  Value element(std::uint32_t index) const { return {context_, JS_GetPropertyUint32(context_, value_, index)}; }
  /// Sets an own, enumerable, writable property.
  void set(std::string_view name, Value value) const {
    const JSAtom atom = JS_NewAtomLen(context_, name.data(), name.size());
    JS_DefinePropertyValue(context_, value_, atom, value.release(), JS_PROP_C_W_E);
    JS_FreeAtom(context_, atom);
  }
  void set(std::string_view name, std::string_view text) const {
    set(name, Value(context_, JS_NewStringLen(context_, text.data(), text.size())));
  }

 private:
  void reset() {
    if (context_ != nullptr) JS_FreeValue(context_, value_);
    value_ = JS_UNDEFINED;
  }

  JSContext* context_ = nullptr;
  JSValue value_ = JS_UNDEFINED;
};

/// A value's string form (ToString) in UTF-8 while this lives; half a surrogate pair, which has none, is U+FFFD. Empty and
/// failed() when the conversion threw; the exception is then pending.
class Text {
 public:
  Text(JSContext* context, JSValueConst value) : context_(context), data_(JS_ToCStringLen(context, &size_, value)) { mend(); }
  explicit Text(const Value& value) : Text(value.context(), value.get()) {}
  /// The name of a property.
  static Text of_atom(JSContext* context, JSAtom atom) { return {context, atom, 0}; }
  Text(const Text&) = delete;
  Text& operator=(const Text&) = delete;
  ~Text() {
    if (data_ != nullptr) JS_FreeCString(context_, data_);
  }

  bool failed() const { return data_ == nullptr; }
  std::string_view view() const { return data_ == nullptr ? std::string_view() : std::string_view(data_, size_); }
  std::string str() const { return std::string(view()); }
  operator std::string_view() const { return view(); }

 private:
  Text(JSContext* context, JSAtom atom, int) : context_(context), data_(JS_AtomToCStringLen(context, &size_, atom)) { mend(); }
  void mend();

  JSContext* context_;
  std::size_t size_ = 0;
  const char* data_;
};

/// The bytes of an ArrayBuffer, a typed array or a DataView, borrowed from the value; nothing for anything else.
/// Valid while the value lives and no script runs.
std::optional<std::span<const std::uint8_t>> bytes_of(JSContext* context, JSValueConst value);

/// Bytes of a string (UTF-8) or of a buffer; nothing for the rest.
std::optional<std::string> bytes_or_text(JSContext* context, JSValueConst value);

/// An object that is no array, function or date.
bool is_plain_object(JSContext* context, JSValueConst value);

/// What a value is, in words for messages: "a number", "a list", "undefined".
const char* kind_of(JSContext* context, JSValueConst value);

/// Elements that natives read of a list: as many as it has, up to this bound. A sparse array may claim four billion and
/// hold none; this many real ones fill a quarter of a gigabyte.
constexpr std::int64_t kMaxListLength = 1 << 24;
/// The length of an array, no more than kMaxListLength; 0 for what has none.
std::int64_t list_length(JSContext* context, JSValueConst value);

inline JSValue new_string(JSContext* context, std::string_view text) { return JS_NewStringLen(context, text.data(), text.size()); }
/// An ArrayBuffer with a copy of `bytes`.
JSValue new_array_buffer(JSContext* context, std::string_view bytes);
/// An ArrayBuffer that takes over `bytes` without a copy; an exception where the heap limit does not allow them.
JSValue adopt_array_buffer(JSContext* context, std::string&& bytes);

/// Throws in the script: `return throw_error(...)`. `message` is used as it is.
JSValue throw_type_error(JSContext* context, std::string_view message);
JSValue throw_range_error(JSContext* context, std::string_view message);
/// The name is "GoError", as k6 calls errors of its natives.
JSValue throw_error(JSContext* context, std::string_view message);
/// An Error whose string form starts with `name`.
JSValue throw_named_error(JSContext* context, const char* name, std::string_view message);

/// For get_own_property_names() of exotic classes: gives QuickJS `names`, js_malloc()ed, and 0; where the name of one was
/// not made, frees them and gives -1.
int give_names(JSContext* context, JSPropertyEnum* names, std::size_t count, JSPropertyEnum** out, std::uint32_t* out_count);

/// JSON.stringify without indentation; nothing for what has no JSON form (undefined, functions). An exception that a
/// toJSON threw is cleared and gives nothing, too.
std::optional<std::string> to_json(JSContext* context, JSValueConst value);
/// JSON.parse; an exception value for malformed text. `text` need not be terminated.
Value from_json(JSContext* context, std::string_view text, const char* file = "<json>");

/// Calls `visit(key, value)` for each own enumerable string-keyed property in order; stops when it returns false.
/// Returns false when an exception is pending.
template <class Visit>
bool for_each_property(JSContext* context, JSValueConst object, Visit&& visit) {
  JSPropertyEnum* properties = nullptr;
  std::uint32_t count = 0;
  if (JS_GetOwnPropertyNames(context, &properties, &count, object, JS_GPN_STRING_MASK | JS_GPN_ENUM_ONLY) < 0) return false;
  bool ok = true;
  for (std::uint32_t i = 0; i < count && ok; ++i) {
    // An object may have a million, and what is done with each takes its time.
    constexpr std::size_t kWork = 2048;
    Value value(context, interrupted(context, kWork) ? JS_EXCEPTION : JS_GetProperty(context, object, properties[i].atom));
    if (value.is_exception()) {
      ok = false;
      break;
    }
    const Text key = Text::of_atom(context, properties[i].atom);
    if (key.failed()) {
      ok = false;
      break;
    }
    if (!visit(key.view(), std::move(value))) break;
  }
  JS_FreePropertyEnum(context, properties, count);
  return ok;
}

}  // namespace gauntlet::engine::script
