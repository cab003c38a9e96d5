#include "engine/script/type_stripper.hpp"

#include <fmt/format.h>
#include <quickjs.h>

#include <mutex>
#include <thread>

#include "embedded/type_stripper.hpp"
#include "engine/script/value.hpp"

namespace gauntlet::engine::script {
namespace {

constexpr std::size_t kStackBytes = 4U << 20U;  // of a thread's 8 MiB

/// Removes the rest of a message's "Error transforming file: ... (1:10)", whose place is given apart.
std::string plain_message(std::string message, const std::string& url) {
  const std::string prefix = "Error transforming " + url + ": ";
  if (message.starts_with(prefix)) message.erase(0, prefix.size());
  if (const auto place = message.rfind(" ("); place != std::string::npos && message.ends_with(')')) message.resize(place);
  return message;
}

/// A JavaScript runtime that holds the stripper and nothing else. Kept between scripts: loading it is most of the cost.
class Stripper {
 public:
  Stripper() : runtime_(JS_NewRuntime()) {
    JS_UpdateStackTop(runtime_);
    JS_SetMaxStackSize(runtime_, kStackBytes);
    context_ = JS_NewContext(runtime_);
    const std::string_view text = embedded::type_stripper();
    const Value loaded(context_, JS_Eval(context_, text.data(), text.size(), "type_stripper.js", JS_EVAL_TYPE_GLOBAL));
  }
  ~Stripper() {
    JS_FreeContext(context_);
    JS_FreeRuntime(runtime_);
  }
  Stripper(const Stripper&) = delete;
  Stripper& operator=(const Stripper&) = delete;

  base::Expected<std::string> strip(std::string_view text, const std::string& url) {
    JS_UpdateStackTop(runtime_);
    const Value global(context_, JS_GetGlobalObject(context_));
    const Value function = global.property("stripTypes");
    const Value source(context_, new_string(context_, text));
    const Value name(context_, new_string(context_, url));
    JSValueConst arguments[] = {source.get(), name.get()};
    const Value result(context_, JS_Call(context_, function.get(), JS_UNDEFINED, 2, arguments));
    if (!result.is_exception()) return Text(result).str();
    const Value exception(context_, JS_GetException(context_));
    const Value place = exception.property("loc");
    std::string where;
    if (place.is_object()) where = fmt::format(" Line {}:{}", Text(place.property("line")).view(), Text(place.property("column")).view());
    return base::fail(base::ErrorKind::invalid_argument,
                      fmt::format("{} {}", where, plain_message(Text(exception.property("message")).str(), url)));
  }

 private:
  JSRuntime* runtime_;
  JSContext* context_ = nullptr;
};

}  // namespace

base::Expected<std::string> strip_types(std::string_view text, const std::string& url) {
  static std::mutex one_at_a_time;
  const std::lock_guard lock(one_at_a_time);
  base::Expected<std::string> result;
  // The parser descends deeper than a virtual user's stack is.
  std::thread([&] {
    static Stripper stripper;
    result = stripper.strip(text, url);
  }).join();
  return result;
}

}  // namespace gauntlet::engine::script
