#include "lab/process/child_process.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include <cerrno>

namespace gauntlet::lab {
namespace {

constexpr std::chrono::milliseconds kGrace{10'000};

}  // namespace

base::Expected<ChildProcess> ChildProcess::start(const LaunchSpec& spec) {
  auto process = TRY(launch(spec));
  return ChildProcess(std::move(process));
}

ChildProcess::~ChildProcess() {
  if (process_.pidfd && !status_) finish(std::chrono::milliseconds(0));
}

bool ChildProcess::wait(std::chrono::milliseconds patience) {
  pollfd watched{.fd = process_.pidfd.get(), .events = POLLIN, .revents = 0};
  return ::poll(&watched, 1, static_cast<int>(patience.count())) > 0;
}

int ChildProcess::finish(std::chrono::milliseconds patience) {
  if (status_) return *status_;
  if (!wait(patience)) {
    ::kill(process_.id.pid, SIGINT);
    if (!wait(kGrace)) ::kill(process_.id.pid, SIGKILL);
  }
  int status = 0;
  while (::waitpid(process_.id.pid, &status, 0) < 0 && errno == EINTR) {
  }
  status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return *status_;
}

}  // namespace gauntlet::lab
