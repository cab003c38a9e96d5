#include "base/loop_thread.hpp"

#include <pthread.h>

#include <ctime>

#include <condition_variable>
#include <mutex>

namespace gauntlet::base {

void name_this_thread(const std::string& name) { pthread_setname_np(pthread_self(), name.substr(0, 15).c_str()); }

LoopThread::LoopThread(std::string name)
    : thread_([this, name = std::move(name)] {
        name_this_thread(name);
        loop_.run();
      }) {}

LoopThread::~LoopThread() {
  loop_.stop();
  thread_.join();
}

double LoopThread::cpu_seconds() {
  clockid_t clock{};
  timespec used{};
  if (pthread_getcpuclockid(thread_.native_handle(), &clock) != 0 || clock_gettime(clock, &used) != 0) return 0;
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
}

void LoopThread::run_and_wait(const std::function<void()>& task) {
  std::mutex mutex;
  std::condition_variable changed;
  bool done = false;
  loop_.post([&] {
    task();
    const std::lock_guard lock(mutex);  // held while notifying: the waiter destroys both right after
    done = true;
    changed.notify_one();
  });
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return done; });
}

}  // namespace gauntlet::base
