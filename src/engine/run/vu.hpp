#pragma once
// A virtual user: one JavaScript runtime on one fiber of one thread, with what belongs to it while it runs. Native
// modules reach it by vu_of(context) and find here the loop, the options, the metrics and the state they keep.
#include <quickjs.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "base/event_loop.hpp"
#include "engine/fiber/fiber.hpp"
#include "engine/js/runtime.hpp"
#include "engine/js/value.hpp"
#include "engine/run/log.hpp"
#include "engine/run/shared_state.hpp"

namespace gauntlet::engine::metrics {
class Recorder;
class Tags;
}  // namespace gauntlet::engine::metrics
namespace gauntlet::engine::net {
struct Traffic;
}

namespace gauntlet::engine::run {

struct Options;
struct ScenarioRun;
struct TestState;
class Vu;

/// The virtual user to which a JavaScript context belongs.
inline Vu& vu_of(JSContext* context) { return *static_cast<Vu*>(JS_GetContextOpaque(context)); }

/// Something asynchronous under way (a timer, a request whose promise the script holds): the iteration does not end
/// before it has finished or been dropped. Dropping it without finish() only lets the iteration end.
///
///   auto operation = std::make_shared<run::Operation>(vu.start_operation());
///   auto deferred = std::make_shared<js::Deferred>(context);
///   client.call(request, [=](Reply r) { operation->finish([=] { deferred->resolve(...); }); });
///   return deferred->promise();
class Operation {
 public:
  Operation() = default;
  Operation(Operation&& other) noexcept : vu_(std::exchange(other.vu_, nullptr)), epoch_(other.epoch_) {}
  Operation& operator=(Operation&& other) noexcept {
    drop();
    vu_ = std::exchange(other.vu_, nullptr);
    epoch_ = other.epoch_;
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
  friend class Vu;
  Operation(Vu* vu, std::uint64_t epoch) : vu_(vu), epoch_(epoch) {}
  Vu* vu_ = nullptr;
  std::uint64_t epoch_ = 0;
};

class Vu final : private js::Host {
 public:
  // For native modules.

  JSContext* context() const { return context_; }
  base::EventLoop& loop() const { return loop_; }
  const Options& options() const;
  SharedState& shared() const;
  TestState& test() const { return test_; }

  /// True while the script's top level runs: no requests, no metric samples; open() and declarations only.
  bool in_init() const { return in_init_; }
  /// __VU: 0 in the first init, setup, teardown and handleSummary; otherwise from 1.
  std::uint64_t id() const { return id_; }

  /// Where samples of this virtual user's thread go. Not to be used in init.
  metrics::Recorder& recorder() const { return recorder_; }
  /// The tags of everything that is recorded now: scenario, group, the scenario's and the script's own.
  metrics::Tags& tags() const { return *tags_; }
  /// Bytes on the wire; recorded as data_sent and data_received once an iteration.
  net::Traffic& traffic() const { return *traffic_; }

  /// This virtual user's own instance of T (an HTTP client, a cookie jar), constructed on first use from the Vu where
  /// T can be, and destroyed before the runtime.
  template <class T>
  T& slot() {
    const std::size_t index = slot_index<T>();
    while (index >= slots_.size()) slots_.emplace_back(nullptr, [](void*) {});
    if (!slots_[index]) {
      T* made = nullptr;
      if constexpr (std::is_constructible_v<T, Vu&>) {
        made = new T(*this);
      } else {
        made = new T();
      }
      slots_[index] = Slot(made, [](void* object) { delete static_cast<T*>(object); });
    }
    return *static_cast<T*>(slots_[index].get());
  }
  /// The instance if slot<T>() was ever called, or nullptr.
  template <class T>
  T* find_slot() const {
    const std::size_t index = slot_index<T>();
    return index < slots_.size() ? static_cast<T*>(slots_[index].get()) : nullptr;
  }
  /// Called before each iteration, on the fiber: clients reset what k6 resets (cookie jars, connections).
  void on_iteration_start(std::function<void()> hook) { iteration_hooks_.push_back(std::move(hook)); }

  Operation start_operation();
  /// Suspends the fiber for `duration`; false when it was interrupted: then `return vu.throw_interrupted()`.
  bool sleep(std::chrono::nanoseconds duration);
  /// What a native returns after an interrupted wait (Awaited::wait() gave nothing): an exception that no script can
  /// catch. The iteration counts as interrupted.
  JSValue throw_interrupted();
  /// A warning of a module in k6's log format. `fields` follow the message, as {{"error", text}}.
  void warn(std::string_view message, std::initializer_list<LogField> fields = {}) const;

  /// Called when an iteration (or setup, teardown) is over or cut short, before what it left pending is forgotten.
  void on_iteration_end(std::function<void(bool cut_short)> hook) { end_hooks_.push_back(std::move(hook)); }

  /// The running scenario, or nullptr in init, setup, teardown and handleSummary.
  const ScenarioRun* scenario() const { return scenario_; }
  /// Numbers of the running iteration, all from 0: of this virtual user, of it in the scenario, of the whole scenario.
  std::uint64_t iteration() const { return iteration_; }
  std::uint64_t iteration_in_scenario() const { return iteration_in_scenario_; }
  std::uint64_t scenario_iteration() const { return scenario_iteration_; }
  /// __ENV. Each scenario begins with a fresh one.
  js::Value environment();
  void replace_environment(js::Value value);
  /// exec.test.abort: ends the whole test; returns what the native returns.
  JSValue abort_test(std::string_view reason);

