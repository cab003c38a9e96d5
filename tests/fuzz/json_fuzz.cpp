// JSON bodies in scripts: the quick parser and the interpreter's own agree on every text, and selectors never leave it.
#include <quickjs.h>

#include <thread>

#include "engine/script/json/gjson.hpp"
#include "engine/script/json/parse.hpp"
#include "engine/script/value.hpp"
#include "fuzz/bytes.hpp"

using namespace gauntlet;
using namespace gauntlet::engine;

namespace {

struct Script {
  Script() : runtime(JS_NewRuntime()), context(JS_NewContext(runtime)) {}
  ~Script() {
    JS_FreeContext(context);
    JS_FreeRuntime(runtime);
  }
  std::string as_json(JSValue value) {
    const script::Value owned(context, value);
    if (owned.is_exception()) {
      const script::Value thrown(context, JS_GetException(context));
      return "throws";
    }
    return script::to_json(context, owned.get()).value_or("undefined");
  }

  JSRuntime* runtime;
  JSContext* context;
};

/// A list of which all but one entry was parsed before.
void parse_beside_known_entries(std::string_view entry) {
  Script script;
  const std::string known = R"({"id":"an entry that comes again","progress":0,"kinds":["coins",1]})";
  std::string list = "[" + known;
  while (list.size() < 5000) list += "," + known;
  script.as_json(json::parse(script.context, list + "," + known + "]", json::Padding::absent));
  list += ",";
  list += entry;
  list += "]";
  const std::string plain = script.as_json(JS_ParseJSON(script.context, list.data(), list.size(), "<text>"));
  fuzz::require(plain == script.as_json(json::parse(script.context, list, json::Padding::absent)), "a changed entry is what it is");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Script script;
  fuzz::Bytes bytes(data, size);
  const std::string path(bytes.line());
  const std::string text(bytes.rest());
  // The plain parser reads UTF-8 only; a body that is none becomes a string first.
  const script::Value string(script.context, JS_NewStringLen(script.context, text.data(), text.size()));
  std::size_t length = 0;
  const char* const valid = JS_ToCStringLen(script.context, &length, string.get());
  if (valid == nullptr) return 0;
  const std::string_view utf8(valid, length);
  const std::string plain = script.as_json(JS_ParseJSON(script.context, utf8.data(), utf8.size(), "<text>"));
  const std::string quick = script.as_json(json::parse(script.context, utf8, json::Padding::absent));
  fuzz::require(plain == quick, "the quick parser says what the plain one says");
  // A text this long has its values made where they are looked at.
  const std::string padded = std::string(utf8) + std::string(2100, ' ');
  const std::string deferred = script.as_json(json::parse(script.context, padded, json::Padding::absent));
  fuzz::require(plain == deferred, "values made late are those that are made at once");
  std::thread([&] { parse_beside_known_entries(utf8); }).join();  // a thread that has seen no text
  const auto found = json::find(utf8, path);
  static_cast<void>(found);
  script.as_json(json::select(script.context, utf8, path));
  JS_FreeCString(script.context, valid);
  return 0;
}
