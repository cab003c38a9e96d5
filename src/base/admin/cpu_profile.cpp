#include "base/admin/cpu_profile.hpp"

#include <sys/time.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>

#include "base/admin/stack_walk.hpp"

namespace gauntlet::base::admin {
namespace {

enum class Place : int { free, written, full };

struct CpuSample {
  std::atomic<Place> place{Place::free};
  std::size_t depth = 0;
  std::array<void*, 64> frames{};
};

// Reached from a signal's handler, and there for as long as the program: a signal that was on its way when a profile
// ended finds them.
std::array<CpuSample, 2048> cpu_samples;
std::atomic<std::size_t> next_cpu_sample{0};
std::atomic<bool> cpu_profile_under_way{false};

void on_cpu_time(int, siginfo_t*, void* context) {
  const int saved = errno;
  CpuSample& sample = cpu_samples[next_cpu_sample.fetch_add(1) % cpu_samples.size()];
  Place expected = Place::free;
  if (cpu_profile_under_way.load() && sample.place.compare_exchange_strong(expected, Place::written)) {
    sample.depth = walk_interrupted_stack(sample.frames, context);
    sample.place.store(Place::full);
  }
  errno = saved;
}

void interrupt_every(std::chrono::microseconds cpu_time) {
  const timeval period{.tv_sec = 0, .tv_usec = cpu_time.count()};
  const itimerval timer{.it_interval = period, .it_value = period};
  setitimer(ITIMER_PROF, &timer, nullptr);
}

}  // namespace

std::unique_ptr<CpuProfile> CpuProfile::start() {
  if (cpu_profile_under_way.exchange(true)) return nullptr;
  // The first walk has the linker resolve what it calls: better here than in a handler.
  std::array<void*, 4> frames{};
  walk_stack(frames);
  // Stays for ever: a signal that comes after the profile's end would end the program otherwise.
  struct sigaction action {};
  action.sa_sigaction = on_cpu_time;
  action.sa_flags = SA_RESTART | SA_SIGINFO;
  sigemptyset(&action.sa_mask);
  sigaction(SIGPROF, &action, nullptr);
  std::unique_ptr<CpuProfile> profile(new CpuProfile());
  profile->collect();  // what came too late for the one before
  profile->stacks_.clear();
  interrupt_every(kPeriod);
  return profile;
}

CpuProfile::~CpuProfile() {
  interrupt_every({});
  cpu_profile_under_way.store(false);
}

void CpuProfile::collect() {
  for (CpuSample& sample : cpu_samples) {
    if (sample.place.load() != Place::full) continue;
    std::vector<std::uintptr_t> stack;
    for (std::size_t i = 0; i < sample.depth; ++i) stack.push_back(reinterpret_cast<std::uintptr_t>(sample.frames[i]));
    sample.place.store(Place::free);
    ++stacks_[std::move(stack)];
  }
}

}  // namespace gauntlet::base::admin