  // For the engine. What follows runs on the virtual user's thread.

  /// What a virtual user gets from its thread; all outlive it.
  struct Place {
    base::EventLoop& loop;
    fiber::StackPool& stacks;
    metrics::Recorder& recorder;
  };
  /// Nothing runs yet. `id` is __VU.
  Vu(TestState& test, const Place& place, std::uint64_t id);
  /// Nothing may run any more (idle()).
  ~Vu() override;
  Vu(const Vu&) = delete;
  Vu& operator=(const Vu&) = delete;

  /// Runs `job` on the fiber once what it does now is done; at once when it is idle.
  void post(std::function<void()> job);
  bool idle() const { return idle_ && jobs_.empty(); }
  /// Ends the current iteration or call as soon as it waits or its time slice is over. Without one nothing happens.
  void interrupt();

  // What follows runs on the fiber, that is in jobs.

  /// Why the script could not be made ready.
  struct InitFailure {
    enum class Kind {
      load,       ///< a file or module is missing, or does not parse
      exception,  ///< the script threw
      aborted,    ///< it called exec.test.abort()
    };
    Kind kind = Kind::exception;
    std::string message;
  };
  /// Runs the script's top level; nothing when that went well.
  std::optional<InitFailure> initialize();
  /// Names of the exported functions.
  std::vector<std::string> exported_functions();
  /// An exported value, undefined when there is none.
  js::Value exported(const std::string& name);

  /// How a call of setup, teardown or handleSummary ended.
  struct CallResult {
    enum class Kind { returned, threw, interrupted };
    Kind kind = Kind::returned;
    js::Value value;    ///< what it returned, or what its promise gave
    std::string error;  ///< stack or text of what it threw
  };
  /// Calls an exported function and waits for what it started. `group` is the tag of its samples ("::setup").
  CallResult call(const std::string& name, std::vector<js::Value> arguments, std::string_view group);
  /// setup's data for this virtual user: parsed once from TestState::setup_data. An exception where its heap or stack is too
  /// small for them.
  js::Value setup_data();

  /// From now on iterations are the scenario's: its function, environment and tags.
  void enter_scenario(ScenarioRun& scenario);
  void leave_scenario();
  /// Runs one iteration of the entered scenario. `number` is the scenario's count; `due` is when it was meant to start,
  /// for open models. False when it was cut short.
  bool run_iteration(std::uint64_t number, std::optional<base::EventLoop::Clock::time_point> due = std::nullopt);
  /// Lets the thread's loop run when this round has taken long: for loops over iterations that never wait.
  void breathe();

 private:
  friend class Operation;
  using Slot = std::unique_ptr<void, void (*)(void*)>;
  using Instant = base::EventLoop::Clock::time_point;

  static std::size_t next_slot_index();
  template <class T>
  static std::size_t slot_index() {
    static const std::size_t index = next_slot_index();
    return index;
  }

  void live();
  bool on_script_tick() override;
  void yield();
  void deliver(std::function<void()> job);
  void set_standing_tags();
  void begin_work();
  enum class Settled { quiet, failed, cut_short };
  /// Runs promise jobs and what comes from the loop until nothing is pending, or something failed and was logged.
  Settled settle();
  Settled take_exception();
  bool report_unhandled_rejections();
  void end_work(Settled how);
  void log_exception(const js::Value& exception) const;
  void record_traffic(Instant at);
  LogFields scenario_fields(std::string_view source) const;

  TestState& test_;
  base::EventLoop& loop_;
  metrics::Recorder& recorder_;
  std::uint64_t id_;
  fiber::Fiber fiber_;
  std::unique_ptr<js::Runtime> runtime_;
  JSContext* context_ = nullptr;

  // What the fiber has to do, and how far it is.
  std::vector<std::function<void()>> jobs_;
  bool idle_ = false;
  bool closing_ = false;
  bool in_init_ = false;
  bool working_ = false;  // in an iteration or call
  bool cut_ = false;      // it is to end now
  std::string abort_reason_;

  // What the running iteration or call waits for.
  std::uint64_t epoch_ = 0;  // tells its operations from those of former ones
  std::size_t operations_ = 0;
  std::vector<std::function<void()>> inbox_;
  fiber::Awaited<>* inbox_signal_ = nullptr;  // set while the fiber waits for the inbox

  ScenarioRun* scenario_ = nullptr;
  js::Value function_;
  js::Value environment_;
  js::Value setup_data_;
  bool has_setup_data_ = false;
  std::uint64_t next_iteration_ = 0;
  std::uint64_t next_iteration_in_scenario_ = 0;
  std::map<const ScenarioRun*, std::uint64_t> iterations_in_;  // of scenarios that it has left, for when it comes back
  std::uint64_t iteration_ = 0;
  std::uint64_t iteration_in_scenario_ = 0;
  std::uint64_t scenario_iteration_ = 0;

  std::unique_ptr<metrics::Tags> tags_;
  std::unique_ptr<net::Traffic> traffic_;
  std::vector<std::function<void()>> iteration_hooks_;
  std::vector<std::function<void(bool)>> end_hooks_;
  std::vector<Slot> slots_;
};

}  // namespace gauntlet::engine::run
