#include "base/signals.hpp"

#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <csignal>
#include <utility>

namespace gauntlet::base {
namespace {

sigset_t set_of(std::initializer_list<int> signals) {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : signals) sigaddset(&set, signal);
  return set;
}

}  // namespace

void block_signals(std::initializer_list<int> signals) {
  const sigset_t set = set_of(signals);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);  // NOLINT: the macro casts
  std::signal(SIGXFSZ, SIG_IGN);  // NOLINT: a file that may not grow (ulimit -f) is an error to tell
}

bool is_pending(std::initializer_list<int> signals) {
  sigset_t pending;
  sigpending(&pending);
  return std::any_of(signals.begin(), signals.end(), [&](int signal) { return sigismember(&pending, signal) == 1; });
}

SignalWatch::SignalWatch(EventLoop& loop, std::initializer_list<int> signals, std::function<void(int)> callback)
    : loop_(loop), callback_(std::move(callback)) {
  block_signals(signals);
  const sigset_t set = set_of(signals);
  fd_ = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
  assert(fd_ >= 0);
  loop_.watch(fd_, EPOLLIN, this);
}

SignalWatch::~SignalWatch() {
  loop_.unwatch(fd_);
  close(fd_);
}

void SignalWatch::on_io(std::uint32_t) {
  signalfd_siginfo info{};
  while (read(fd_, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) callback_(static_cast<int>(info.ssi_signo));
}

}  // namespace gauntlet::base
