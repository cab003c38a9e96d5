#pragma once
// Fibers: functions with a stack of their own that can stop in the middle and go on later, so that a script's
// `http.get()` looks synchronous while its thread serves a thousand others. Each virtual user has one.
//
//   fiber::StackPool stacks;                       // one a thread
//   fiber::Fiber user(stacks, [&] { ... });        // not started yet
//   user.resume();                                 // runs until the body suspends or returns
//
// Inside a fiber, a native waits for something that the event loop will bring:
//
//   fiber::Awaited<Reply> reply;
//   client.call(request, [&](Reply r) { reply.complete(std::move(r)); });
//   std::optional<Reply> got = reply.wait();
//   if (!got) { client.cancel(); ... }             // interrupted: the callback must not come any more
//
// A fiber belongs to the thread that first resumed it; nothing here may be called from another thread. No C++
// exception may leave a fiber's body.
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

namespace gauntlet::engine::fiber {

/// The memory range of one fiber's stack; stacks grow down from `top`.
struct Stack {
  std::byte* bottom = nullptr;
  std::size_t size = 0;
  std::byte* top() const { return bottom + size; }
};

/// Stacks of one thread, mapped in slabs of kStacksPerSlab, each above a guard page. A page of a stack takes memory
/// only once it has been touched; a stack that is given back keeps its touched pages for the next taker. Not thread-safe.
class StackPool {
 public:
  static constexpr std::size_t kStackBytes = 256 * 1024;
  static constexpr std::size_t kStacksPerSlab = 64;

  StackPool() = default;
  /// All stacks must have been given back.
  ~StackPool();
  StackPool(const StackPool&) = delete;
  StackPool& operator=(const StackPool&) = delete;

  /// Aborts the program when the kernel has no address space left.
  Stack take();
  void give_back(Stack stack);

 private:
  void map_slab();

  std::vector<void*> slabs_;
  std::vector<Stack> free_;
  std::size_t taken_ = 0;
  std::size_t mapped_guards_ = 0;
};

class Fiber {
 public:
  using Body = std::function<void()>;

  /// `stacks` must outlive the fiber. Nothing runs before resume().
  Fiber(StackPool& stacks, Body body);
  /// The body must have returned, or never have been started.
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  /// The fiber that is running, or nullptr in the thread's own stack.
  static Fiber* current();
  /// Runs the body from where it stopped until it suspends or returns. Not for the current fiber, nor a finished one.
  void resume();
  /// Inside a fiber: goes back to whoever resumed it.
  static void suspend();

  bool started() const { return started_; }
  bool finished() const { return finished_; }
  const Stack& stack() const { return stack_; }
  /// A pointer that belongs to whatever the fiber is in the middle of; set_local() gives back the one before.
  void* local() const { return local_; }
  void* set_local(void* local) { return std::exchange(local_, local); }

  /// Makes the wait() in which the fiber is suspended (and each later one) return empty-handed, until
  /// clear_interrupt(). Called on the fiber's thread; a waiting fiber runs before this returns.
  void interrupt();
  bool interrupted() const { return interrupted_; }
  void clear_interrupt() { interrupted_ = false; }

 private:
  template <class T>
  friend class Awaited;
  struct Switch;  // the sanitizers' view of a switch

  static void enter(void* transfer);
  /// suspend() that interrupt() may end.
  void park();

  StackPool& stacks_;
  Body body_;
  Stack stack_;
  void* local_ = nullptr;
  void* context_ = nullptr;          // where to jump to go on
  void* resumer_context_ = nullptr;  // where to jump to go back
  Fiber* resumer_ = nullptr;         // the fiber (if any) that resumed this one
  bool started_ = false;
  bool finished_ = false;
  bool running_ = false;
  bool parked_ = false;
  bool interrupted_ = false;
  // Fake stacks and fiber handles of AddressSanitizer and ThreadSanitizer; null without them.
  void* sanitizer_fiber_ = nullptr;
  void* sanitizer_resumer_ = nullptr;
  void* fake_stack_ = nullptr;
  void* resumer_fake_stack_ = nullptr;
  const void* resumer_stack_bottom_ = nullptr;
  std::size_t resumer_stack_size_ = 0;
};

/// A one-shot wait for a value that a callback brings. Lives on the waiting fiber's stack.
template <class T = std::monostate>
class Awaited {
 public:
  Awaited() : fiber_(Fiber::current()) { assert(fiber_ != nullptr); }
  Awaited(const Awaited&) = delete;
  Awaited& operator=(const Awaited&) = delete;

  /// Once, on the fiber's thread, before or while it waits. When it waits it goes on running at once and this returns
  /// when it suspends again: call it as the last thing, with the caller's own state in order.
  void complete(T value = {}) {
    assert(!value_.has_value());
    value_.emplace(std::move(value));
    if (waiting_) fiber_->resume();
  }

  /// The value, or nothing when the fiber was interrupted: then the operation must be cancelled so that complete()
  /// is not called on an object that is gone.
  std::optional<T> wait() {
    assert(Fiber::current() == fiber_);
    waiting_ = true;
    while (!value_.has_value() && !fiber_->interrupted()) fiber_->park();
    waiting_ = false;
    return std::move(value_);
  }

 private:
  Fiber* fiber_;
  std::optional<T> value_;
  bool waiting_ = false;
};

}  // namespace gauntlet::engine::fiber
