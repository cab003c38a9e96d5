#include "base/admin/thread_stacks.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <sstream>
#include <thread>

#include "base/admin/stack_walk.hpp"

namespace gauntlet::base::admin {
namespace {

constexpr std::size_t kMaxFrames = 64;
constexpr std::chrono::milliseconds kPatience{100};

/// Where the interrupted thread leaves its stack. The ticket tells a late answer from the one waited for.
struct Slot {
  std::atomic<int> wanted{0};  // thread id asked; 0: nobody
  std::atomic<int> answered{0};
  std::array<void*, kMaxFrames> frames{};
  std::size_t count = 0;
};
Slot slot;

int this_thread() { return static_cast<int>(syscall(SYS_gettid)); }

void on_signal(int, siginfo_t*, void* context) {
  const int saved = errno;
  int expected = this_thread();
  const int id = expected;
  if (slot.wanted.compare_exchange_strong(expected, 0)) {
    slot.count = walk_interrupted_stack(slot.frames, context);
    slot.answered.store(id);
  }
  errno = saved;
}

int stack_signal() { return SIGRTMIN + 5; }

void install_handler() {
  // The first walk has the linker resolve what it calls: better here than in the handler.
  std::array<void*, 4> frames{};
  walk_stack(frames);
  struct sigaction action {};
  action.sa_sigaction = on_signal;
  action.sa_flags = SA_RESTART | SA_SIGINFO;
  sigemptyset(&action.sa_mask);
  sigaction(stack_signal(), &action, nullptr);
}

std::string state_in_words(char letter) {
  switch (letter) {
    case 'R': return "running";
    case 'S': return "sleeping";
    case 'D': return "waiting for a disk";
    case 'T':
    case 't': return "stopped";
    default: return std::string(1, letter);
  }
}

ThreadStack describe(int id) {
  ThreadStack stack;
  stack.id = id;
  const std::string folder = "/proc/self/task/" + std::to_string(id);
  std::ifstream comm(folder + "/comm");
  std::getline(comm, stack.name);
  std::string line;
  std::ifstream stat(folder + "/stat");
  std::getline(stat, line);
  if (const std::size_t end = line.rfind(')'); end != std::string::npos && end + 2 < line.size()) {
    stack.state = state_in_words(line[end + 2]);
  }
  return stack;
}

void keep_frames(ThreadStack& stack, std::span<void* const> frames) {
  for (const void* frame : frames) stack.frames.push_back(reinterpret_cast<std::uintptr_t>(frame));
}

void interrupt(ThreadStack& stack) {
  slot.answered.store(0);
  slot.wanted.store(stack.id);
  if (syscall(SYS_tgkill, getpid(), stack.id, stack_signal()) != 0) {
    slot.wanted.store(0);
    return;
  }
  const auto give_up = std::chrono::steady_clock::now() + kPatience;
  bool asked = true;
  while (slot.answered.load() != stack.id) {
    if (asked && std::chrono::steady_clock::now() > give_up) {
      // Withdrawn, unless its handler has begun: then it is certain to end soon.
      int expected = stack.id;
      if (slot.wanted.compare_exchange_strong(expected, 0)) return;
      asked = false;
    }
    std::this_thread::sleep_for(std::chrono::microseconds(20));
  }
  keep_frames(stack, std::span(slot.frames).first(slot.count));
}

}  // namespace

std::vector<ThreadStack> thread_stacks() {
  static std::mutex one_at_a_time;
  const std::lock_guard lock(one_at_a_time);
  static const bool installed = (install_handler(), true);
  static_cast<void>(installed);
  std::vector<ThreadStack> stacks;
  std::error_code error;
  for (auto entry = std::filesystem::directory_iterator("/proc/self/task", error); !error && entry != std::filesystem::directory_iterator();
       entry.increment(error)) {
    stacks.push_back(describe(std::atoi(entry->path().filename().c_str())));
  }
  for (ThreadStack& stack : stacks) {
    if (stack.id != this_thread()) {
      interrupt(stack);
      continue;
    }
    std::array<void*, kMaxFrames> frames{};
    keep_frames(stack, std::span(frames).first(walk_stack(frames)));
  }
  return stacks;
}

}  // namespace gauntlet::base::admin
