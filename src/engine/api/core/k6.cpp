#include "engine/api/core/k6.hpp"

#include <cmath>
#include <string>

#include "base/duration.hpp"
#include "base/event_loop.hpp"
#include "engine/api/core/tag_arguments.hpp"
#include "engine/metrics/recorder.hpp"
#include "engine/metrics/tags.hpp"
#include "engine/script/async_context.hpp"
#include "engine/script/binding.hpp"
#include "engine/users/tag_scope.hpp"
#include "engine/users/test_state.hpp"
#include "engine/users/vu_context.hpp"

namespace gauntlet::engine::api {
namespace {

using metrics::MetricId;
using metrics::SystemTag;
using Clock = base::EventLoop::Clock;

constexpr const char* kSeparatorInName = "group and check names may not contain '::'";

bool has_separator(std::string_view name) { return name.find("::") != std::string_view::npos; }

JSValue check(script::Call call) {
  JSContext* context = call.context;
  users::VuContext& vu = users::vu_of(context);
  if (vu.in_init()) return script::throw_error(context, "Using check() in the init context is not supported");
  if (call.count < 2) return script::throw_error(context, "no checks provided to `check`");
  if (!JS_IsObject(call.arg(1))) return JS_TRUE;

  const metrics::Instant at = Clock::now();  // one time for all of them
  const auto record = [&](std::string_view name, bool passed) {
    metrics::TagBuilder tags(vu.tags());
    TagArguments given(context);
    if (call.has(2) && !given.add_to(tags, call.arg(2), "check")) return false;
    tags.set(SystemTag::check, name);
    vu.recorder().add(MetricId::checks, tags.intern(), passed ? 1 : 0, at, &vu.tags().metadata());
    return true;
  };

  bool all_passed = true;
  bool threw = false;
  const bool listed = script::for_each_property(context, call.arg(1), [&](std::string_view name, const script::Value& condition) {
    if (has_separator(name)) {
      script::throw_error(context, kSeparatorInName);
      threw = true;
      return false;
    }
    script::Value result = condition;
    if (condition.is_function()) {
      if (JS_IsAsyncFunction(condition.get())) {
        script::throw_error(context,
                            "the built-in check() does not support async functions as arguments. Use the JavaScript utils "
                            "library as a replacement. Refer to "
                            "https://grafana.com/docs/k6/latest/javascript-api/jslib/utils/check/ for more info");
        threw = true;
        return false;
      }
      JSValueConst arguments[] = {call.arg(0)};
      result = script::Value(context, JS_Call(context, condition.get(), JS_UNDEFINED, 1, arguments));
    }
    threw = result.is_exception();
    const bool passed = !threw && JS_ToBool(context, result.get()) > 0;
    all_passed = all_passed && passed;
    // A check that throws has failed; then its exception goes on.
    if (!record(name, passed)) threw = true;
    return !threw;
  });
  if (!listed || threw) return JS_EXCEPTION;
  return JS_NewBool(context, all_passed);
}

void record_group(users::VuContext& vu, Clock::time_point began) {
  const auto now = Clock::now();
  vu.recorder().add(MetricId::group_duration, vu.tags().set_pointer(), base::milliseconds_of(now - began), now, &vu.tags().metadata());
}

/// What k6 1 does: only what the call itself does is in the group, and tags that are set inside stay set.
JSValue group_of_call(users::VuContext& vu, const script::Call& call, const std::string& name) {
  if (JS_IsAsyncFunction(call.arg(1))) {
    return script::throw_error(call.context,
                               "group() does not support async functions as arguments, please see "
                               "https://grafana.com/docs/k6/latest/javascript-api/k6/group/ for more info");
  }
  const std::string parent(vu.tags().current().get(SystemTag::group));
  vu.tags().set(SystemTag::group, name);
  const auto began = Clock::now();
  const JSValue result = JS_Call(call.context, call.arg(1), JS_UNDEFINED, 0, nullptr);
  record_group(vu, began);
  vu.tags().set(SystemTag::group, parent);
  return result;
}

/// A job of the group's: its promise is settled.
template <bool threw>
JSValue end_group(JSContext* context, JSValueConst, int, JSValueConst* arguments) {
  if (const users::TagScope* scope = users::TagScope::current(context)) record_group(users::vu_of(context), scope->began);
  const JSValue outcome = JS_DupValue(context, arguments[0]);
  return threw ? JS_Throw(context, outcome) : outcome;
}

JSValue group(script::Call call) {
  JSContext* context = call.context;
  users::VuContext& vu = users::vu_of(context);
  if (vu.in_init()) return script::throw_error(context, "Using group() in the init context is not supported");
  const script::Text name(context, call.arg(0));
  if (name.failed()) return JS_EXCEPTION;
  if (!JS_IsFunction(context, call.arg(1))) return script::throw_error(context, "group() requires a callback as a second argument");
  if (has_separator(name.view())) return script::throw_error(context, kSeparatorInName);
  const std::string path = std::string(vu.tags().current().get(SystemTag::group)) + "::" + name.str();
  if (vu.test().metrics.strict_k6()) return group_of_call(vu, call, path);

  auto* const scope = new users::TagScope(vu.tags());
  scope->tags.set(SystemTag::group, path);
  const script::InAsyncContext in(context, script::AsyncContext(scope));
  script::Value result(context, JS_Call(context, call.arg(1), JS_UNDEFINED, 0, nullptr));
  if (!JS_IsPromise(result.get())) {
    record_group(vu, scope->began);
    return result.release();
  }
  const script::Value fulfilled(context, JS_NewCFunction(context, &end_group<false>, "", 1));
  const script::Value rejected(context, JS_NewCFunction(context, &end_group<true>, "", 1));
  if (fulfilled.is_exception() || rejected.is_exception()) return JS_EXCEPTION;
  return JS_PromiseThen(context, result.get(), fulfilled.get(), rejected.get());
}

JSValue sleep(script::Call call) {
  double seconds = 0;
  if (JS_ToFloat64(call.context, &seconds, call.arg(0)) < 0) return JS_EXCEPTION;
  if (!(seconds > 0)) return JS_UNDEFINED;
  constexpr double kLongestS = 1e9;
  users::VuContext& vu = users::vu_of(call.context);
  const bool slept = vu.sleep(std::chrono::nanoseconds(static_cast<std::int64_t>(std::min(seconds, kLongestS) * 1e9)));
  return slept ? JS_UNDEFINED : vu.throw_interrupted();
}

JSValue fail(script::Call call) {
  const script::Text message(call.context, call.arg(0));
  return message.failed() ? JS_EXCEPTION : script::throw_error(call.context, call.has(0) ? message.view() : "");
}

/// A virtual user's own Math.random once it is seeded (splitmix64, https://prng.di.unimi.it/splitmix64.c).
struct SeededRandom {
  std::uint64_t state = 0;

