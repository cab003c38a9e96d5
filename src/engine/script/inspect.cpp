#include "engine/script/inspect.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "engine/script/value.hpp"

namespace gauntlet::engine::script {
namespace {

/// Deeper nesting is shown as [Object]: deep enough for any data, shallow enough for the fiber's stack.
constexpr std::size_t kMaxDepth = 100;

class Inspector {
 public:
  explicit Inspector(JSContext* context) : context_(context) {}

  void show(JSValueConst value, bool nested) {
    if (JS_IsString(value)) {
      const Text text(context_, value);
      if (nested) {
        out_ += '"';
        out_ += text.view();
        out_ += '"';
      } else {
        out_ += text.view();
      }
    } else if (JS_IsUndefined(value)) {
      out_ += nested ? "null" : "undefined";
    } else if (JS_IsSymbol(value)) {
      const Value description(context_, JS_GetPropertyStr(context_, value, "description"));
      show(description.get(), nested);
    } else if (JS_IsObject(value)) {
      show_object(value);
    } else {
      append_text(value);
    }
  }

  std::string take() { return std::move(out_); }

 private:
  void append_text(JSValueConst value) {
    const Text text(context_, value);
    if (text.failed()) JS_FreeValue(context_, JS_GetException(context_));
    out_ += text.view();
  }

  void show_object(JSValueConst value) {
    if (JS_IsFunction(context_, value)) {
      out_ += "[object Function]";
    } else if (JS_IsError(value)) {
      append_text(value);
    } else if (JS_IsDate(value)) {
      show_date(value);
    } else if (const auto bytes = JS_IsDataView(value) ? std::nullopt : bytes_of(context_, value)) {
      show_bytes(value, *bytes);
    } else if (std::find(path_.begin(), path_.end(), JS_VALUE_GET_PTR(value)) != path_.end()) {
      out_ += "[Circular]";
    } else if (path_.size() >= kMaxDepth) {
      out_ += JS_IsArray(value) ? "[Array]" : "[Object]";
    } else {
      path_.push_back(JS_VALUE_GET_PTR(value));
      if (JS_IsArray(value)) {
        show_elements(value);
      } else {
        show_properties(value);
      }
      path_.pop_back();
    }
  }

  void show_date(JSValueConst value) {
    const std::string text = to_json(context_, value).value_or("null");
    out_ += text == "null" ? "{}" : text;
  }

  void show_bytes(JSValueConst value, std::span<const std::uint8_t> bytes) {
    if (JS_IsArrayBuffer(value)) {
      out_ += "ArrayBuffer { [Uint8Contents]: <";
      for (std::size_t i = 0; i < bytes.size(); ++i) out_ += fmt::format("{}{:02x}", i == 0 ? "" : " ", bytes[i]);
      out_ += fmt::format(">, byteLength: {} }}", bytes.size());
      return;
    }
    const Value constructor(context_, JS_GetPropertyStr(context_, value, "constructor"));
    const Text name(constructor.property("name"));
    const std::int64_t length = list_length(context_, value);
    out_ += fmt::format("{}({}) ", name.view(), length);
    show_elements(value);
  }

  void show_elements(JSValueConst value) {
    const std::int64_t length = list_length(context_, value);
    if (length == 0) {
      out_ += "[]";
      return;
    }
    out_ += "[ ";
    for (std::int64_t i = 0; i < length; ++i) {
      if (i > 0) out_ += ", ";
      show_property(Value(context_, JS_GetPropertyInt64(context_, value, i)));
    }
    out_ += " ]";
  }

  void show_properties(JSValueConst value) {
    bool first = true;
    const auto show_one = [&](std::string_view key, Value property) {
      out_ += first ? "{ " : ", ";
      first = false;
      out_ += key;
      out_ += ": ";
      show_property(std::move(property));
      return true;
    };
    if (!for_each_property(context_, value, show_one)) JS_FreeValue(context_, JS_GetException(context_));
    if (first) show_native_getters(value, show_one);
    out_ += first ? "{}" : " }";
  }

  /// Objects of natives keep their fields as getters of their class, which are shown as fields.
  template <class Show>
  void show_native_getters(JSValueConst value, Show&& show_one) {
    JSClassID id = 0;
    if (JS_GetAnyOpaque(value, &id) == nullptr) return;
    const Value prototype(context_, JS_GetPrototype(context_, value));
    if (!prototype.is_object()) return;
    JSPropertyEnum* properties = nullptr;
    std::uint32_t count = 0;
    if (JS_GetOwnPropertyNames(context_, &properties, &count, prototype.get(), JS_GPN_STRING_MASK | JS_GPN_ENUM_ONLY) < 0) {
      return;
    }
    for (std::uint32_t i = 0; i < count; ++i) {
      Value property(context_, JS_GetProperty(context_, value, properties[i].atom));
      const Text key = Text::of_atom(context_, properties[i].atom);
      if (!key.failed() && !property.is_function()) show_one(key.view(), std::move(property));
    }
    JS_FreePropertyEnum(context_, properties, count);
  }

  void show_property(Value property) {
    if (property.is_exception()) {
      JS_FreeValue(context_, JS_GetException(context_));
      out_ += "null";
    } else {
      show(property.get(), true);
    }
  }

  JSContext* context_;
  std::string out_;
  std::vector<const void*> path_;  // objects being shown, outermost first
};

}  // namespace

std::string inspect(JSContext* context, JSValueConst value) {
  Inspector inspector(context);
  inspector.show(value, false);
  return inspector.take();
}

}  // namespace gauntlet::engine::script
