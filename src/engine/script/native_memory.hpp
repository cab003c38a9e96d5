#pragma once
// Memory outside of QuickJS's heap that lives as long as an object of the script: it counts towards the heap limit (option
// maxHeapBytes), or a script that keeps every response would eat the machine with a heap that looks small.
//
//   struct Page { std::string text; script::NativeMemory memory; };
//   if (!page->memory.charge(context, page->text.capacity())) return JS_EXCEPTION;
#include <quickjs.h>

#include <cstddef>
#include <utility>

namespace gauntlet::engine::script {

/// What is counted for one owner; given back when it goes. Must be gone before its runtime is.
class NativeMemory {
 public:
  NativeMemory() = default;
  NativeMemory(NativeMemory&& other) noexcept : runtime_(std::exchange(other.runtime_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  NativeMemory& operator=(NativeMemory&& other) noexcept {
    std::swap(runtime_, other.runtime_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~NativeMemory();

  /// Counts `bytes` more. Where that is more than the limit, even after a garbage collection, nothing is counted and
  /// the answer is false: the error that names the option is pending.
  [[nodiscard]] bool charge(JSContext* context, std::size_t bytes);

 private:
  JSRuntime* runtime_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace gauntlet::engine::script
