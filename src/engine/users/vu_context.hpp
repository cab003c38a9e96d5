#pragma once
// What native modules may use of the virtual user that calls them, which they reach by vu_of(context): the loop, the
// options, the metrics, and the state that they keep with it. How a virtual user lives and works is in vu.hpp.
#include <quickjs.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "engine/script/async_context.hpp"
#include "engine/script/value.hpp"
#include "engine/users/log.hpp"

namespace gauntlet::base {
class EventLoop;
}
namespace gauntlet::engine::fiber {
template <class T>
class Awaited;
}
namespace gauntlet::engine::metrics {
class Recorder;
class Tags;
}  // namespace gauntlet::engine::metrics
namespace gauntlet::engine::plan {
struct Options;
}  // namespace gauntlet::engine::plan
namespace gauntlet::engine::wire {
struct Traffic;
}

namespace gauntlet::engine::users {

struct ScenarioRun;
class SharedState;
struct TestState;
class VuContext;

/// The virtual user to which a JavaScript context belongs.
inline VuContext& vu_of(JSContext* context) { return *static_cast<VuContext*>(JS_GetContextOpaque(context)); }

/// Something asynchronous under way (a timer, a request whose promise the script holds): the iteration does not end
/// before it has finished or been dropped. Dropping it without finish() only lets the iteration end. Its jobs run in the
/// group in which it was started.
///
///   auto operation = std::make_shared<users::Operation>(vu.start_operation());
///   auto deferred = std::make_shared<script::Deferred>(context);
///   client.call(request, [=](Reply r) { operation->finish([=] { deferred->resolve(...); }); });
///   return deferred->promise();
class Operation {
 public:
  Operation() = default;
  Operation(Operation&& other) noexcept
      : vu_(std::exchange(other.vu_, nullptr)), epoch_(other.epoch_), started_in_(std::move(other.started_in_)) {}
  Operation& operator=(Operation&& other) noexcept {
    drop();
    vu_ = std::exchange(other.vu_, nullptr);
    epoch_ = other.epoch_;
    started_in_ = std::move(other.started_in_);
    return *this;
  }
  ~Operation() { drop(); }
  /// From the loop: `job` runs on the virtual user's fiber, where it may settle promises and call the script; then
  /// promise jobs run. Not run when the iteration was cut short meanwhile.
  void finish(std::function<void()> job);
  /// As finish(), but the operation goes on (a stream's next message).
  void deliver(std::function<void()> job);
  void drop();
  bool active() const { return vu_ != nullptr; }

 private:
  friend class VuContext;
  Operation(VuContext* vu, std::uint64_t epoch);
  VuContext* vu_ = nullptr;
  std::uint64_t epoch_ = 0;
  script::AsyncContext started_in_;
};

/// Numbers of an iteration, all from 0.
struct IterationNumbers {
  std::uint64_t of_vu = 0;              ///< of this virtual user
  std::uint64_t of_vu_in_scenario = 0;  ///< of this virtual user in the scenario
  std::uint64_t of_scenario = 0;        ///< of the whole scenario
};

class VuContext {
 public:
  VuContext(const VuContext&) = delete;
  VuContext& operator=(const VuContext&) = delete;

  JSContext* context() const { return context_; }
  base::EventLoop& loop() const { return loop_; }
  const plan::Options& options() const;
  SharedState& shared() const;
  TestState& test() const { return test_; }

  /// True while the script's top level runs: no requests, no metric samples; open() and declarations only.
  bool in_init() const { return in_init_; }
  /// __VU: 0 in the first init, setup, teardown and handleSummary; otherwise from 1.
  std::uint64_t id() const { return id_; }
  /// The running scenario, or nullptr in init, setup, teardown and handleSummary.
  const ScenarioRun* scenario() const { return scenario_; }
  /// Of the running iteration.
  const IterationNumbers& iteration() const { return iteration_; }
  /// __ENV. Each scenario begins with a fresh one.
  script::Value environment();
  void replace_environment(script::Value value) { environment_ = std::move(value); }

