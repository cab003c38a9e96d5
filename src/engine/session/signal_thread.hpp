#pragma once
// SIGINT and SIGTERM heard by a thread of their own: the control thread runs the script's first init, and any thread may be
// inside a native that takes its time.
#include <csignal>
#include <functional>
#include <memory>

#include "base/loop_thread.hpp"
#include "base/signals.hpp"

namespace gauntlet::engine::session {

/// Calls `on_signal` with its number on its thread for each. Other threads must have the signals blocked (base::block_signals).
class SignalThread {
 public:
  explicit SignalThread(std::function<void(int)> on_signal) : thread_("signals") {
    thread_.run_and_wait([this, &on_signal] {
      watch_ = std::make_unique<base::SignalWatch>(thread_.loop(), std::initializer_list<int>{SIGINT, SIGTERM}, std::move(on_signal));
    });
  }
  ~SignalThread() {
    thread_.run_and_wait([this] { watch_.reset(); });
  }
  SignalThread(const SignalThread&) = delete;
  SignalThread& operator=(const SignalThread&) = delete;

 private:
  base::LoopThread thread_;
  std::unique_ptr<base::SignalWatch> watch_;
};

}  // namespace gauntlet::engine::session
