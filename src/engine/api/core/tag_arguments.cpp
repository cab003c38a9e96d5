#include "engine/api/core/tag_arguments.hpp"

#include <fmt/format.h>

namespace gauntlet::engine::api {

bool tag_text(JSContext* context, JSValueConst value, std::string& text) {
  if (!JS_IsString(value) && !JS_IsNumber(value) && !JS_IsBool(value)) return false;
  text = script::Text(context, value).str();
  return true;
}

bool TagArguments::add_to(metrics::TagBuilder& builder, JSValueConst tags, std::string_view what) {
  if (!JS_IsObject(tags)) return true;
  bool ok = true;
  const bool listed = script::for_each_property(context_, tags, [&](std::string_view key, const script::Value& value) {
    std::string text;
    ok = tag_text(context_, value.get(), text);
    if (!ok) {
      script::throw_error(context_, fmt::format("cannot add tags for the '{}' custom metric: invalid value for metric tag '{}': "
                                                "only String, Boolean and Number types are accepted as a metric tag values",
                                                what, key));
      return false;
    }
    const std::string& name = texts_.emplace_back(key);
    builder.set(name, texts_.emplace_back(std::move(text)));
    return true;
  });
  return listed && ok;
}

}  // namespace gauntlet::engine::api
