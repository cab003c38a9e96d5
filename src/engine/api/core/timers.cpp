#include "engine/api/core/timers.hpp"

#include <fmt/format.h>

#include <chrono>
#include <map>
#include <vector>

#include "base/event_loop.hpp"
#include "engine/script/native_memory.hpp"
#include "engine/users/vu_context.hpp"

namespace gauntlet::engine::api {
namespace {

struct Timer {
  script::Value callback;
  std::vector<script::Value> arguments;
  std::chrono::nanoseconds interval{0};
  bool repeats = false;
  base::EventLoop::TimerId pending = 0;
  users::Operation operation;
  script::NativeMemory memory;
};

/// The timers of one virtual user. None outlives the iteration that set it.
class Timers {
 public:
  explicit Timers(users::VuContext& vu) : vu_(vu) {
    vu.on_iteration_end([this](bool cut_short) { forget_all(cut_short); });
  }
  ~Timers() {
    for (auto& [id, timer] : timers_) vu_.loop().cancel(timer.pending);
  }

  std::uint32_t start(Timer timer) {
    const std::uint32_t id = ++last_id_;
    timer.operation = vu_.start_operation();
    Timer& kept = timers_.emplace(id, std::move(timer)).first->second;
    arm(id, kept);
    return id;
  }

  void stop(std::uint32_t id) {
    const auto found = timers_.find(id);
    if (found == timers_.end()) return;
    vu_.loop().cancel(found->second.pending);
    timers_.erase(found);
  }

 private:
  void arm(std::uint32_t id, Timer& timer) {
    timer.pending = vu_.loop().call_at(base::EventLoop::Clock::now() + timer.interval, [this, id] {
      const auto found = timers_.find(id);
      if (found != timers_.end()) found->second.operation.deliver([this, id] { fire(id); });
    });
  }

  /// On the fiber. An exception of the callback stays pending for the virtual user to report.
  void fire(std::uint32_t id) {
    const auto found = timers_.find(id);
    if (found == timers_.end()) return;  // cleared after it was due
    const script::Value callback = found->second.callback;
    const std::vector<script::Value> arguments = found->second.arguments;
    if (found->second.repeats) {
      arm(id, found->second);
    } else {
      timers_.erase(found);
    }
    std::vector<JSValueConst> values;
    values.reserve(arguments.size());
    for (const script::Value& argument : arguments) values.push_back(argument.get());
    const script::Value ignored(vu_.context(),
                                JS_Call(vu_.context(), callback.get(), JS_UNDEFINED, static_cast<int>(values.size()), values.data()));
  }

  void forget_all(bool cut_short) {
    for (auto& [id, timer] : timers_) {
      vu_.loop().cancel(timer.pending);
      if (cut_short) {
        vu_.warn(
            fmt::format("{} {} was stopped because the VU iteration was interrupted", timer.repeats ? "setInterval" : "setTimeout", id));
      }
    }
    timers_.clear();
  }

  users::VuContext& vu_;
  std::uint32_t last_id_ = 0;
  std::map<std::uint32_t, Timer> timers_;
};

JSValue start_timer(const script::Call& call, const char* name, bool repeats) {
  if (!JS_IsFunction(call.context, call.arg(0))) {
    return script::throw_type_error(call.context, fmt::format("{} needs a function as its first argument", name));
  }
  double delay_ms = 0;
  if (call.has(1) && JS_ToFloat64(call.context, &delay_ms, call.arg(1)) < 0) return JS_EXCEPTION;
  if (!(delay_ms > 0)) delay_ms = 0;
  constexpr double kLongestMs = 1e12;
  Timer timer;
  timer.callback = script::Value::copy(call.context, call.arg(0));
  for (int i = 2; i < call.count; ++i) timer.arguments.push_back(script::Value::copy(call.context, call.arg(i)));
  timer.interval = std::chrono::nanoseconds(static_cast<std::int64_t>(std::min(delay_ms, kLongestMs) * 1e6));
  timer.repeats = repeats;
  constexpr std::size_t kTimerBytes = 512;  // with its place in the loop
  if (!timer.memory.charge(call.context, kTimerBytes + timer.arguments.capacity() * sizeof(script::Value))) return JS_EXCEPTION;
  return JS_NewUint32(call.context, users::vu_of(call.context).slot<Timers>().start(std::move(timer)));
}

const script::Member kExports[] = {
    script::function<&set_timeout>("setTimeout", 2),
    script::function<&clear_timer>("clearTimeout", 1),
    script::function<&set_interval>("setInterval", 2),
    script::function<&clear_timer>("clearInterval", 1),
};

}  // namespace

JSValue set_timeout(script::Call call) { return start_timer(call, "setTimeout", false); }
JSValue set_interval(script::Call call) { return start_timer(call, "setInterval", true); }

JSValue clear_timer(script::Call call) {
  std::uint32_t id = 0;
  if (!call.has(0)) return JS_UNDEFINED;
  if (JS_ToUint32(call.context, &id, call.arg(0)) < 0) return JS_EXCEPTION;
  if (Timers* timers = users::vu_of(call.context).find_slot<Timers>()) timers->stop(id);
  return JS_UNDEFINED;
}

void init_timers(script::Module& module) { module.exports(kExports); }

}  // namespace gauntlet::engine::api
