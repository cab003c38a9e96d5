#pragma once
// Signals as events of a loop.
//
//   base::block_signals({SIGTERM, SIGINT, SIGHUP});       // in main, before any thread starts
//   base::SignalWatch watch(loop, {SIGTERM, SIGINT}, [&](int) { begin_shutdown(); });
#include <functional>
#include <initializer_list>
#include <memory>

#include "base/event_loop.hpp"

namespace gauntlet::base {

/// Blocks delivery in this thread and in those it starts later, so that only a SignalWatch sees them. SIGPIPE is
/// ignored too: writes to dead sockets return EPIPE.
void block_signals(std::initializer_list<int> signals);

/// Whether one of these, which are blocked, has come and waits for its SignalWatch: for whoever waits before there is a loop.
bool is_pending(std::initializer_list<int> signals);

/// Calls back on the loop's thread for each signal. Belongs to that thread.
class SignalWatch final : IoHandler {
 public:
  SignalWatch(EventLoop& loop, std::initializer_list<int> signals, std::function<void(int signal)> callback);
  ~SignalWatch() override;
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

 private:
  void on_io(std::uint32_t events) override;
  EventLoop& loop_;
  int fd_;
  std::function<void(int)> callback_;
};

}  // namespace gauntlet::base
