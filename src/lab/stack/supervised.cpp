#include "lab/stack/supervised.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/log.hpp"

namespace gauntlet::lab {
namespace {

using namespace std::chrono_literals;
namespace log = base::log;

constexpr auto kProbeWhileStarting = 100ms;
constexpr auto kProbeWhileUp = 2000ms;
constexpr auto kProbeTimeout = 2000ms;
constexpr int kFailuresUntilUnhealthy = 3;
// After the last signal a server has this long; then the supervisor says so and keeps waiting.
constexpr auto kLastSignalGrace = 30s;

const char* name_of(Condition condition) {
  switch (condition) {
    case Condition::waiting: return "waiting";
    case Condition::starting: return "starting";
    case Condition::healthy: return "healthy";
    case Condition::unhealthy: return "unhealthy";
    case Condition::stopping: return "stopping";
    case Condition::backing_off: return "backing off";
    case Condition::stopped: return "stopped";
  }
  return "";
}

}  // namespace

Supervised::Supervised(Component component, Surroundings surroundings)
    : component_(std::move(component)), around_(std::move(surroundings)) {}

Supervised::~Supervised() {
  if (pidfd_) around_.loop.unwatch(pidfd_.get());
  for (const auto timer : {probe_timer_, retry_timer_, stop_timer_}) around_.loop.cancel(timer);
}

void Supervised::start() {
  if (condition_ != Condition::waiting && condition_ != Condition::stopped && condition_ != Condition::backing_off) return;
  around_.loop.cancel(std::exchange(retry_timer_, 0));
  if (around_.before_start)
    if (auto ready = around_.before_start(); !ready) return start_failed(ready.error().message);
  auto launched =
      launch({component_.command, component_.environment, component_.directory, around_.log, around_.account, around_.cgroup_procs});
  if (!launched) return start_failed(launched.error().message);
  hold(std::move(*launched), true);
  become(Condition::starting, "");
}

void Supervised::adopt(const ProcessId& process, bool is_current) {
  auto watch = watch_process(process);
  if (!watch) return start();
  hold({process, std::move(*watch)}, false);
  log::info("adopted", {{"component", component_.name}, {"pid", process.pid}, {"current", is_current}});
  if (is_current) return become(Condition::starting, "");
  start_again_ = true;
  begin_stop();
}

void Supervised::stop() {
  start_again_ = false;
  if (process_) {
    if (condition_ != Condition::stopping) begin_stop();
    return;
  }
  around_.loop.cancel(std::exchange(retry_timer_, 0));
  if (condition_ != Condition::stopped) become(Condition::stopped, "");
}

void Supervised::restart(Component component) {
  component_ = std::move(component);
  backoff_ = {};
  if (!process_) {
    if (condition_ != Condition::waiting) start();
    return;
  }
  start_again_ = true;
  if (condition_ != Condition::stopping) begin_stop();
}

void Supervised::wait_for(const std::string& what) {
  const std::string reason = "needs " + what;
  if (!process_ && (condition_ != Condition::waiting || reason_ != reason)) become(Condition::waiting, reason);
}

void Supervised::hold(LaunchedProcess process, bool is_child) {
  process_ = process.id;
  pidfd_ = std::move(process.pidfd);
  is_child_ = is_child;
  started_ = Clock::now();
  since_ = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  ++launches_;
  was_ready_ = false;
  failed_probes_ = 0;
  around_.loop.watch(pidfd_.get(), EPOLLIN, this);
  schedule_probes(0ms);
}

void Supervised::start_failed(const std::string& why) {
  log::error("cannot start", {{"component", component_.name}, {"reason", why}});
  reason_ = why;
  back_off(0ms);
}

void Supervised::back_off(std::chrono::milliseconds ran_for) {
  const auto delay = backoff_.after_death(ran_for);
  retry_at_ = Clock::now() + delay;
  retry_timer_ = around_.loop.call_after(delay, [this] {
    retry_timer_ = 0;
    ++restarts_;
    start();
  });
  become(Condition::backing_off, reason_);
}

void Supervised::begin_stop() {
  probe_.reset();
  around_.loop.cancel(std::exchange(probe_timer_, 0));
  become(Condition::stopping, "");
  send(component_.stop_signal);
  stop_timer_ = around_.loop.call_after(component_.stop_grace, [this] {
    log::warn("does not stop; insisting", {{"component", component_.name}, {"signal", component_.last_signal}});
    send(component_.last_signal);
    stop_timer_ = around_.loop.call_after(kLastSignalGrace, [this] {
      stop_timer_ = 0;
      reason_ = "does not end";
      log::error("does not end", {{"component", component_.name}, {"pid", process_ ? process_->pid : 0}});
    });
  });
}

void Supervised::on_io(std::uint32_t) { ended(reap()); }

std::string Supervised::reap() const {
  siginfo_t info{};
  // P_PIDFD is 3 in the kernel's interface; glibc 2.36 has the name, older headers do not.
  if (!is_child_ || ::waitid(static_cast<idtype_t>(3), static_cast<id_t>(pidfd_.get()), &info, WEXITED | WNOHANG) != 0) return "ended";
  if (info.si_code == CLD_EXITED) return fmt::format("ended with exit status {}", info.si_status);
  return fmt::format("was ended by signal {} ({})", info.si_status, ::strsignal(info.si_status));
}

void Supervised::ended(const std::string& how) {
  const auto ran_for = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - started_);
  around_.loop.unwatch(pidfd_.get());
  pidfd_.close();
  const pid_t pid = process_->pid;
  process_.reset();
  since_ = 0;
  probe_.reset();
  around_.loop.cancel(std::exchange(probe_timer_, 0));
  around_.loop.cancel(std::exchange(stop_timer_, 0));
  const bool wanted = condition_ != Condition::stopping;
  log::write(wanted ? log::Level::warn : log::Level::info, "process ended", {{"component", component_.name}, {"pid", pid}, {"how", how}});
  if (!wanted) {
    become(Condition::stopped, how);
    if (std::exchange(start_again_, false)) start();
    return;
  }
  reason_ = how;
  back_off(ran_for);
}

