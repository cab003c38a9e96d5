#pragma once
// Coroutines of a loop's thread, so that a story of several answers reads top-down.
//
//   Task<Expected<int>> total(Store& store) {
//     const auto a = co_await store.count("a");      // another Task
//     if (!a) co_return tl::unexpected(a.error());
//     co_return *a + 1;
//   }
//   start(total(store), [](Expected<int> total) { ... });
//
// Everything runs on one loop's thread; nothing here is thread-safe. A Task starts when it is awaited or started, and
// must be. Parameters of coroutines are taken by value unless what they refer to outlives the whole story. No `?:` in
// the operand of co_await, and no lambda there that captures by value: g++ 12 destroys such temporaries twice.
#include <coroutine>
#include <exception>
#include <functional>
#include <optional>
#include <utility>

namespace gauntlet::base {

template <class T>
class [[nodiscard]] Task {
 public:
  struct promise_type {
    std::optional<T> value;
    std::coroutine_handle<> continuation;

    Task get_return_object() { return Task(Handle::from_promise(*this)); }
    std::suspend_always initial_suspend() noexcept { return {}; }
    auto final_suspend() noexcept {
      struct Resume {
        bool await_ready() noexcept { return false; }
        std::coroutine_handle<> await_suspend(Handle finished) noexcept { return finished.promise().continuation; }
        void await_resume() noexcept {}
      };
      return Resume{};
    }
    template <class U>
    void return_value(U&& result) {
      value.emplace(std::forward<U>(result));
    }
    void unhandled_exception() { std::terminate(); }  // errors are values here
  };
  using Handle = std::coroutine_handle<promise_type>;

  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task& operator=(Task&&) = delete;
  ~Task() {
    if (handle_) handle_.destroy();
  }

  bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiting) noexcept {
    handle_.promise().continuation = awaiting;
    return handle_;
  }
  T await_resume() { return std::move(*handle_.promise().value); }

 private:
  explicit Task(Handle handle) : handle_(handle) {}
  Handle handle_;
};

/// Runs `task` until it is done and hands its result to `done`; it owns itself meanwhile.
template <class T, class Done>
void start(Task<T> task, Done done) {
  struct Detached {
    struct promise_type {
      Detached get_return_object() { return {}; }
      std::suspend_never initial_suspend() noexcept { return {}; }
      std::suspend_never final_suspend() noexcept { return {}; }
      void return_void() {}
      void unhandled_exception() { std::terminate(); }
    };
  };
  [](Task<T> running, Done when_done) -> Detached { when_done(co_await running); }(std::move(task), std::move(done));
}

/// Awaits something that reports through a callback: `begin` is given the callback and must see to it that it is called
/// once, at once or later on this thread.
///
///   const auto result = co_await callback_of<Expected<Result>>([&](auto done) { pool.execute(s, p,
///   std::move(done)); });
template <class T, class Begin>
auto callback_of(Begin begin) {
  struct Awaiting {
    Begin begin;
    std::optional<T> value;
    std::coroutine_handle<> waiting;

    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> handle) {
      begin([this](T result) {
        value.emplace(std::move(result));
        if (waiting) waiting.resume();
      });
      if (value) return false;  // it was called at once: go on without suspending
      waiting = handle;
      return true;
    }
    T await_resume() { return std::move(*value); }
  };
  return Awaiting{std::move(begin), std::nullopt, nullptr};
}

}  // namespace gauntlet::base
