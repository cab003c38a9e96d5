#include "lab/trial/interruption.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>

#include <cerrno>

#include "base/signals.hpp"

namespace gauntlet::lab {

Interruption::Interruption() {
  base::block_signals({SIGINT, SIGTERM});
  sigset_t wanted;
  ::sigemptyset(&wanted);
  ::sigaddset(&wanted, SIGINT);
  ::sigaddset(&wanted, SIGTERM);
  signals_ = Descriptor(::signalfd(-1, &wanted, SFD_CLOEXEC));
}

bool Interruption::has_come() {
  pollfd watched{.fd = signals_.get(), .events = POLLIN, .revents = 0};
  if (!come_ && ::poll(&watched, 1, 0) > 0) come_ = true;
  return come_;
}

bool Interruption::wait_for_end(const Descriptor& pidfd) {
  for (;;) {
    if (has_come()) return false;
    pollfd watched[] = {{.fd = pidfd.get(), .events = POLLIN, .revents = 0}, {.fd = signals_.get(), .events = POLLIN, .revents = 0}};
    if (::poll(watched, 2, -1) < 0 && errno != EINTR) return true;
    if (watched[0].revents != 0) return true;
  }
}

}  // namespace gauntlet::lab
