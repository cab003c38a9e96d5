#include "engine/api/http/response.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/duration.hpp"
#include "base/text.hpp"
#include "engine/api/core/network_string.hpp"
#include "engine/api/http/page.hpp"
#include "engine/script/binding.hpp"
#include "engine/script/json/gjson.hpp"
#include "engine/script/json/parse.hpp"
#include "engine/script/json/syntax_error.hpp"
#include "engine/users/vu_context.hpp"
#include "engine/wire/http/cookie.hpp"

namespace gauntlet::engine::api {
namespace {

using script::Value;
using wire::HttpExchange;

/// What k6 shows for a cookie without expiry: Go's year 1 in milliseconds, after an overflow.
constexpr double kNoExpiry = -6795364578871.0;

HttpState& state_of(JSContext* context) { return users::vu_of(context).slot<HttpState>(); }
Response* response_of(JSValueConst value) { return script::Class<Response>::of(value); }

void set(JSContext* context, JSValueConst object, JSAtom atom, JSValue value) {
  JS_DefinePropertyValue(context, object, atom, value, JS_PROP_C_W_E);
}

void set(JSContext* context, JSValueConst object, std::string_view name, JSValue value) {
  const JSAtom atom = JS_NewAtomLen(context, name.data(), name.size());
  set(context, object, atom, value);
  JS_FreeAtom(context, atom);
}

/// The array `object[name]`, made when it is not there yet.
JSValue array_in(JSContext* context, JSValueConst object, std::string_view name) {
  const JSAtom atom = JS_NewAtomLen(context, name.data(), name.size());
  JSValue array = JS_GetProperty(context, object, atom);
  if (!JS_IsArray(array)) {
    JS_FreeValue(context, array);
    array = JS_NewArray(context);
    set(context, object, atom, JS_DupValue(context, array));
  }
  JS_FreeAtom(context, atom);
  return array;
}

void push(JSContext* context, JSValueConst array, JSValue value) {
  std::int64_t length = 0;
  JS_GetLength(context, array, &length);
  JS_DefinePropertyValueUint32(context, array, static_cast<std::uint32_t>(length), value, JS_PROP_C_W_E);
}

/// Header names as Go keys them; what frames the message is not shown.
JSValue make_headers(JSContext* context, const HttpExchange& exchange) {
  struct Header {
    std::string name;
    std::string value;
  };
  std::vector<Header> headers;
  wire::for_each_field(exchange.head.fields, [&](std::string_view name, std::string_view value) {
    std::string canonical = wire::canonical_field_name(name);
    if (canonical == "Transfer-Encoding" || canonical == "Trailer" || (canonical == "Content-Length" && exchange.head.is_chunked)) return;
    if (canonical == "Connection" && wire::list_has_token(value, "close")) return;
    const auto same = std::find_if(headers.begin(), headers.end(), [&](const Header& h) { return h.name == canonical; });
    if (same == headers.end()) headers.push_back({std::move(canonical), std::string(value)});
    // The same length twice is one length.
    else if (canonical != "Content-Length") same->value.append(", ").append(value);
  });
  const JSValue object = JS_NewObject(context);
  for (const Header& header : headers) set(context, object, header.name, new_network_string(context, header.value));
  return object;
}

JSValue make_cookies(JSContext* context, const HttpExchange& exchange) {
  const JSValue object = JS_NewObject(context);
  if (!exchange.head.has_cookies) return object;
  wire::for_each_field(exchange.head.fields, [&](std::string_view name, std::string_view value) {
    if (!base::equals_ignoring_case(name, "set-cookie")) return;
    const auto cookie = wire::parse_set_cookie(value);
    if (!cookie) return;
    const JSValue item = JS_NewObject(context);
    set(context, item, "name", script::new_string(context, cookie->name));
    set(context, item, "value", script::new_string(context, cookie->value));
    set(context, item, "domain", script::new_string(context, cookie->domain));
    set(context, item, "path", script::new_string(context, cookie->path));
    set(context, item, "http_only", JS_NewBool(context, cookie->is_http_only));
    set(context, item, "secure", JS_NewBool(context, cookie->is_secure));
    set(context, item, "max_age", JS_NewInt32(context, cookie->max_age));
    set(context, item, "expires", JS_NewFloat64(context, cookie->expires_ms ? static_cast<double>(*cookie->expires_ms) : kNoExpiry));
    const Value list(context, array_in(context, object, cookie->name));
    push(context, list.get(), item);
  });
  return object;
}

JSValue make_timings(JSContext* context, const Atoms& atoms, const wire::HttpTimings& timings) {
  const JSValue object = JS_NewObject(context);
  const auto put = [&](Atoms::Name name, std::chrono::nanoseconds time) {
    set(context, object, atoms[name], JS_NewFloat64(context, base::milliseconds_of(time)));
  };
  put(Atoms::duration, timings.duration());
  put(Atoms::blocked, timings.blocked);
  put(Atoms::looking_up, std::chrono::nanoseconds(0));
  put(Atoms::connecting, timings.connecting);
  put(Atoms::tls_handshaking, timings.tls_handshaking);
  put(Atoms::sending, timings.sending);
  put(Atoms::waiting, timings.waiting);
  put(Atoms::receiving, timings.receiving);
  return object;
}

JSValue make_ocsp(JSContext* context, bool is_tls) {
  const JSValue object = JS_NewObject(context);
  for (const char* name : {"produced_at", "this_update", "next_update", "revoked_at"}) set(context, object, name, JS_NewInt32(context, 0));
  set(context, object, "revocation_reason", script::new_string(context, ""));
  set(context, object, "status", script::new_string(context, is_tls ? "unknown" : ""));
  return object;
}

JSValue make_sent_cookies(JSContext* context, std::string_view header) {
  const JSValue object = JS_NewObject(context);
  while (!header.empty()) {
    const auto end = header.find("; ");
    const std::string_view pair = header.substr(0, end);
    header = end == std::string_view::npos ? std::string_view() : header.substr(end + 2);
    const auto equals = pair.find('=');
    if (equals == std::string_view::npos) continue;
    std::string_view value = pair.substr(equals + 1);
    if (value.size() > 1 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
    const std::string_view name = pair.substr(0, equals);
    const JSValue item = JS_NewObject(context);
    set(context, item, "name", new_network_string(context, name));
    set(context, item, "value", new_network_string(context, value));
    set(context, item, "replace", JS_FALSE);
    const Value list(context, array_in(context, object, name));
    push(context, list.get(), item);
  }
  return object;
}

JSValue make_request(JSContext* context, const Response& response) {
  if (!response.fetch) return JS_NULL;
  const wire::HttpFetch& fetch = *response.fetch;
  const JSValue object = JS_NewObject(context);
  set(context, object, "method", script::new_string(context, fetch.method.empty() ? "GET" : fetch.method));
  set(context, object, "url", script::new_string(context, fetch.url));
  const JSValue headers = JS_NewObject(context);
  const auto add = [&](std::string_view name, std::string_view value) {
    const Value list(context, array_in(context, headers, name));
    push(context, list.get(), new_network_string(context, value));
  };
  fetch.fields.for_each([&](std::string_view name, std::string_view value) {
    if (name != "Cookie") add(name, value);
  });
  if (!fetch.first_cookie_header().empty()) add("Cookie", fetch.first_cookie_header());
  set(context, object, "headers", headers);
  // What a file held is not shown: it would be copied for each request.
  set(context, object, "body",
      !fetch.files.empty() ? JS_NULL
                           : new_network_string(context, response.has_plain_request_body ? response.plain_request_body : fetch.body));
  set(context, object, "cookies", make_sent_cookies(context, fetch.first_cookie_header()));
  return object;
}

JSValue json_method(script::Self<Response> self, script::Call call);

/// One for all responses of a virtual user.
JSValue response_method(JSContext* context, const HttpState& state, std::size_t name) {
  Value& kept = state.response_method(name);
  if (kept.is_undefined()) {
    const auto make = [&](JSCFunction* native, const char* text) { return Value(context, JS_NewCFunction(context, native, text, 1)); };
    Value made;
    if (name == Atoms::click_link) made = make(&script::detail::call_method<&page_click_link>, "clickLink");
    if (name == Atoms::html) made = make(&script::detail::call_method<&page_html>, "html");
    if (name == Atoms::json) made = make(&script::detail::call_method<&json_method>, "json");
    if (name == Atoms::submit_form) made = make(&script::detail::call_method<&page_submit_form>, "submitForm");
    if (made.is_exception()) return JS_EXCEPTION;
    kept = std::move(made);
  }
  return kept.dup();
}

JSValue make_body(JSContext* context, const Response& response) {
  // k6 shows an empty list where no request was made.
  if (!response.fetch) return JS_NewArray(context);
  if (response.has_null_body()) return JS_NULL;
  if (response.type == ResponseType::binary) return script::new_array_buffer(context, response.text());
  return new_network_string(context, response.text());
}

/// A property's value, made anew.
JSValue make(JSContext* context, const HttpState& state, const Response& response, std::size_t name) {
  static const HttpExchange kNoExchange;
  const HttpExchange& exchange = response.fetch ? response.fetch->exchange : kNoExchange;
  switch (name) {
    case Atoms::remote_ip: return script::new_string(context, exchange.has_remote ? exchange.remote.ip() : "");
    case Atoms::remote_port: return JS_NewInt32(context, exchange.has_remote ? exchange.remote.port() : 0);
    case Atoms::url: return script::new_string(context, response.fetch ? response.fetch->hop_url() : "");
    case Atoms::status: return JS_NewInt32(context, exchange.head.status);
    case Atoms::status_text: return new_network_string(context, exchange.head.status_text);
    case Atoms::proto: return script::new_string(context, exchange.head.protocol);
    case Atoms::headers: return make_headers(context, exchange);
    case Atoms::cookies: return make_cookies(context, exchange);
    case Atoms::body: return make_body(context, response);
    case Atoms::timings: return make_timings(context, state.atoms(), exchange.timings);
    case Atoms::tls_version: return script::new_string(context, exchange.tls && exchange.head.status != 0 ? exchange.tls->version : "");
    case Atoms::tls_cipher_suite:
      return script::new_string(context, exchange.tls && exchange.head.status != 0 ? exchange.tls->cipher_suite : "");
    case Atoms::ocsp: return make_ocsp(context, exchange.tls != nullptr && exchange.head.status != 0);
    case Atoms::error: return script::new_string(context, response.error);
    case Atoms::error_code: return JS_NewInt32(context, response.error_code);
    case Atoms::request: return make_request(context, response);
    case Atoms::click_link:
    case Atoms::html:
    case Atoms::json:
    case Atoms::submit_form: return response_method(context, state, name);
    default: return JS_UNDEFINED;
  }
}

/// Numbers and short texts cost less than remembering them.
bool is_kept(std::size_t name) {
  switch (name) {
    case Atoms::headers:
    case Atoms::cookies:
    case Atoms::body:
    case Atoms::timings:
    case Atoms::ocsp:
    case Atoms::request: return true;
    default: return false;
  }
}

JSValue& slot(Response& response, std::size_t name) {
  if (!response.made) {
    response.made = std::make_unique<std::array<JSValue, Atoms::response_end>>();
    response.made->fill(JS_UNINITIALIZED);
  }
  return (*response.made)[name];
}

JSValue read(JSContext* context, Response& response, std::size_t name) {
  if (response.made && !JS_IsUninitialized((*response.made)[name])) return JS_DupValue(context, (*response.made)[name]);
  HttpState& state = state_of(context);
  const JSValue value = script::unless_thrown(context, make(context, state, response, name));
  if (is_kept(name) && !JS_IsException(value)) {
    slot(response, name) = JS_DupValue(context, value);
    if (name == Atoms::body && response.type == ResponseType::text && response.fetch && !response.text().empty()) {
      json::SourceLink::remember(value, response.text());
    }
  }
  return value;
}

void write(JSContext* context, Response& response, std::size_t name, JSValueConst value) {
  if (name == Atoms::body) json::SourceLink::forget(response.text());
  JSValue& place = slot(response, name);
  const JSValue old = place;
  place = JS_DupValue(context, value);
  JS_FreeValue(context, old);
}

/// The property's place, or response_end.
std::size_t index_of(JSContext* context, JSAtom atom) {
  const Atoms& atoms = state_of(context).atoms();
  if (atom == atoms[Atoms::status]) return Atoms::status;
  if (atom == atoms[Atoms::body]) return Atoms::body;
  std::size_t name = 0;
  while (name < Atoms::response_end && atoms[name] != atom) ++name;
  return name;
}

JSValue get_property(JSContext* context, JSValueConst object, JSAtom atom, JSValueConst receiver) {
  const std::size_t name = index_of(context, atom);
  if (name < Atoms::response_end) return read(context, *response_of(object), name);
  const Value prototype(context, JS_GetPrototype(context, object));
  if (!prototype.is_object()) return JS_UNDEFINED;
  (void)receiver;
  return JS_GetProperty(context, prototype.get(), atom);
}

int get_own_property(JSContext* context, JSPropertyDescriptor* descriptor, JSValueConst object, JSAtom atom) {
  const std::size_t name = index_of(context, atom);
  if (name >= Atoms::response_end) return 0;
  if (descriptor != nullptr) {
    descriptor->flags = JS_PROP_WRITABLE | JS_PROP_ENUMERABLE;
    descriptor->getter = JS_UNDEFINED;
    descriptor->setter = JS_UNDEFINED;
    descriptor->value = read(context, *response_of(object), name);
    if (JS_IsException(descriptor->value)) return -1;
  }
  return 1;
}

int get_own_property_names(JSContext* context, JSPropertyEnum** names, std::uint32_t* count, JSValueConst) {
  const Atoms& atoms = state_of(context).atoms();
  auto* list = static_cast<JSPropertyEnum*>(js_malloc(context, sizeof(JSPropertyEnum) * Atoms::response_end));
  if (list == nullptr) return -1;
  for (std::size_t i = 0; i < Atoms::response_end; ++i) list[i] = {true, JS_DupAtom(context, atoms[i])};
  *names = list;
  *count = Atoms::response_end;
  return 0;
}

int refuse_property(JSContext* context, JSAtom atom) {
  const script::Text name = script::Text::of_atom(context, atom);
  script::throw_type_error(context, fmt::format("Cannot assign to property {} of a host object", name.view()));
  return -1;
}

int set_property(JSContext* context, JSValueConst object, JSAtom atom, JSValueConst value, JSValueConst, int) {
  const std::size_t name = index_of(context, atom);
  if (name >= Atoms::response_end) return refuse_property(context, atom);
  write(context, *response_of(object), name, value);
  return 1;
}

int define_own_property(JSContext* context, JSValueConst object, JSAtom atom, JSValueConst value, JSValueConst, JSValueConst, int flags) {
  const std::size_t name = index_of(context, atom);
  if (name >= Atoms::response_end || (flags & (JS_PROP_HAS_GET | JS_PROP_HAS_SET)) != 0) return refuse_property(context, atom);
  if ((flags & JS_PROP_HAS_VALUE) != 0) write(context, *response_of(object), name, value);
  return 1;
}

int delete_property(JSContext* context, JSValueConst, JSAtom atom) { return index_of(context, atom) >= Atoms::response_end ? 1 : 0; }

void finalize(JSRuntime* runtime, JSValueConst value) {
  std::unique_ptr<Response> response(response_of(value));
  if (!response) return;
  json::SourceLink::forget(response->text());
  if (response->made) {
    for (const JSValue made : *response->made) JS_FreeValueRT(runtime, made);
  }
  JS_FreeValueRT(runtime, response->parsed_json);
}

void mark(JSRuntime* runtime, JSValueConst value, JS_MarkFunc* mark_value) {
  const Response* response = response_of(value);
  if (response == nullptr) return;
  if (response->made) {
    for (const JSValue made : *response->made) JS_MarkValue(runtime, made, mark_value);
  }
  JS_MarkValue(runtime, response->parsed_json, mark_value);
}

/// Not const because JSClassDef wants it so; nothing changes it.
JSClassExoticMethods kExotic = [] {
  JSClassExoticMethods methods{};
  methods.get_own_property = &get_own_property;
  methods.get_own_property_names = &get_own_property_names;
  methods.delete_property = &delete_property;
  methods.define_own_property = &define_own_property;
  methods.get_property = &get_property;
  methods.set_property = &set_property;
  return methods;
}();

/// Response.json(selector)
JSValue json_method(script::Self<Response> self, script::Call call) {
  JSContext* const context = self.context;
  if (self->has_null_body()) {
    return script::throw_error(
        context, "the body is null so we can't transform it to JSON - this likely was because of a request error getting the response");
  }
  const wire::Buffer* const body = self->fetch ? &self->fetch->exchange.body : nullptr;
  const std::string_view text = self->text();
  if (call.has(0)) {
    const script::Text path(context, call.arg(0));
    if (path.failed()) return JS_EXCEPTION;
    return json::select(context, text, path);
  }
  if (call.count > 0) return JS_UNDEFINED;  // json(undefined) and json(null): a selector that finds nothing
  if (!JS_IsUninitialized(self->parsed_json)) return JS_DupValue(context, self->parsed_json);
  const bool is_padded = body != nullptr && body->capacity() > 0;
  const JSValue parsed = json::parse(context, text, is_padded ? json::Padding::present : json::Padding::absent);
  if (JS_IsException(parsed)) {
    const Value why(context, JS_GetException(context));
    const std::string problem = json::syntax_problem(text);
    // JSON of which nothing was made is nested too deeply for the stack, or too large for the heap.
    return problem.empty() ? JS_Throw(context, why.dup()) : script::throw_error(context, json::describe_syntax_error(text));
  }
  self->parsed_json = JS_DupValue(context, parsed);
  return parsed;
}

}  // namespace

bool Response::has_null_body() const {
  if (!fetch) return true;
  const HttpExchange& exchange = fetch->exchange;
  if (type == ResponseType::none || type == ResponseType::stream) return true;
  if (exchange.failure) return !exchange.failed_in_body;
  return exchange.head.status == 204 || exchange.head.status == 304;
}

void define_response(JSContext* context) {
  JSClassDef definition{};
  definition.finalizer = &finalize;
  definition.gc_mark = &mark;
  definition.exotic = &kExotic;
  script::detail::register_plain_class(context, script::Class<Response>::id(), definition);
}

void set_body(JSValueConst response, Value value) { slot(*response_of(response), Atoms::body) = value.release(); }

JSValue new_response(JSContext* context, std::unique_ptr<Response> response) {
  const std::size_t bytes = response->fetch ? response->fetch->exchange.body.capacity() + response->fetch->body.capacity() : 0;
  if (!response->memory.charge(context, bytes + response->plain_request_body.capacity())) return JS_EXCEPTION;
  const JSValue value = JS_NewObjectClass(context, static_cast<int>(script::Class<Response>::id()));
  if (!JS_IsException(value)) JS_SetOpaque(value, response.release());
  return value;
}

}  // namespace gauntlet::engine::api
