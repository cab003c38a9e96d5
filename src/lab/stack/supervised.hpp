#pragma once
// One server under supervision: started, adopted, watched, restarted, stopped. A state machine on the loop.
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/error.hpp"
#include "base/event_loop.hpp"
#include "lab/process/launch.hpp"
#include "lab/stack/backoff.hpp"
#include "lab/stack/component.hpp"
#include "lab/stack/stack_status.hpp"

namespace gauntlet::lab {

class Supervised final : base::IoHandler {
 public:
  struct Surroundings {
    base::EventLoop& loop;
    std::optional<Account> account;
    std::filesystem::path log;
    std::filesystem::path cgroup_procs;  // empty: no control group
    /// Called before each start, for what must be tidied first; an error counts as a failed start.
    std::function<base::Expected<void>()> before_start;
    /// Called once the probes first pass after a start, before it counts as healthy; an error keeps it starting.
    std::function<base::Expected<void>()> on_ready;
    /// Called after each change of condition or process. Must not destroy this.
    std::function<void()> on_change;
  };

  Supervised(Component component, Surroundings surroundings);
  ~Supervised() override;

  /// From waiting, stopped or backing off: starts now. Otherwise nothing.
  void start();
  /// Takes over a process that an earlier supervisor started. When it was started as something else than this component
  /// now is (`is_current` false), it is stopped and started anew.
  void adopt(const ProcessId& process, bool is_current);
  /// Asks it to end, and insists when its grace has passed. It stays stopped.
  void stop();
  /// Stops it and starts it as `component` says.
  void restart(Component component);
  /// It shall run, but something it needs is missing: waits for start().
  void wait_for(const std::string& what);

  const Component& component() const { return component_; }
  Condition condition() const { return condition_; }
  std::optional<ProcessId> process() const { return process_; }
  ComponentStatus status() const;

 private:
  using Clock = base::EventLoop::Clock;

  void on_io(std::uint32_t events) override;  // its process has ended
  void hold(LaunchedProcess process, bool is_child);
  void start_failed(const std::string& why);
  void back_off(std::chrono::milliseconds ran_for);
  void begin_stop();
  void ended(const std::string& how);
  void run_probe(std::size_t index);
  void probe_failed(const std::string& why);
  void all_probes_passed();
  void schedule_probes(std::chrono::milliseconds delay);
  void send(int signal) const;
  void become(Condition condition, std::string reason);
  std::string reap() const;

  Component component_;
  const Surroundings around_;
  Condition condition_ = Condition::waiting;
  std::string reason_;
  bool start_again_ = false;  // once the stop under way is done

  std::optional<ProcessId> process_;
  Descriptor pidfd_;
  bool is_child_ = false;  // ours to reap; an adopted one is not
  Clock::time_point started_;
  std::int64_t since_ = 0;
  Clock::time_point retry_at_;
  Backoff backoff_;
  int restarts_ = 0;
  int launches_ = 0;

  std::unique_ptr<Probe> probe_;
  int failed_probes_ = 0;
  bool was_ready_ = false;
  base::EventLoop::TimerId probe_timer_ = 0;
  base::EventLoop::TimerId retry_timer_ = 0;
  base::EventLoop::TimerId stop_timer_ = 0;
};

}  // namespace gauntlet::lab
