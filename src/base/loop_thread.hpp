#pragma once
// A named thread that runs an event loop: the services' workers and the admin endpoint.
//
//   base::LoopThread worker("worker-0");
//   worker.run_and_wait([&] { listener = std::make_unique<http::Listener>(worker.loop(), ...); });
#include <functional>
#include <string>
#include <thread>

#include "base/event_loop.hpp"

namespace gauntlet::base {

class LoopThread {
 public:
  /// Starts at once; `name` (at most 15 bytes are kept) is what top -H and pprof's goroutine show.
  explicit LoopThread(std::string name);
  /// Stops the loop and joins. What belongs to the loop's thread must be gone by then: see run_and_wait().
  ~LoopThread();
  LoopThread(const LoopThread&) = delete;
  LoopThread& operator=(const LoopThread&) = delete;

  EventLoop& loop() { return loop_; }
  /// That the thread has used. Any thread.
  double cpu_seconds();
  /// Another thread: runs `task` on the loop and returns when it is done; for making and destroying what lives there.
  void run_and_wait(const std::function<void()>& task);

 private:
  EventLoop loop_;
  std::thread thread_;
};

/// Names the calling thread.
void name_this_thread(const std::string& name);

}  // namespace gauntlet::base
