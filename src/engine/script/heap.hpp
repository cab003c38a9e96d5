#pragma once
// Where the JavaScript of a thread's virtual users lives. A runtime makes some two thousand small blocks when it starts and
// touches many of them in every iteration. With a thousand virtual users little of that is in a cache when its turn comes,
// and each page costs a walk through the page tables as well. So all runtimes of a thread share one heap in huge pages:
// what a runtime makes as it starts lies together, what one drops at the end of its turn is still in the cache when the
// next one takes it, and the kernel brings in 512 pages with one fault.
//
//   script::Heap& heap = script::Heap::of_thread();
//   JSRuntime* runtime = heap.new_runtime();
//   ...
//   JS_FreeRuntime(runtime);    // on the same thread
#include <quickjs.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace gauntlet::engine::script {

/// Blocks of a few sizes, cut off one after the other from mappings that ask the kernel for huge pages (and do without
/// where it has none), and kept by size once freed; what is free of a much larger size is cut up before more is taken.
/// Bigger blocks come from malloc. The memory goes back to the kernel with the thread. Not thread-safe.
class Heap {
 public:
  static constexpr std::size_t kHugePageBytes = std::size_t{2} << 20;
  /// The biggest block that is not malloc's, its header of 8 bytes included.
  static constexpr std::size_t kMaxBlock = 16 * 1024;

  Heap();
  /// All blocks must have been released.
  ~Heap();
  Heap(const Heap&) = delete;
  Heap& operator=(const Heap&) = delete;

  static Heap& of_thread();

  /// A runtime whose memory is here, all but its small blocks in arenas that it shares; built on `base` unless that is nullptr.
  /// nullptr when there is no memory.
  JSRuntime* new_runtime(JSRuntime* base = nullptr);

  /// A runtime on which others are built; FailingAllocations do not touch it.
  JSRuntime* new_base();

  /// Aligned to 8 bytes; nullptr when there is no memory.
  void* allocate(std::size_t size);
  void* allocate_zeroed(std::size_t size);
  void release(void* block);
  void* resize(void* block, std::size_t size);
  /// At least what was asked for.
  static std::size_t usable(const void* block);

  /// Of mappings, as far as blocks have ever been cut off.
  std::size_t used_bytes() const { return mappings_.size() * kMappingBytes - static_cast<std::size_t>(end_ - next_); }

 private:
  static constexpr std::size_t kMappingBytes = 16 * kHugePageBytes;
  /// 64 bytes apart up to 2,048, then eight to a power of two.
  static constexpr std::size_t kClasses = 56;
  struct Header;
  struct Free {
    Free* next;
  };
  static std::size_t class_of(std::size_t total);
  static std::size_t class_bytes(std::size_t size_class);
  static const JSMallocFunctions& functions();

  Header* cut(std::size_t size_class);
  std::byte* free_block_to_cut(std::size_t bytes);
  void keep(std::byte* begin, std::byte* end);
  bool map();

  std::array<Free*, kClasses> free_{};
  std::byte* next_ = nullptr;  // of the newest mapping: what has never been cut off
  std::byte* end_ = nullptr;
  std::vector<void*> mappings_;
  std::size_t blocks_ = 0;  // not malloc's, and not released
  JSSharedArenas* arenas_;
};

#if defined(__SANITIZE_ADDRESS__)
/// For tests: where the runtimes of a thread find no memory. Each of their blocks is an allocation of its own here.
struct FailingAllocations {
  std::uint64_t until = 0;  ///< allocations that succeed before
  std::uint64_t count = 0;  ///< allocations that then fail; later ones succeed
  std::uint64_t seen = 0;   ///< all so far

  static FailingAllocations& of_thread();
};
#endif

}  // namespace gauntlet::engine::script
