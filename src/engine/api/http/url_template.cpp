#include "engine/api/http/url_template.hpp"

#include "engine/script/binding.hpp"

namespace gauntlet::engine::api {
namespace {

JSValue get_url(script::Self<UrlTemplate> self, script::Call) { return script::new_string(self.context, self->url); }

}  // namespace

void define_url_template(JSContext* context) { script::Class<UrlTemplate>::define(context, "Object", {}); }

JSValue new_url_template(JSContext* context, int count, JSValueConst* arguments) {
  auto made = std::make_unique<UrlTemplate>();
  if (count > 0 && JS_IsArray(arguments[0])) {
    const std::int64_t pieces = script::list_length(context, arguments[0]);
    for (std::int64_t i = 0; i < pieces; ++i) {
      const script::Value piece(context, JS_GetPropertyInt64(context, arguments[0], i));
      const script::Text text(piece);
      if (text.failed()) return JS_EXCEPTION;
      made->url += text.view();
      made->name += text.view();
      if (i + 1 == pieces || i + 1 >= count) continue;
      const script::Text value(context, arguments[i + 1]);
      if (value.failed()) return JS_EXCEPTION;
      made->url += value.view();
      made->name += "${}";
    }
  } else if (count > 0) {
    const script::Text text(context, arguments[0]);
    if (text.failed()) return JS_EXCEPTION;
    made->url = made->name = text.str();
  }
  const UrlTemplate& shown = *made;
  script::Value object(context, script::Class<UrlTemplate>::create(context, std::move(made)));
  if (object.is_exception()) return JS_EXCEPTION;
  object.set("name", shown.name);
  object.set("url", shown.url);
  object.set("clean_url", shown.url);
  for (const char* name : {"clean", "getURL"}) {
    object.set(name, script::Value(context, JS_NewCFunction(context, &script::detail::call_method<&get_url>, name, 0)));
  }
  return object.release();
}

}  // namespace gauntlet::engine::api