  double next() {
    std::uint64_t z = state += 0x9e3779b97f4a7c15U;
    z = (z ^ z >> 30U) * 0xbf58476d1ce4e5b9U;
    z = (z ^ z >> 27U) * 0x94d049bb133111ebU;
    z ^= z >> 31U;
    return static_cast<double>(z >> 11U) * 0x1.0p-53;
  }
};

JSValue seeded_random(script::Call call) { return JS_NewFloat64(call.context, users::vu_of(call.context).slot<SeededRandom>().next()); }

const script::Member kSeededMath[] = {script::function<&seeded_random>("random", 0)};

JSValue random_seed(script::Call call) {
  std::int64_t seed = 0;
  if (JS_ToInt64(call.context, &seed, call.arg(0)) < 0) return JS_EXCEPTION;
  users::vu_of(call.context).slot<SeededRandom>().state = static_cast<std::uint64_t>(seed);
  const script::Value global(call.context, JS_GetGlobalObject(call.context));
  const script::Value math = global.property("Math");
  // By way of an object of its own: a list may not name what an object already has.
  const script::Value seeded(call.context, JS_NewObject(call.context));
  JS_SetPropertyFunctionList(call.context, seeded.get(), kSeededMath, 1);
  JS_SetPropertyStr(call.context, math.get(), "random", JS_GetPropertyStr(call.context, seeded.get(), "random"));
  return JS_UNDEFINED;
}

const script::Member kExports[] = {
    script::function<&check>("check", 3), script::function<&fail>("fail", 1),
    script::function<&group>("group", 2), script::function<&random_seed>("randomSeed", 1),
    script::function<&sleep>("sleep", 1),
};

}  // namespace

void init_k6(script::Module& module) { module.exports(kExports); }

}  // namespace gauntlet::engine::api
