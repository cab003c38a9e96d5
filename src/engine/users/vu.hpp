#pragma once
// A virtual user: one JavaScript runtime on one fiber of one thread, with what belongs to it while it runs. What native
// modules see of it is in vu_context.hpp. What is here runs on the virtual user's thread.
#include <quickjs.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/event_loop.hpp"
#include "engine/script/fiber/fiber.hpp"
#include "engine/script/runtime.hpp"
#include "engine/script/value.hpp"
#include "engine/users/log.hpp"
#include "engine/users/vu_context.hpp"

namespace gauntlet::engine::users {

class Vu final : public VuContext, private script::Host {
 public:
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
  script::Value exported(const std::string& name);

  /// How a call of setup, teardown or handleSummary ended.
  struct CallResult {
    enum class Kind { returned, threw, interrupted };
    Kind kind = Kind::returned;
    script::Value value;  ///< what it returned, or what its promise gave
    std::string error;    ///< stack or text of what it threw
  };
  /// Calls an exported function and waits for what it started. `group` is the tag of its samples ("::setup").
  CallResult call(const std::string& name, std::vector<script::Value> arguments, std::string_view group);
  /// setup's data for this virtual user: parsed once from TestState::setup_data. An exception where its heap or stack is too
  /// small for them.
  script::Value setup_data();

  /// From now on iterations are the scenario's: its function, environment and tags.
  void enter_scenario(ScenarioRun& scenario);
  /// Calls teardownVU() where it is due.
  void leave_scenario();
  /// Runs one iteration of the entered scenario, setupVU() before the first one. `number` is the scenario's count; `due` is when it was
  /// meant to start, for open models. False when it was cut short.
  bool run_iteration(std::uint64_t number, std::optional<base::EventLoop::Clock::time_point> due = std::nullopt);
  /// Lets the thread's loop run when this round has taken long: for loops over iterations that never wait.
  void breathe();

 private:
  using Instant = base::EventLoop::Clock::time_point;

  void live();
  script::Builtins builtins() const;
  bool on_script_tick() override;
  void yield();
  void set_standing_tags();
  void begin_work();
  enum class Settled { quiet, failed, cut_short };
  /// Runs promise jobs and what comes from the loop until nothing is pending, or something failed and was logged.
  Settled settle();
  Settled take_exception();
  bool report_unhandled_rejections();
  void end_work(Settled how);
  void log_exception(const script::Value& exception) const;
  void record_traffic(Instant at);
  /// setupVU() or teardownVU(), cut short after `patience`; what it throws is logged.
  CallResult call_of_life(const char* name, std::vector<script::Value> arguments, std::chrono::nanoseconds patience);
  Settled set_up();
  void tear_down();
  /// The scenario's function, once.
  Settled call_function();
  LogFields scenario_fields(std::string_view source) const;

  fiber::Fiber fiber_;
  std::unique_ptr<script::Runtime> runtime_;

  // What the fiber has to do, and how far it is.
  std::vector<std::function<void()>> jobs_;
  bool idle_ = false;
  bool closing_ = false;
  bool working_ = false;  // in an iteration or call

  script::Value function_;
  script::Value setup_data_;
  bool has_setup_data_ = false;
  bool is_set_up_ = false;  // in this scenario: setupVU() has returned, or there is none
  script::Value own_data_;  // what it returned
  bool has_own_data_ = false;
  std::uint64_t next_iteration_ = 0;
  std::uint64_t next_iteration_in_scenario_ = 0;
  std::map<const ScenarioRun*, std::uint64_t> iterations_in_;  // of scenarios that it has left, for when it comes back
};

}  // namespace gauntlet::engine::users
