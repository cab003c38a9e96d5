#include "base/event_loop.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cassert>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <queue>
#include <unordered_map>
#include <vector>

namespace gauntlet::base {
namespace {

constexpr int kEventsPerRound = 256;

int descriptor_or_abort(int fd, const char* what) {
  if (fd >= 0) return fd;
  std::fprintf(stderr, "fatal: %s: %s; raise the descriptor limit (ulimit -n)\n", what, std::strerror(errno));
  std::abort();
}

}  // namespace

struct EventLoop::State {
  struct Timer {
    Clock::time_point due;
    TimerId id;
    bool operator>(const Timer& other) const { return due != other.due ? due > other.due : id > other.id; }
  };
  struct Watch {
    IoHandler* handler = nullptr;
    std::uint32_t generation = 0;
  };

  int epoll_fd = descriptor_or_abort(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
  int wake_fd = descriptor_or_abort(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd");
  std::atomic<bool> stopping{false};
  std::atomic<bool> awake{false};  // a wake-up is pending, so further posts need no system call
  std::mutex posted_mutex;
  std::vector<Task> posted;
  std::vector<Task> end_of_round;
  std::vector<Task> end_of_round_running;
  std::priority_queue<Timer, std::vector<Timer>, std::greater<>> timers;
  std::vector<TimerId> due_timers;                // of the round, in order
  std::unordered_map<TimerId, Task> timer_tasks;  // a cancelled timer is absent here and skipped when due
  TimerId next_timer = 1;
  // By descriptor. The generation tells a closed and reused descriptor's stale event from a fresh one.
  std::vector<Watch> watches;
  std::array<epoll_event, kEventsPerRound> events{};

  ~State() {
    close(epoll_fd);
    close(wake_fd);
  }

  void wake() {
    if (awake.exchange(true)) return;
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = write(wake_fd, &one, sizeof one);
  }

  static std::uint64_t key(int fd, std::uint32_t generation) {
    return static_cast<std::uint64_t>(generation) << 32 | static_cast<std::uint32_t>(fd);
  }

  void control(int operation, int fd, std::uint32_t mask, IoHandler* handler) {
    if (static_cast<std::size_t>(fd) >= watches.size()) watches.resize(static_cast<std::size_t>(fd) + 64);
    Watch& watch = watches[static_cast<std::size_t>(fd)];
    watch.handler = handler;
    if (operation == EPOLL_CTL_ADD) ++watch.generation;
    epoll_event event{};
    event.events = mask;
    event.data.u64 = key(fd, watch.generation);
    if (epoll_ctl(epoll_fd, operation, fd, &event) != 0) {
      std::fprintf(stderr, "fatal: epoll_ctl(%d, fd %d): %s\n", operation, fd, std::strerror(errno));
      std::abort();
    }
  }

  void run_posted() {
    awake.store(false);
    std::vector<Task> tasks;
    {
      const std::lock_guard lock(posted_mutex);
      tasks.swap(posted);
    }
    for (Task& task : tasks) task();
  }

  void run_due_timers(Clock::time_point now) {
    // What these tasks arm runs in the next round at the earliest, however long ago it was due: otherwise a task that
    // is late and arms itself again would keep the loop from everything else.
    for (; !timers.empty() && timers.top().due <= now; timers.pop()) due_timers.push_back(timers.top().id);
    for (const TimerId id : due_timers) {
      const auto found = timer_tasks.find(id);
      if (found == timer_tasks.end()) continue;
      Task task = std::move(found->second);
      timer_tasks.erase(found);
      task();
    }
    due_timers.clear();
  }

  void run_end_of_round() {
    while (!end_of_round.empty()) {
      end_of_round_running.swap(end_of_round);
      for (Task& task : end_of_round_running) task();
      end_of_round_running.clear();
    }
  }

  /// Time until the next live timer, capped by `limit`; none while work waits for the round's end.
  std::chrono::nanoseconds wait_for(Clock::time_point now, std::chrono::nanoseconds limit) {
    if (!end_of_round.empty()) return std::chrono::nanoseconds(0);
    while (!timers.empty() && !timer_tasks.contains(timers.top().id)) timers.pop();
    if (timers.empty()) return limit;
    const auto until_due = std::chrono::duration_cast<std::chrono::nanoseconds>(timers.top().due - now);
    return std::clamp(until_due, std::chrono::nanoseconds(0), limit);
  }
};

EventLoop::EventLoop() : state_(std::make_unique<State>()), now_(Clock::now()) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = State::key(state_->wake_fd, 0);
  if (epoll_ctl(state_->epoll_fd, EPOLL_CTL_ADD, state_->wake_fd, &event) != 0) descriptor_or_abort(-1, "epoll_ctl");
}

EventLoop::~EventLoop() = default;

void EventLoop::run() {
  while (!state_->stopping.load()) run_once(std::chrono::hours(1));
  state_->stopping.store(false);
}

void EventLoop::run_once(std::chrono::nanoseconds timeout) {
  State& state = *state_;
  const auto wait = state.wait_for(update_now(), timeout);
  timespec ts{};
  ts.tv_sec = wait.count() / 1'000'000'000;
  ts.tv_nsec = wait.count() % 1'000'000'000;
  const int ready = epoll_pwait2(state.epoll_fd, state.events.data(), kEventsPerRound, &ts, nullptr);
  update_now();
  // Handlers may grow `watches` or unwatch others of this round, so each event is looked up when its turn comes.
  for (int i = 0; i < ready; ++i) {
    const epoll_event& event = state.events[static_cast<std::size_t>(i)];
    const int fd = static_cast<int>(event.data.u64 & 0xffffffffU);
    if (fd == state.wake_fd) {
      std::uint64_t count = 0;
      [[maybe_unused]] const auto got = read(state.wake_fd, &count, sizeof count);
      continue;
    }
    const State::Watch watch = state.watches[static_cast<std::size_t>(fd)];
    if (watch.handler == nullptr || watch.generation != event.data.u64 >> 32) continue;
    watch.handler->on_io(event.events);
  }
  state.run_posted();
  state.run_due_timers(now_);
  state.run_end_of_round();
}

void EventLoop::stop() {
  state_->stopping.store(true);
  state_->wake();
}

void EventLoop::abandon() {
  state_->timer_tasks.clear();
  state_->end_of_round.clear();
  stop();
}

void EventLoop::post(Task task) {
  {
    const std::lock_guard lock(state_->posted_mutex);
    state_->posted.push_back(std::move(task));
  }
  state_->wake();
}

void EventLoop::at_end_of_round(Task task) { state_->end_of_round.push_back(std::move(task)); }

void EventLoop::watch(int fd, std::uint32_t events, IoHandler* handler) { state_->control(EPOLL_CTL_ADD, fd, events, handler); }

void EventLoop::rewatch(int fd, std::uint32_t events, IoHandler* handler) { state_->control(EPOLL_CTL_MOD, fd, events, handler); }

void EventLoop::unwatch(int fd) {
  if (static_cast<std::size_t>(fd) >= state_->watches.size()) return;
  State::Watch& watch = state_->watches[static_cast<std::size_t>(fd)];
  if (watch.handler == nullptr) return;
  watch.handler = nullptr;
  epoll_ctl(state_->epoll_fd, EPOLL_CTL_DEL, fd, nullptr);
}

EventLoop::TimerId EventLoop::call_at(Clock::time_point due, Task task) {
  const TimerId id = state_->next_timer++;
  state_->timer_tasks.emplace(id, std::move(task));
  state_->timers.push({due, id});
  return id;
}

void EventLoop::cancel(TimerId timer) { state_->timer_tasks.erase(timer); }

}  // namespace gauntlet::base
