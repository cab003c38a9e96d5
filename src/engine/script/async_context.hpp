#pragma once
// What a chain of asynchronous calls belongs to (a group with its tags): await and then() keep it, by
// patches/0021-async-contexts.patch; what natives call later keeps it here.
#include <quickjs.h>

#include <span>
#include <utility>

#include "engine/script/value.hpp"

namespace gauntlet::engine::script {

/// A reference to one; none outside of any.
class AsyncContext {
 public:
  AsyncContext() = default;
  /// Takes over the caller's reference.
  explicit AsyncContext(JSAsyncContext* owned) : context_(owned) {}
  static AsyncContext current(JSContext* context) {
    AsyncContext found(JS_GetAsyncContext(JS_GetRuntime(context)));
    if (found) ++found.context_->ref_count;
    return found;
  }
  AsyncContext(const AsyncContext& other) : context_(other.context_) {
    if (context_ != nullptr) ++context_->ref_count;
  }
  AsyncContext(AsyncContext&& other) noexcept : context_(std::exchange(other.context_, nullptr)) {}
  AsyncContext& operator=(AsyncContext other) noexcept {
    std::swap(context_, other.context_);
    return *this;
  }
  ~AsyncContext() {
    if (context_ != nullptr && --context_->ref_count == 0) context_->release(context_);
  }

  explicit operator bool() const { return context_ != nullptr; }
  JSAsyncContext* release() { return std::exchange(context_, nullptr); }

 private:
  JSAsyncContext* context_ = nullptr;
};

/// While it lives, the script runs in another one.
class InAsyncContext {
 public:
  InAsyncContext(JSContext* context, AsyncContext entered)
      : runtime_(JS_GetRuntime(context)), left_(JS_SwapAsyncContext(runtime_, entered.release())) {}
  ~InAsyncContext() { const AsyncContext entered(JS_SwapAsyncContext(runtime_, left_.release())); }
  InAsyncContext(const InAsyncContext&) = delete;
  InAsyncContext& operator=(const InAsyncContext&) = delete;

 private:
  JSRuntime* const runtime_;
  AsyncContext left_;
};

/// A script's function that is called later, in the context in which it was given.
class Listener {
 public:
  Listener() = default;
  Listener(JSContext* context, JSValueConst function)
      : function_(Value::copy(context, function)), given_in_(AsyncContext::current(context)) {}

  const Value& function() const { return function_; }
  /// It may let go of itself meanwhile.
  Value call(std::span<JSValueConst> arguments) const {
    const Value kept = function_;
    const InAsyncContext in(kept.context(), given_in_);
    return {kept.context(), JS_Call(kept.context(), kept.get(), JS_UNDEFINED, static_cast<int>(arguments.size()), arguments.data())};
  }

 private:
  Value function_;
  AsyncContext given_in_;
};

}  // namespace gauntlet::engine::script
