#include "engine/users/vu_context.hpp"

#include <fmt/format.h>

#include <string>

#include "base/event_loop.hpp"
#include "engine/metrics/recorder.hpp"
#include "engine/metrics/tags.hpp"
#include "engine/script/fiber/fiber.hpp"
#include "engine/script/stack_text.hpp"
#include "engine/users/scenario_run.hpp"
#include "engine/users/tag_scope.hpp"
#include "engine/users/test_state.hpp"
#include "engine/wire/tcp/stream.hpp"

namespace gauntlet::engine::users {

VuContext::VuContext(TestState& test, base::EventLoop& loop, metrics::Recorder& recorder, std::uint64_t id)
    : test_(test),
      loop_(loop),
      recorder_(recorder),
      id_(id),
      tags_(std::make_unique<metrics::Tags>(recorder.tags())),
      traffic_(std::make_unique<wire::Traffic>()) {}

VuContext::~VuContext() = default;

const plan::Options& VuContext::options() const { return test_.options; }
SharedState& VuContext::shared() const { return test_.shared; }

script::Value VuContext::environment() {
  if (environment_.is_undefined()) {
    script::Value object(context_, JS_NewObject(context_));
    const auto add = [&](const plan::StringMap& variables) {
      for (const auto& [name, value] : variables) object.set(name, std::string_view(value));
    };
    add(test_.environment);
    if (scenario_ != nullptr) add(scenario_->config.env);
    if (test_.freezes_environment) JS_FreezeObject(context_, object.get());
    environment_ = std::move(object);
  }
  return environment_;
}

void VuContext::warn(std::string_view message, std::initializer_list<LogField> fields) const {
  test_.log.write(LogLevel::warning, message, LogFields(fields));
}

void VuContext::destroy_slots() {
  while (!slots_.empty()) slots_.pop_back();
}

metrics::Tags& VuContext::tags() const {
  TagScope* const scope = TagScope::current(context_);
  return scope == nullptr ? *tags_ : scope->tags;
}

// What takes its time

namespace {

std::function<void()> run_in(JSContext* context, script::AsyncContext scope, std::function<void()> job) {
  if (!scope) return job;
  return [context, scope = std::move(scope), job = std::move(job)] {
    const script::InAsyncContext in(context, scope);
    job();
  };
}

}  // namespace

Operation::Operation(VuContext* vu, std::uint64_t epoch)
    : vu_(vu), epoch_(epoch), started_in_(script::AsyncContext::current(vu->context())) {}

void Operation::finish(std::function<void()> job) {
  VuContext* vu = std::exchange(vu_, nullptr);
  if (vu == nullptr || vu->epoch_ != epoch_) return;
  --vu->operations_;
  vu->deliver(run_in(vu->context(), std::move(started_in_), std::move(job)));
}

void Operation::deliver(std::function<void()> job) {
  if (vu_ != nullptr && vu_->epoch_ == epoch_) vu_->deliver(run_in(vu_->context(), started_in_, std::move(job)));
}

void Operation::drop() {
  VuContext* vu = std::exchange(vu_, nullptr);
  if (vu == nullptr || vu->epoch_ != epoch_) return;
  --vu->operations_;
  vu->deliver([] {});  // a look at whether that was the last one
}

Operation VuContext::start_operation() {
  ++operations_;
  return {this, epoch_};
}

void VuContext::deliver(std::function<void()> job) {
  inbox_.push_back(std::move(job));
  if (fiber::Awaited<>* signal = std::exchange(inbox_signal_, nullptr)) signal->complete();
}

bool VuContext::sleep(std::chrono::nanoseconds duration) {
  fiber::Awaited<> woken;
  const auto timer = loop_.call_after(duration, [&] { woken.complete(); });
  if (woken.wait()) return true;
  loop_.cancel(timer);
  return false;
}

JSValue VuContext::throw_interrupted() {
  JS_ThrowInternalError(context_, "interrupted");
  const script::Value error(context_, JS_GetException(context_));
  JS_SetUncatchableError(context_, error.get());
  return JS_Throw(context_, error.dup());
}

JSValue VuContext::abort_test(std::string_view reason) {
  std::string text = "test aborted";
  if (!reason.empty()) text += fmt::format(": {}", reason);
  if (scenario_ != nullptr || in_init_) {
    if (const std::string place = script::calling_place(context_); !place.empty()) text += " " + place;
  }
  cut_ = true;
  test_.aborted.store(true, std::memory_order_relaxed);
  abort_reason_ = text;
  if (test_.abort) test_.abort(std::move(text));
  return throw_interrupted();
}

}  // namespace gauntlet::engine::users
