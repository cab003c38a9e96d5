#pragma once
// What every thread of this process is doing now: name and call stack.
#include <cstdint>
#include <string>
#include <vector>

namespace gauntlet::base::admin {

struct ThreadStack {
  int id = 0;                          // the kernel's thread id, as top -H shows it
  std::string name;                    // as name_this_thread() set it
  std::string state;                   // the kernel's letter in words: "running", "sleeping", "waiting for a disk"
  std::vector<std::uintptr_t> frames;  // innermost first; empty when the thread did not answer in time
};

/// Interrupts one thread after the other with a real-time signal whose handler walks the stack; each is held up for
/// some microseconds, and waited for 100 ms at most (a thread in a disk wait does not answer). One caller at a time.
std::vector<ThreadStack> thread_stacks();

}  // namespace gauntlet::base::admin