void Supervised::schedule_probes(std::chrono::milliseconds delay) {
  around_.loop.cancel(probe_timer_);
  probe_timer_ = around_.loop.call_after(delay, [this] {
    probe_timer_ = 0;
    run_probe(0);
  });
}

void Supervised::run_probe(std::size_t index) {
  if (index == component_.probes.size()) return all_probes_passed();
  probe_ = std::make_unique<Probe>(around_.loop, component_.probes[index], kProbeTimeout, [this, index](const std::string& why_not) {
    if (!why_not.empty()) return probe_failed(why_not);
    run_probe(index + 1);
  });
}

void Supervised::probe_failed(const std::string& why) {
  ++failed_probes_;
  schedule_probes(was_ready_ ? kProbeWhileUp : kProbeWhileStarting);
  if (condition_ == Condition::starting) {
    reason_ = why;
  } else if (condition_ == Condition::healthy && failed_probes_ >= kFailuresUntilUnhealthy) {
    become(Condition::unhealthy, why);
  }
}

void Supervised::all_probes_passed() {
  failed_probes_ = 0;
  if (!was_ready_ && around_.on_ready)
    if (auto ready = around_.on_ready(); !ready) return probe_failed(ready.error().message);
  was_ready_ = true;
  schedule_probes(kProbeWhileUp);
  if (condition_ != Condition::healthy) become(Condition::healthy, "");
}

void Supervised::send(int signal) const {
  // Through the descriptor: it can only mean this process, whatever has become of its pid.
  ::syscall(SYS_pidfd_send_signal, pidfd_.get(), signal, nullptr, 0);
}

void Supervised::become(Condition condition, std::string reason) {
  condition_ = condition;
  reason_ = std::move(reason);
  log::info(name_of(condition), {{"component", component_.name}, {"pid", process_ ? process_->pid : 0}, {"reason", reason_}});
  around_.on_change();
}

ComponentStatus Supervised::status() const {
  ComponentStatus status;
  status.name = component_.name;
  status.condition = condition_;
  status.pid = process_ ? process_->pid : 0;
  status.restarts = restarts_;
  status.launches = launches_;
  status.since = since_;
  if (condition_ == Condition::backing_off)
    status.retry_in_ms = std::max<std::int64_t>(0, std::chrono::duration_cast<std::chrono::milliseconds>(retry_at_ - Clock::now()).count());
  status.reason = reason_;
  status.ports = component_.ports;
  return status;
}

}  // namespace gauntlet::lab
