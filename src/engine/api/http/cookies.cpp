#include "engine/api/http/cookies.hpp"

#include <fmt/format.h>

#include "engine/script/binding.hpp"
#include "engine/wire/failure.hpp"

namespace gauntlet::engine::modules {
namespace {

using js::Text;
using js::Value;

struct JarObject {
  std::shared_ptr<net::CookieJar> jar;
};

/// The URL that is every method's first argument; nothing when an exception is pending.
std::optional<net::Url> url_argument(js::Call call) {
  const Text text(call.context, call.arg(0));
  if (text.failed()) return std::nullopt;
  auto url = net::Url::parse(text);
  if (url) return std::move(*url);
  js::throw_error(call.context, url.error().message);
  return std::nullopt;
}

JSValue cookies_for_url(js::Self<JarObject> self, js::Call call) {
  const auto url = url_argument(call);
  if (!url) return JS_EXCEPTION;
  Value object(self.context, JS_NewObject(self.context));
  for (const net::CookieJar::Sent& cookie : self->jar->cookies_for(*url, net::CookieJar::clock_ms())) {
    const std::string name(cookie.name);
    Value list = object.property(name);
    if (!list.is_array()) {
      list = Value(self.context, JS_NewArray(self.context));
      object.set(name, list);
    }
    std::int64_t length = 0;
    JS_GetLength(self.context, list.get(), &length);
    JS_DefinePropertyValueUint32(self.context, list.get(), static_cast<std::uint32_t>(length), js::new_string(self.context, cookie.value),
                                 JS_PROP_C_W_E);
  }
  return object.release();
}

JSValue set_cookie(js::Self<JarObject> self, js::Call call) {
  const auto url = url_argument(call);
  if (!url) return JS_EXCEPTION;
  JSContext* const context = self.context;
  net::Cookie cookie;
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
      cookie.expires_ms = net::parse_http_date(expires);
      if (!cookie.expires_ms) {
        return js::throw_error(
            context, fmt::format("unable to parse \"expires\" date string {}: parsing time {} as \"Mon, 02 Jan 2006 15:04:05 MST\": "
                                 "cannot parse {} as \"Mon\"",
                                 net::go_quote(expires), net::go_quote(expires), net::go_quote(expires)));
      }
    }
  }
  self->jar->set(*url, {cookie}, net::CookieJar::clock_ms());
  return JS_TRUE;
}

JSValue clear(js::Self<JarObject> self, js::Call call) {
  const auto url = url_argument(call);
  if (!url) return JS_EXCEPTION;
  self->jar->remove(*url, std::nullopt, net::CookieJar::clock_ms());
  return JS_UNDEFINED;
}

JSValue delete_cookie(js::Self<JarObject> self, js::Call call) {
  const auto url = url_argument(call);
  if (!url) return JS_EXCEPTION;
  const Text name(self.context, call.arg(1));
  if (name.failed()) return JS_EXCEPTION;
  self->jar->remove(*url, name.view(), net::CookieJar::clock_ms());
  return JS_UNDEFINED;
}

}  // namespace

void define_cookie_jar(JSContext* context) { js::Class<JarObject>::define(context, "Object", {}); }

JSValue new_cookie_jar(JSContext* context, std::shared_ptr<net::CookieJar> jar) {
  Value object(context, js::Class<JarObject>::create(context, std::make_unique<JarObject>(JarObject{std::move(jar)})));
  if (object.is_exception()) return JS_EXCEPTION;
  // k6 shows them as the object's own, in this order.
  const auto add = [&](const char* name, JSCFunction* native, int length) {
    object.set(name, Value(context, JS_NewCFunction(context, native, name, length)));
  };
  add("clear", &js::detail::call_method<&clear>, 1);
  add("cookiesForURL", &js::detail::call_method<&cookies_for_url>, 1);
  add("delete", &js::detail::call_method<&delete_cookie>, 2);
  add("set", &js::detail::call_method<&set_cookie>, 4);
  return object.release();
}

std::shared_ptr<net::CookieJar> jar_of(JSValueConst value) {
  const JarObject* object = js::Class<JarObject>::of(value);
  return object != nullptr ? object->jar : nullptr;
}

}  // namespace gauntlet::engine::modules
