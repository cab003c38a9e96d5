#include "engine/api/globals.hpp"

#include <fmt/format.h>

#include <array>

#include "embedded/web_fetch.hpp"
#include "embedded/web_structured_clone.hpp"
#include "embedded/web_url.hpp"
#include "engine/api/core/timers.hpp"
#include "engine/api/crypto/webcrypto.hpp"
#include "engine/api/http/http.hpp"
#include "engine/script/binding.hpp"
#include "engine/script/embedded_script.hpp"
#include "engine/script/inspect.hpp"
#include "engine/script/json/parse.hpp"
#include "engine/script/runtime.hpp"
#include "engine/users/test_state.hpp"
#include "engine/users/vu_context.hpp"

namespace gauntlet::engine::api {
namespace {

using users::LogLevel;

// console

template <LogLevel level>
JSValue log(script::Call call) {
  users::Log& console = *users::vu_of(call.context).test().console;
  if (!console.shows(level)) return JS_UNDEFINED;
  std::string line;
  for (int i = 0; i < call.count; ++i) {
    if (i > 0) line += ' ';
    line += script::inspect(call.context, call.arg(i));
  }
  console.write(level, line, {{"source", "console"}});
  return JS_UNDEFINED;
}

const script::Member kConsole[] = {
    script::function<&log<LogLevel::debug>>("debug", 0),  script::function<&log<LogLevel::error>>("error", 0),
    script::function<&log<LogLevel::info>>("info", 0),    script::function<&log<LogLevel::info>>("log", 0),
    script::function<&log<LogLevel::warning>>("warn", 0),
};

// Files

JSValue only_in_init(JSContext* context, const char* what) {
  return script::throw_error(context, fmt::format("the \"{}\" function is only available in the init stage (i.e. the global "
                                                  "scope), see https://grafana.com/docs/k6/latest/using-k6/test-lifecycle/ "
                                                  "for more information",
                                                  what));
}

JSValue open_file(script::Call call) {
  if (!users::vu_of(call.context).in_init()) return only_in_init(call.context, "open");
  const script::Text path(call.context, call.arg(0));
  if (path.failed()) return JS_EXCEPTION;
  if (path.view().empty()) return script::throw_error(call.context, "open() can't be used with an empty filename");
  const auto file = script::Runtime::of(call.context).program().open(path.str());
  if (!file) return script::throw_error(call.context, file.error().message);
  if (call.has(1)) {
    const script::Text mode(call.context, call.arg(1));
    if (mode.view() == "b") return script::new_array_buffer(call.context, **file);
  }
  return script::new_string(call.context, **file);
}

JSValue require(script::Call call) {
  if (!users::vu_of(call.context).in_init()) return only_in_init(call.context, "require");
  const script::Text specifier(call.context, call.arg(0));
  if (specifier.failed()) return JS_EXCEPTION;
  script::Runtime& runtime = script::Runtime::of(call.context);
  return runtime.require(specifier, runtime.calling_module());
}

// __ENV, __VU, __ITER: looked up when they are read, so that an iteration costs nothing for them.

JSValue get_environment(JSContext* context, JSValueConst) { return users::vu_of(context).environment().dup(); }
JSValue set_environment(JSContext* context, JSValueConst, JSValueConst value) {
  if (users::vu_of(context).test().freezes_environment) return script::throw_type_error(context, "__ENV is frozen: --features freeze-env");
  users::vu_of(context).replace_environment(script::Value::copy(context, value));
  return JS_UNDEFINED;
}
JSValue get_vu(JSContext* context, JSValueConst) { return JS_NewInt64(context, static_cast<std::int64_t>(users::vu_of(context).id())); }
JSValue get_iteration(JSContext* context, JSValueConst) {
  const users::VuContext& vu = users::vu_of(context);
  return vu.scenario() == nullptr ? JS_UNDEFINED : JS_NewInt64(context, static_cast<std::int64_t>(vu.iteration().of_vu));
}

constexpr script::Member global_accessor(const char* name, JSValue (*get)(JSContext*, JSValueConst),
                                         JSValue (*set)(JSContext*, JSValueConst, JSValueConst) = nullptr) {
  script::Member member{};
  member.name = name;
  member.prop_flags = JS_PROP_CONFIGURABLE | JS_PROP_ENUMERABLE;
  member.def_type = JS_DEF_CGETSET;
  member.u.getset.get.getter = get;
  member.u.getset.set.setter = set;
  return member;
}

// crypto comes into being when a script touches it, and stays.

JSValue keep_crypto(JSContext* context, JSValueConst self, JSValueConst value) {
  JS_DefinePropertyValueStr(context, self, "crypto", JS_DupValue(context, value), JS_PROP_C_W_E);
  return JS_UNDEFINED;
}
JSValue get_crypto(JSContext* context, JSValueConst) {
  const script::Value global(context, JS_GetGlobalObject(context));
  const script::Value made(context, new_webcrypto(context));
  if (!made.is_exception()) keep_crypto(context, global.get(), made.get());
  return made.dup();
}

// URL, URLSearchParams and structuredClone are JavaScript, and come into being together; so are fetch() and what belongs to it.

script::Value load_web(JSContext* context) {
  static script::EmbeddedScript made("web", {embedded::web_url(), embedded::web_structured_clone()},
                                     "URL, URLSearchParams, structuredClone");
  return made.run(context);
}

/// Nothing with --strict-k6, which has no responseType 'stream'.
script::Value load_fetch(JSContext* context) {
  if (users::vu_of(context).test().metrics.strict_k6()) return {context, JS_NewObject(context)};
  static script::EmbeddedScript made("fetch", {embedded::web_fetch()}, "makeFetch");
  const script::Value exports = made.run(context);
  if (exports.is_exception()) return {context, JS_EXCEPTION};
  static constexpr script::Member kAbort = script::function<&abort_request>("abort", 2);
  const auto module = [&](const char* name) { return script::Value(context, script::Runtime::of(context).require(name, name)); };
  const std::array<script::Value, 5> needed = {
      module("k6/http"), module("k6/experimental/streams"), module("k6/websockets"), module("k6/timers"),
      script::Value(context, JS_NewCFunction(context, kAbort.u.func.cfunc.generic, kAbort.name, kAbort.u.func.length))};
  std::array<JSValueConst, 5> arguments{};
  for (std::size_t i = 0; i < needed.size(); ++i) {
    if (needed[i].is_exception()) return {context, JS_EXCEPTION};
    arguments[i] = needed[i].get();
  }
  const script::Value make = exports.property("makeFetch");
  return {context, JS_Call(context, make.get(), JS_UNDEFINED, static_cast<int>(arguments.size()), arguments.data())};
}

constexpr char kUrl[] = "URL";
constexpr char kUrlSearchParams[] = "URLSearchParams";
constexpr char kStructuredClone[] = "structuredClone";
constexpr char kAbortController[] = "AbortController";
constexpr char kAbortSignal[] = "AbortSignal";
constexpr char kFetch[] = "fetch";
constexpr char kHeaders[] = "Headers";
constexpr char kRequest[] = "Request";
constexpr char kResponse[] = "Response";

template <const char* name>
JSValue keep_web(JSContext* context, JSValueConst self, JSValueConst value) {
  JS_DefinePropertyValueStr(context, self, name, JS_DupValue(context, value), JS_PROP_C_W_E);
  return JS_UNDEFINED;
}
template <const char* name, script::Value (*load)(JSContext*)>
JSValue get_web(JSContext* context, JSValueConst) {
  const script::Value exports = load(context);
  if (exports.is_exception()) return JS_EXCEPTION;
  const script::Value global(context, JS_GetGlobalObject(context));
  // What the script has replaced stays.
  script::for_each_property(context, exports.get(), [&](std::string_view each, const script::Value& value) {
    JSPropertyDescriptor descriptor{};
    const std::string key(each);
    const JSAtom atom = JS_NewAtom(context, key.c_str());
    const bool is_untouched = JS_GetOwnProperty(context, &descriptor, global.get(), atom) > 0 && !JS_IsUndefined(descriptor.getter);
    JS_FreeValue(context, descriptor.getter);
    JS_FreeValue(context, descriptor.setter);
    JS_FreeValue(context, descriptor.value);
    JS_FreeAtom(context, atom);
    if (is_untouched) JS_DefinePropertyValueStr(context, global.get(), key.c_str(), JS_DupValue(context, value.get()), JS_PROP_C_W_E);
    return true;
  });
  return exports.property(name).release();
}

template <const char* name, script::Value (*load)(JSContext*)>
constexpr script::Member web_accessor() {
  return global_accessor(name, &get_web<name, load>, &keep_web<name>);
}

// TextEncoder and TextDecoder, UTF-8

JSValue encode_text(script::Call call) {
  if (call.count == 0 || JS_IsUndefined(call.arg(0))) return JS_NewUint8ArrayCopy(call.context, nullptr, 0);
  const script::Text text(call.context, call.arg(0));
  if (text.failed()) return JS_EXCEPTION;
  return JS_NewUint8ArrayCopy(call.context, reinterpret_cast<const std::uint8_t*>(text.view().data()), text.view().size());
}

JSValue decode_text(script::Call call) {
  if (call.count == 0 || JS_IsUndefined(call.arg(0))) return script::new_string(call.context, "");
  const auto bytes = script::bytes_of(call.context, call.arg(0));
  if (!bytes) return script::throw_type_error(call.context, "TextDecoder.decode needs an ArrayBuffer or a view of one");
  std::string_view text(reinterpret_cast<const char*>(bytes->data()), bytes->size());
  if (text.substr(0, 3) == "\xef\xbb\xbf") text.remove_prefix(3);
  return script::new_string(call.context, text);
}

const script::Member kEncoder[] = {script::text_constant("encoding", "utf-8"), script::function<&encode_text>("encode", 1)};
const script::Member kDecoder[] = {script::text_constant("encoding", "utf-8"), script::function<&decode_text>("decode", 1)};

JSValue new_coder(script::Call call, std::span<const script::Member> members) {
  const script::Value prototype(call.context, JS_GetPropertyStr(call.context, call.self, "prototype"));
  const JSValue coder = prototype.is_exception() ? JS_EXCEPTION : JS_NewObjectProto(call.context, prototype.get());
  if (!JS_IsException(coder)) JS_SetPropertyFunctionList(call.context, coder, members.data(), static_cast<int>(members.size()));
  return coder;
}
JSValue new_encoder(script::Call call) { return new_coder(call, kEncoder); }
JSValue new_decoder(script::Call call) {
  if (call.has(0)) {
    const script::Text label(call.context, call.arg(0));
    const std::string_view name = label.view();
    if (name != "utf-8" && name != "utf8" && name != "UTF-8") {
      return script::throw_range_error(call.context, fmt::format("TextDecoder knows utf-8 only, not {}", name));
    }
  }
  return new_coder(call, kDecoder);
}

const script::Member kGlobals[] = {
    global_accessor("__ENV", &get_environment, &set_environment),
    global_accessor("__VU", &get_vu),
    global_accessor("__ITER", &get_iteration),
    global_accessor("crypto", &get_crypto, &keep_crypto),
    web_accessor<kUrl, &load_web>(),
    web_accessor<kUrlSearchParams, &load_web>(),
    web_accessor<kStructuredClone, &load_web>(),
    web_accessor<kAbortController, &load_fetch>(),
    web_accessor<kAbortSignal, &load_fetch>(),
    web_accessor<kFetch, &load_fetch>(),
    web_accessor<kHeaders, &load_fetch>(),
    web_accessor<kRequest, &load_fetch>(),
    web_accessor<kResponse, &load_fetch>(),
    script::function<&require>("require", 1),
    script::function<&open_file>("open", 2),
    script::function<&set_timeout>("setTimeout", 2),
    script::function<&clear_timer>("clearTimeout", 1),
    script::function<&set_interval>("setInterval", 2),
    script::function<&clear_timer>("clearInterval", 1),
    script::constructor<&new_encoder>("TextEncoder", 0),
    script::constructor<&new_decoder>("TextDecoder", 1),
};

}  // namespace

void install_globals(JSContext* context) {
  json::install(context);
  const script::Value global(context, JS_GetGlobalObject(context));
  JS_SetPropertyFunctionList(context, global.get(), kGlobals, static_cast<int>(std::size(kGlobals)));
  script::Value console(context, JS_NewObject(context));
  JS_SetPropertyFunctionList(context, console.get(), kConsole, static_cast<int>(std::size(kConsole)));
  global.set("console", std::move(console));
  global.set("global", global);
}

}  // namespace gauntlet::engine::api
