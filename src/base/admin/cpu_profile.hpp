#pragma once
// Where the process spends its CPU time: the kernel interrupts whichever thread runs, every 10 ms of the process' CPU
// time (of all threads together), and the handler leaves that thread's stack. It takes no lock, waits for nobody and
// allocates nothing (stack_walk.hpp), so that it does no harm wherever the thread was.
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

namespace gauntlet::base::admin {

/// How often each stack was seen; innermost first, all behind the first are return addresses.
using StackCounts = std::map<std::vector<std::uintptr_t>, std::int64_t>;

/// One at a time in a process, of one thread; its end stops the timer.
class CpuProfile {
 public:
  static constexpr std::chrono::milliseconds kPeriod{10};  // of CPU time
  /// collect() is to be called this often: handlers have room for the samples of 200 busy cores by then. More are lost.
  static constexpr std::chrono::milliseconds kCollectEvery{100};

  /// Null when another is under way.
  static std::unique_ptr<CpuProfile> start();
  ~CpuProfile();
  CpuProfile(const CpuProfile&) = delete;
  CpuProfile& operator=(const CpuProfile&) = delete;

  /// Takes over what the handlers have left.
  void collect();
  /// What has been collected.
  const StackCounts& stacks() const { return stacks_; }

 private:
  CpuProfile() = default;
  StackCounts stacks_;
};

}  // namespace gauntlet::base::admin