  /// Where samples of this virtual user's thread go. Not to be used in init.
  metrics::Recorder& recorder() const { return recorder_; }
  /// The tags of everything that is recorded now: scenario, group, the scenario's and the script's own. A group has its own.
  metrics::Tags& tags() const;
  /// Bytes on the wire; recorded as data_sent and data_received once an iteration.
  wire::Traffic& traffic() const { return *traffic_; }
  /// A warning of a module in k6's log format. `fields` follow the message, as {{"error", text}}.
  void warn(std::string_view message, std::initializer_list<LogField> fields = {}) const;

  /// This virtual user's own instance of T (an HTTP client, a cookie jar), constructed on first use from the virtual user
  /// where T can be, and destroyed before the runtime, the last made first.
  template <class T>
  T& slot() {
    if (T* kept = find_slot<T>()) return *kept;
    std::shared_ptr<T> made;
    if constexpr (std::is_constructible_v<T, VuContext&>) made = std::make_shared<T>(*this);
    else made = std::make_shared<T>();
    slots_.push_back({&kTypeKey<T>, made});
    return *made;
  }
  /// The instance if slot<T>() was ever called, or nullptr.
  template <class T>
  T* find_slot() const {
    for (const Slot& slot : slots_) {
      if (slot.type == &kTypeKey<T>) return static_cast<T*>(slot.object.get());
    }
    return nullptr;
  }
  /// Called before each iteration, on the fiber: clients reset what k6 resets (cookie jars, connections).
  void on_iteration_start(std::function<void()> hook) { iteration_hooks_.push_back(std::move(hook)); }
  /// Called when an iteration (or setup, teardown) is over or cut short, before what it left pending is forgotten.
  void on_iteration_end(std::function<void(bool cut_short)> hook) { end_hooks_.push_back(std::move(hook)); }

  Operation start_operation();
  /// Suspends the fiber for `duration`; false when it was interrupted: then `return vu.throw_interrupted()`.
  bool sleep(std::chrono::nanoseconds duration);
  /// What a native returns after an interrupted wait (Awaited::wait() gave nothing): an exception that no script can
  /// catch. The iteration counts as interrupted.
  JSValue throw_interrupted();
  /// exec.test.abort: ends the whole test; returns what the native returns.
  JSValue abort_test(std::string_view reason);

 protected:
  VuContext(TestState& test, base::EventLoop& loop, metrics::Recorder& recorder, std::uint64_t id);
  ~VuContext();

  void destroy_slots();
  void deliver(std::function<void()> job);

  TestState& test_;
  base::EventLoop& loop_;
  metrics::Recorder& recorder_;
  const std::uint64_t id_;
  JSContext* context_ = nullptr;
  bool in_init_ = false;
  ScenarioRun* scenario_ = nullptr;
  IterationNumbers iteration_;
  script::Value environment_;
  std::unique_ptr<metrics::Tags> tags_;
  std::unique_ptr<wire::Traffic> traffic_;
  std::vector<std::function<void()>> iteration_hooks_;
  std::vector<std::function<void(bool)>> end_hooks_;

  bool cut_ = false;  // the iteration or call is to end now
  std::string abort_reason_;

  // What the running iteration or call waits for.
  std::uint64_t epoch_ = 0;  // tells its operations from those of former ones
  std::size_t operations_ = 0;
  std::vector<std::function<void()>> inbox_;
  fiber::Awaited<std::monostate>* inbox_signal_ = nullptr;  // set while the fiber waits for the inbox

 private:
  friend class Operation;
  template <class T>
  static constexpr char kTypeKey = 0;  // its address stands for the type
  struct Slot {
    const void* type;
    std::shared_ptr<void> object;  // shared_ptr only for its erased deleter
  };
  std::vector<Slot> slots_;  // few: a look at each is quicker than a map
};

}  // namespace gauntlet::engine::users
