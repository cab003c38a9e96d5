#include "engine/users/stage_call.hpp"

#include <fmt/format.h>

#include <cmath>

#include "base/duration.hpp"

namespace gauntlet::engine::users {
namespace {

/// A replacer of JSON.stringify for what k6 writes otherwise. `this` is the object that has the value.
JSValue as_k6_writes_it(JSContext* context, JSValueConst holder, int, JSValueConst* arguments) {
  const script::Text key(context, arguments[0]);
  const script::Value original(context, JS_GetPropertyStr(context, holder, key.str().c_str()));
  if (original.is_undefined()) return JS_NULL;
  double number = 0;
  if (original.is_number() && JS_ToFloat64(context, &number, original.get()) == 0 && !std::isfinite(number)) {
    return script::throw_error(context, fmt::format("\"{}\" is {}, which JSON has not", key.view(), script::Text(original).view()));
  }
  if (!JS_IsDate(original.get())) return JS_DupValue(context, arguments[1]);
  std::string text = script::Text(context, arguments[1]).str();  // "1970-01-01T00:00:00.120Z"
  if (text.size() < 5 || text.back() != 'Z') return JS_DupValue(context, arguments[1]);
  text.pop_back();
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return JS_NewString(context, (text + "Z").c_str());
}

}  // namespace

std::string problem_of(const StageResult& result, std::string_view function, std::chrono::nanoseconds timeout) {
  if (result.init_failure) return result.init_failure->message;
  if (result.timed_out) {
    return fmt::format("{}() execution timed out after {:.0f} seconds", function, std::floor(base::seconds_of(timeout)));
  }
  if (result.kind == Vu::CallResult::Kind::interrupted) return fmt::format("{}() was cut short", function);
  if (result.kind == Vu::CallResult::Kind::threw) return result.error;
  const std::string unusable = result.is_function ? "it is a function" : result.unusable_json;
  return unusable.empty() ? "" : fmt::format("what {}() returns cannot be passed on as JSON: {}", function, unusable);
}

StageCall::StageCall(TestState& test, base::EventLoop& control, Worker& worker, std::string function, std::string group,
                     std::optional<std::string> argument)
    : test_(test),
      control_(control),
      worker_(worker),
      function_(std::move(function)),
      group_(std::move(group)),
      argument_(std::move(argument)) {}

StageCall::~StageCall() {
  worker_.run_and_wait([this] { vu_.reset(); });
}

void StageCall::start(std::chrono::nanoseconds timeout, std::function<void()> done) {
  done_ = std::move(done);
  timer_ = control_.call_after(timeout, [this] {
    timed_out_ = true;
    interrupt();
  });
  worker_.post([this] {
    vu_ = std::make_unique<Vu>(test_, worker_.place(), 0);
    vu_->post([this] { run(); });
  });
}

void StageCall::interrupt() {
  worker_.post([this] {
    if (vu_) vu_->interrupt();
  });
}

void StageCall::run() {
  result_.init_failure = vu_->initialize();
  if (!result_.init_failure) {
    std::vector<script::Value> arguments;
    if (argument_) {
      arguments.push_back(script::from_json(vu_->context(), *argument_, "argument"));
      // As k6: handleSummary()'s data has the key even where there was no setup(), which JSON cannot say.
      const bool lacks_setup_data = function_ == "handleSummary" && arguments[0].property("setup_data").is_undefined();
      if (lacks_setup_data) arguments[0].set("setup_data", script::Value(vu_->context(), JS_UNDEFINED));
    }
    describe(vu_->call(function_, std::move(arguments), group_));
  }
  control_.post([this] {
    control_.cancel(timer_);
    result_.timed_out = timed_out_ && result_.kind == Vu::CallResult::Kind::interrupted;
    done_();
  });
}

void StageCall::describe(const Vu::CallResult& outcome) {
  result_.kind = outcome.kind;
  result_.error = outcome.error;
  if (outcome.kind != Vu::CallResult::Kind::returned) return;
  JSContext* context = vu_->context();
  const script::Value& value = outcome.value;
  result_.is_function = value.is_function();
  result_.is_falsy = JS_ToBool(context, value.get()) <= 0;
  if (!value.is_undefined()) {
    const script::Value replacer(context, JS_NewCFunction(context, &as_k6_writes_it, "", 2));
    const script::Value json(context, JS_JSONStringify(context, value.get(), replacer.get(), JS_UNDEFINED));
    if (json.is_exception()) {
      const script::Value error(context, JS_GetException(context));
      result_.unusable_json = script::Text(error.property("message")).str();
    } else if (json.is_string()) {
      result_.json = script::Text(json).str();
    }
  }
  if (!value.is_object() || value.is_function()) return;
  script::for_each_property(context, value.get(), [&](std::string_view name, const script::Value& content) {
    if (const auto bytes = script::bytes_of(context, content.get())) {
      result_.files.emplace_back(name, std::string(reinterpret_cast<const char*>(bytes->data()), bytes->size()));
    } else if (content.is_string()) {
      result_.files.emplace_back(name, script::Text(content).str());
    } else if (result_.unusable_file.empty()) {
      result_.unusable_file = fmt::format("handleSummary() gives {} for {}: it should be a text or an ArrayBuffer",
                                          script::kind_of(context, content.get()), name);
    }
    return true;
  });
}

}  // namespace gauntlet::engine::users
