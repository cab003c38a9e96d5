#include "engine/script/json/parse.hpp"

#include <simdjson.h>

#include <string>

#include "engine/script/binding.hpp"
#include "engine/script/json/document.hpp"
#include "engine/script/value.hpp"

namespace gauntlet::engine::json {
namespace {

using script::Value;

/// The quick path. `unsure` for everything that is not certain to be taken as the plain parser would.
Document::Outcome parse_quickly(JSContext* context, std::string_view text, Padding padding, JSValue& result) {
  if (padding == Padding::present) return Document::parse(context, text, result);
  thread_local std::string copy;
  copy.assign(text);
  copy.append(simdjson::SIMDJSON_PADDING, '\0');
  const auto outcome = Document::parse(context, std::string_view(copy).substr(0, text.size()), result);
  if (text.size() > Document::kMaxKeptText) copy = std::string();
  return outcome;
}

struct Source {
  const void* string = nullptr;
  std::string_view bytes;
};
Source& thread_source() {
  thread_local Source source;
  return source;
}

/// JSON.parse(text, reviver); data[0] is the plain one.
JSValue json_parse(JSContext* context, JSValueConst self, int count, JSValueConst* arguments, int, JSValueConst* data) {
  if (count >= 1 && JS_IsString(arguments[0]) && (count == 1 || JS_IsUndefined(arguments[1]))) {
    JSValue result = JS_UNDEFINED;
    auto outcome = Document::Outcome::unsure;
    if (const std::string_view bytes = SourceLink::find(arguments[0]); !bytes.empty()) {
      outcome = parse_quickly(context, bytes, Padding::present, result);
    } else {
      const script::Text text(context, arguments[0]);
      if (text.failed()) return JS_EXCEPTION;
      outcome = parse_quickly(context, text, Padding::absent, result);
    }
    if (outcome == Document::Outcome::done) return result;
    if (outcome == Document::Outcome::thrown) return JS_EXCEPTION;
  }
  return JS_Call(context, data[0], self, count, arguments);
}

}  // namespace

JSValue parse(JSContext* context, std::string_view text, Padding padding) {
  JSValue result = JS_UNDEFINED;
  switch (parse_quickly(context, text, padding, result)) {
    case Document::Outcome::done: return result;
    case Document::Outcome::thrown: return JS_EXCEPTION;
    case Document::Outcome::unsure: break;
  }
  const std::string terminated(text);
  return JS_ParseJSON(context, terminated.c_str(), terminated.size(), "<json>");
}

void install(JSContext* context) {
  Shapes::register_class(context);
  const Value global(context, JS_GetGlobalObject(context));
  const Value object = global.property("JSON");
  Value plain = object.property("parse");
  JSValueConst data[] = {plain.get()};
  const JSValue quick = JS_NewCFunctionData(context, &json_parse, 2, 0, 1, data);
  JS_DefinePropertyValueStr(context, quick, "name", script::new_string(context, "parse"), JS_PROP_CONFIGURABLE);
  JS_DefinePropertyValueStr(context, object.get(), "parse", quick, JS_PROP_CONFIGURABLE | JS_PROP_WRITABLE);
}

void SourceLink::remember(JSValueConst string, std::string_view padded_bytes) {
  // Ropes are flattened into another string later; bodies are none.
  if (JS_VALUE_GET_TAG(string) == JS_TAG_STRING) thread_source() = {JS_VALUE_GET_PTR(string), padded_bytes};
}

void SourceLink::forget(std::string_view padded_bytes) {
  if (thread_source().bytes.data() == padded_bytes.data()) thread_source() = {};
}

std::string_view SourceLink::find(JSValueConst string) {
  const Source& source = thread_source();
  return JS_VALUE_GET_TAG(string) == JS_TAG_STRING && JS_VALUE_GET_PTR(string) == source.string ? source.bytes : std::string_view();
}

}  // namespace gauntlet::engine::json
