#include "engine/modules/go_value.hpp"

#include <cmath>

#include "engine/js/value.hpp"

namespace gauntlet::engine::modules {

std::optional<std::string> bytes_or_text(JSContext* context, JSValueConst value) {
  if (JS_IsString(value)) {
    std::string text = js::Text(context, value).str();
    // Half a surrogate pair has no UTF-8: it is U+FFFD, as long in bytes as the half would be.
    for (auto at = text.find('\xed'); at != std::string::npos && at + 2 < text.size(); at = text.find('\xed', at + 3)) {
      if (static_cast<unsigned char>(text[at + 1]) >= 0xa0) text.replace(at, 3, "\xef\xbf\xbd");
    }
    return text;
  }
  if (const auto bytes = js::bytes_of(context, value)) return std::string(reinterpret_cast<const char*>(bytes->data()), bytes->size());
  return std::nullopt;
}

std::string go_type(JSContext* context, JSValueConst value) {
  if (JS_IsUndefined(value) || JS_IsNull(value)) return "<nil>";
  if (JS_IsBool(value)) return "bool";
  if (JS_IsNumber(value)) {
    double number = 0;
    JS_ToFloat64(context, &number, value);
    return std::trunc(number) == number && std::abs(number) < 9e15 ? "int64" : "float64";
  }
  if (JS_IsString(value)) return "string";
  if (JS_IsFunction(context, value)) return "func(sobek.FunctionCall) sobek.Value";
  if (JS_IsArray(value)) return "[]interface {}";
  if (JS_IsDate(value)) return "time.Time";
  switch (JS_GetTypedArrayType(value)) {
    case JS_TYPED_ARRAY_INT8: return "[]int8";
    case JS_TYPED_ARRAY_INT16: return "[]int16";
    case JS_TYPED_ARRAY_UINT16: return "[]uint16";
    case JS_TYPED_ARRAY_INT32: return "[]int32";
    case JS_TYPED_ARRAY_UINT32: return "[]uint32";
    case JS_TYPED_ARRAY_BIG_INT64: return "[]int64";
    case JS_TYPED_ARRAY_BIG_UINT64: return "[]uint64";
    case JS_TYPED_ARRAY_FLOAT32: return "[]float32";
    case JS_TYPED_ARRAY_FLOAT64: return "[]float64";
    case JS_TYPED_ARRAY_UINT8C:
    case JS_TYPED_ARRAY_UINT8: return "[]uint8";
    default: break;
  }
  return "map[string]interface {}";
}

bool is_plain_object(JSContext* context, JSValueConst value) {
  return JS_IsObject(value) && !JS_IsArray(value) && !JS_IsFunction(context, value) && !JS_IsDate(value);
}

}  // namespace gauntlet::engine::modules
