#pragma once
// The event loop that every thread of ours stands on: readiness of file descriptors (epoll), timers, and tasks posted
// from other threads. The engine's virtual users and both services' listeners and database connections run on it.
//
//   base::EventLoop loop;
//   loop.call_after(std::chrono::milliseconds(5), [] { ... });
//   loop.run();   // until stop()
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

namespace gauntlet::base {

/// Receives readiness of one file descriptor. Not owned by the loop; must outlive its registration.
class IoHandler {
 public:
  virtual ~IoHandler() = default;
  /// `events` is epoll's mask (EPOLLIN, EPOLLOUT, EPOLLHUP, EPOLLERR). The handler may unwatch, close and destroy
  /// itself.
  virtual void on_io(std::uint32_t events) = 0;
};

/// One loop belongs to one thread, the one that calls run(). Only post() and stop() may be called from others.
class EventLoop {
 public:
  using Clock = std::chrono::steady_clock;
  using Task = std::function<void()>;
  using TimerId = std::uint64_t;  // 0 is never a timer

  /// Aborts the program when the kernel gives no epoll or event descriptor (descriptor limit reached).
  EventLoop();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  /// Runs until stop(). Can be called again afterwards.
  void run();
  /// Waits at most `timeout` for something to do and does it; returns at once when work is ready.
  void run_once(std::chrono::nanoseconds timeout);
  /// Any thread: run() returns after the current round.
  void stop();
  /// The loop's thread: stop(), and no timer nor what waits for the round's end runs any more; for whoever has taken apart what they
  /// would call.
  void abandon();
  /// Any thread: runs `task` on the loop's thread in its next round, in posting order. On the loop's own thread,
  /// at_end_of_round() is cheaper and sooner.
  void post(Task task);

  /// The loop's thread: runs `task` once, after everything else of this round and before the loop waits again. What
  /// many callbacks of a round produce (answers on one connection, rows of one query) leaves in one system call so.
  /// A task added by such a task runs in the same round's end too. Outside a round it runs at the next round's end.
  void at_end_of_round(Task task);

  /// Watches a descriptor for `events` (EPOLLIN | EPOLLOUT | EPOLLET as epoll_ctl takes them).
  void watch(int fd, std::uint32_t events, IoHandler* handler);
  /// Changes the events of a watched descriptor.
  void rewatch(int fd, std::uint32_t events, IoHandler* handler);
  /// Stops watching; events of it that this round has already fetched are dropped. Call before close(fd).
  void unwatch(int fd);

  /// Runs `task` at `due`, or in the next round when that has passed. Resolution is the kernel's (about 60 us of timer
  /// slack, 1 us where the thread has set PR_SET_TIMERSLACK). O(log timers).
  TimerId call_at(Clock::time_point due, Task task);
  /// A delay beyond the clock's end is the end.
  TimerId call_after(std::chrono::nanoseconds delay, Task task) {
    const auto now = Clock::now();
    return call_at(delay > Clock::time_point::max() - now ? Clock::time_point::max() : now + delay, std::move(task));
  }
  /// Forgets a timer; a fired or unknown id is ignored. O(1).
  void cancel(TimerId timer);

  /// The loop's time: read once a round, so that many callers cost one clock call. At most one round old.
  Clock::time_point now() const { return now_; }
  /// Reads the clock and updates now().
  Clock::time_point update_now() { return now_ = Clock::now(); }

 private:
  struct State;
  std::unique_ptr<State> state_;
  Clock::time_point now_;
};

}  // namespace gauntlet::base
