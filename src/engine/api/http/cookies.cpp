#include "engine/api/http/cookies.hpp"

#include <fmt/format.h>

#include "engine/script/binding.hpp"
#include "engine/wire/failure.hpp"

namespace gauntlet::engine::api {
namespace {

using script::Text;
using script::Value;

struct JarObject {
  std::shared_ptr<wire::CookieJar> jar;
};

/// The URL that is every method's first argument; nothing when an exception is pending.
std::optional<wire::Url> url_argument(script::Call call) {
  const Text text(call.context, call.arg(0));
  if (text.failed()) return std::nullopt;
  auto url = wire::Url::parse(text);
  if (url) return std::move(*url);
  script::throw_error(call.context, url.error().message);
  return std::nullopt;
}

JSValue cookies_for_url(script::Self<JarObject> self, script::Call call) {
  const auto url = url_argument(call);
  if (!url) return JS_EXCEPTION;
  Value object(self.context, JS_NewObject(self.context));
  for (const wire::CookieJar::Sent& cookie : self->jar->cookies_for(*url, wire::CookieJar::clock_ms())) {
    const std::string name(cookie.name);
    Value list = object.property(name);
    if (!list.is_array()) {
      list = Value(self.context, JS_NewArray(self.context));
      object.set(name, list);
    }
    std::int64_t length = 0;
    JS_GetLength(self.context, list.get(), &length);
    JS_DefinePropertyValueUint32(self.context, list.get(), static_cast<std::uint32_t>(length),
                                 script::new_string(self.context, cookie.value), JS_PROP_C_W_E);
  }
  return object.release();
}

JSValue set_cookie(script::Self<JarObject> self, script::Call call) {
  const auto url = url_argument(call);
  if (!url) return JS_EXCEPTION;
  JSContext* const context = self.context;
  wire::Cookie cookie;
  cookie.name = Text(context, call.arg(1)).str();
  if (call.has(2)) cookie.value = Text(context, call.arg(2)).str();
  if (JS_IsObject(call.arg(3))) {
    const Value options = Value::copy(context, call.arg(3));
    const auto text = [&](const char* name) {
      const Value value = options.property(name);
      return value.is_nullish() ? std::string() : Text(value).str();
    };
    const auto flag = [&](const char* name) { return JS_ToBool(context, options.property(name).get()) == 1; };
    cookie.domain = text("domain");
    cookie.path = text("path");
    cookie.is_secure = flag("secure");
    cookie.is_http_only = flag("http_only");
    const Value max_age = options.property("max_age");
    if (!max_age.is_nullish()) JS_ToInt32(context, &cookie.max_age, max_age.get());
    if (const std::string expires = text("expires"); !expires.empty()) {
      cookie.expires_ms = wire::parse_http_date(expires);
      if (!cookie.expires_ms) {
        return script::throw_error(
            context, fmt::format("unable to parse \"expires\" date string {}: parsing time {} as \"Mon, 02 Jan 2006 15:04:05 MST\": "
                                 "cannot parse {} as \"Mon\"",
                                 wire::go_quote(expires), wire::go_quote(expires), wire::go_quote(expires)));
      }
    }
  }
  self->jar->set(*url, {cookie}, wire::CookieJar::clock_ms());
  return JS_TRUE;
}

JSValue clear(script::Self<JarObject> self, script::Call call) {
  const auto url = url_argument(call);
  if (!url) return JS_EXCEPTION;
  self->jar->remove(*url, std::nullopt, wire::CookieJar::clock_ms());
  return JS_UNDEFINED;
}

JSValue delete_cookie(script::Self<JarObject> self, script::Call call) {
  const auto url = url_argument(call);
  if (!url) return JS_EXCEPTION;
  const Text name(self.context, call.arg(1));
  if (name.failed()) return JS_EXCEPTION;
  self->jar->remove(*url, name.view(), wire::CookieJar::clock_ms());
  return JS_UNDEFINED;
}

}  // namespace

void define_cookie_jar(JSContext* context) { script::Class<JarObject>::define(context, "Object", {}); }

JSValue new_cookie_jar(JSContext* context, std::shared_ptr<wire::CookieJar> jar) {
  Value object(context, script::Class<JarObject>::create(context, std::make_unique<JarObject>(JarObject{std::move(jar)})));
  if (object.is_exception()) return JS_EXCEPTION;
  // k6 shows them as the object's own, in this order.
  const auto add = [&](const char* name, JSCFunction* native, int length) {
    object.set(name, Value(context, JS_NewCFunction(context, native, name, length)));
  };
  add("clear", &script::detail::call_method<&clear>, 1);
  add("cookiesForURL", &script::detail::call_method<&cookies_for_url>, 1);
  add("delete", &script::detail::call_method<&delete_cookie>, 2);
  add("set", &script::detail::call_method<&set_cookie>, 4);
  return object.release();
}

std::shared_ptr<wire::CookieJar> jar_of(JSValueConst value) {
  const JarObject* object = script::Class<JarObject>::of(value);
  return object != nullptr ? object->jar : nullptr;
}

}  // namespace gauntlet::engine::api
