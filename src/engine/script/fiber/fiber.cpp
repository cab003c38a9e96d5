#include "engine/script/fiber/fiber.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <boost/context/detail/fcontext.hpp>
#include <cstdio>
#include <cstdlib>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

namespace gauntlet::engine::fiber {
namespace {

namespace context = boost::context::detail;

std::size_t page_bytes() {
  static const std::size_t bytes = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return bytes;
}

thread_local Fiber* current_fiber = nullptr;

/// MADV_GUARD_INSTALL of Linux 6.13 (madvise(2)), which the headers of older systems do not name.
constexpr int kInstallGuard = 102;
/// How many guard pages may each be a mapping of their own. vm.max_map_count is 65,530, and every one makes two.
constexpr std::size_t kMostMappedGuards = 20'000;
std::atomic<std::size_t> mapped_guards = 0;  // of all threads, those beyond the most included

/// Makes every access to the page a fault. Since Linux 6.13 that needs no mapping; before, each guard splits one in two, and
/// beyond kMostMappedGuards the page stays as it is: QuickJS checks its own depth well before the end of a stack, so that
/// the guard is a second line only. Returns how many guards it counted as mappings, 0 or 1.
std::size_t guard_page(std::byte* page) {
  if (madvise(page, page_bytes(), kInstallGuard) == 0) return 0;
  if (mapped_guards.fetch_add(1, std::memory_order_relaxed) < kMostMappedGuards) mprotect(page, page_bytes(), PROT_NONE);
  return 1;
}

}  // namespace

StackPool::~StackPool() {
  assert(taken_ == 0);
  const std::size_t slab_bytes = kStacksPerSlab * (kStackBytes + page_bytes());
  for (void* slab : slabs_) munmap(slab, slab_bytes);
  mapped_guards.fetch_sub(mapped_guards_, std::memory_order_relaxed);
}

void StackPool::map_slab() {
  const std::size_t slot_bytes = kStackBytes + page_bytes();
  void* slab =
      mmap(nullptr, kStacksPerSlab * slot_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (slab == MAP_FAILED) {
    std::perror("fatal: no address space for another virtual user's stack (ulimit -v, or too many virtual users)");
    std::abort();
  }
  // A huge page would make the first touch of a stack cost 2 MB.
  madvise(slab, kStacksPerSlab * slot_bytes, MADV_NOHUGEPAGE);
  slabs_.push_back(slab);
  for (std::size_t i = 0; i < kStacksPerSlab; ++i) {
    std::byte* guard = static_cast<std::byte*>(slab) + i * slot_bytes;
    mapped_guards_ += guard_page(guard);
    free_.push_back(Stack{guard + page_bytes(), kStackBytes});
  }
}

Stack StackPool::take() {
  if (free_.empty()) map_slab();
  const Stack stack = free_.back();
  free_.pop_back();
  ++taken_;
  return stack;
}

void StackPool::give_back(Stack stack) {
#if defined(__SANITIZE_ADDRESS__)
  __asan_unpoison_memory_region(stack.bottom, stack.size);
#endif
  free_.push_back(stack);
  --taken_;
}

/// What the sanitizers must be told around each jump; nothing in other builds.
struct Fiber::Switch {
  static void before_resume([[maybe_unused]] Fiber& fiber) {
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(&fiber.resumer_fake_stack_, fiber.stack_.bottom, fiber.stack_.size);
#endif
#if defined(__SANITIZE_THREAD__)
    fiber.sanitizer_resumer_ = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(fiber.sanitizer_fiber_, 0);
#endif
  }
  static void after_return_to_resumer([[maybe_unused]] Fiber& fiber) {
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(fiber.resumer_fake_stack_, nullptr, nullptr);
#endif
  }
  static void after_entry([[maybe_unused]] Fiber& fiber) {
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(fiber.fake_stack_, &fiber.resumer_stack_bottom_, &fiber.resumer_stack_size_);
#endif
  }
  static void before_suspend([[maybe_unused]] Fiber& fiber) {
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(fiber.finished_ ? nullptr : &fiber.fake_stack_, fiber.resumer_stack_bottom_, fiber.resumer_stack_size_);
#endif
#if defined(__SANITIZE_THREAD__)
    __tsan_switch_to_fiber(fiber.sanitizer_resumer_, 0);
#endif
  }
};

Fiber::Fiber(StackPool& stacks, Body body) : stacks_(stacks), body_(std::move(body)), stack_(stacks.take()) {
  context_ = context::make_fcontext(stack_.top(), stack_.size, [](context::transfer_t transfer) { enter(&transfer); });
#if defined(__SANITIZE_THREAD__)
  sanitizer_fiber_ = __tsan_create_fiber(0);
#endif
}

Fiber::~Fiber() {
  assert(finished_ || !started_);
#if defined(__SANITIZE_THREAD__)
  __tsan_destroy_fiber(sanitizer_fiber_);
#endif
  stacks_.give_back(stack_);
}

Fiber* Fiber::current() { return current_fiber; }

void Fiber::enter(void* transfer) {
  const auto& arrival = *static_cast<context::transfer_t*>(transfer);
  Fiber& self = *static_cast<Fiber*>(arrival.data);
  self.resumer_context_ = arrival.fctx;
  Switch::after_entry(self);
  self.body_();
  self.finished_ = true;
  Switch::before_suspend(self);
  context::jump_fcontext(self.resumer_context_, nullptr);
}

void Fiber::resume() {
  assert(!running_ && !finished_);
  started_ = true;
  running_ = true;
  resumer_ = current_fiber;
  current_fiber = this;
  Switch::before_resume(*this);
  const context::transfer_t back = context::jump_fcontext(context_, this);
  context_ = back.fctx;
  Switch::after_return_to_resumer(*this);
  current_fiber = resumer_;
  running_ = false;
}

void Fiber::suspend() {
  assert(current_fiber != nullptr);
  Fiber& self = *current_fiber;
  Switch::before_suspend(self);
  const context::transfer_t back = context::jump_fcontext(self.resumer_context_, nullptr);
  self.resumer_context_ = back.fctx;
  Switch::after_entry(self);
}

void Fiber::park() {
  parked_ = true;
  suspend();
  parked_ = false;
}

void Fiber::interrupt() {
  interrupted_ = true;
  if (parked_ && !running_) resume();
}

}  // namespace gauntlet::engine::fiber
