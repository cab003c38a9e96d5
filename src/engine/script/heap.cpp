#include "engine/script/heap.hpp"

#include <malloc.h>
#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace gauntlet::engine::script {

/// Before each block. `size_class` is kFromMalloc where the block is malloc's.
struct Heap::Header {
  static constexpr std::uint32_t kFromMalloc = 0xffffffff;
  std::uint32_t size_class;
  std::uint32_t unused;

  static Header* of(void* block) { return static_cast<Header*>(block) - 1; }
  static const Header* of(const void* block) { return static_cast<const Header*>(block) - 1; }
  void* block() { return this + 1; }
};

Heap::Heap() : arenas_(JS_NewSharedArenas(&functions(), this)) {}

Heap::~Heap() {
  JS_FreeSharedArenas(arenas_, &functions(), this);
  assert(blocks_ == 0);
  for (void* mapping : mappings_) munmap(mapping, kMappingBytes);
}

Heap& Heap::of_thread() {
  thread_local Heap heap;
  return heap;
}

#if defined(__SANITIZE_ADDRESS__)
FailingAllocations& FailingAllocations::of_thread() {
  thread_local FailingAllocations failing;
  return failing;
}

namespace {

bool may_allocate() {
  FailingAllocations& failing = FailingAllocations::of_thread();
  ++failing.seen;
  if (failing.count == 0) return true;
  if (failing.until > 0) return --failing.until, true;
  --failing.count;
  return false;
}

/// malloc's, whose blocks AddressSanitizer watches one by one.
constexpr JSMallocFunctions kWatched{
    .js_calloc = [](void*, std::size_t count, std::size_t size) { return may_allocate() ? std::calloc(count, size) : nullptr; },
    .js_malloc = [](void*, std::size_t size) { return may_allocate() ? std::malloc(size) : nullptr; },
    .js_free = [](void*, void* block) { std::free(block); },
    .js_realloc = [](void*, void* block, std::size_t size) { return may_allocate() ? std::realloc(block, size) : nullptr; },
    .js_malloc_usable_size = [](const void* block) { return malloc_usable_size(const_cast<void*>(block)); },
};

}  // namespace
#endif

JSRuntime* Heap::new_runtime(JSRuntime* base) {
#if defined(__SANITIZE_ADDRESS__)
  return JS_NewRuntimeOn(base, &kWatched, nullptr, nullptr);
#else
  return JS_NewRuntimeOn(base, &functions(), this, arenas_);
#endif
}

JSRuntime* Heap::new_base() {
#if defined(__SANITIZE_ADDRESS__)
  return JS_NewRuntime();
#else
  return new_runtime();
#endif
}

bool Heap::map() {
  // Huge pages begin at multiples of their size: map one more than is needed, then cut off what sticks out.
  void* const raw =
      mmap(nullptr, kMappingBytes + kHugePageBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (raw == MAP_FAILED) return false;
  auto* const begin = static_cast<std::byte*>(raw);
  const std::size_t lead = (kHugePageBytes - reinterpret_cast<std::uintptr_t>(raw) % kHugePageBytes) % kHugePageBytes;
  if (lead != 0) munmap(begin, lead);
  munmap(begin + lead + kMappingBytes, kHugePageBytes - lead);
  madvise(begin + lead, kMappingBytes, MADV_HUGEPAGE);
  mappings_.push_back(begin + lead);
  keep(next_, end_);
  next_ = begin + lead;
  end_ = next_ + kMappingBytes;
  return true;
}

std::size_t Heap::class_of(std::size_t total) {
  if (total <= 2048) return (total + 63) / 64 - 1;
  const auto power = static_cast<std::size_t>(std::bit_width(total - 1)) - 1;
  return 32 + (power - 11) * 8 + ((total - 1) >> (power - 3)) - 8;
}

std::size_t Heap::class_bytes(std::size_t size_class) {
  if (size_class < 32) return (size_class + 1) * 64;
  const std::size_t beyond = size_class - 32;
  return (beyond % 8 + 9) << (beyond / 8 + 8);
}

/// What is left of something that was cut up does for smaller blocks.
void Heap::keep(std::byte* begin, std::byte* end) {
  while (end - begin >= 64) {
    std::size_t size_class = kClasses - 1;
    const auto rest = static_cast<std::size_t>(end - begin);
    while (class_bytes(size_class) > rest) --size_class;
    auto* const header = reinterpret_cast<Header*>(begin);
    begin += class_bytes(size_class);
    header->size_class = static_cast<std::uint32_t>(size_class);
    auto* const free = static_cast<Free*>(header->block());
    free->next = free_[size_class];
    free_[size_class] = free;
  }
}

/// A free block at least twice as big, taken off its list, or nullptr.
std::byte* Heap::free_block_to_cut(std::size_t bytes) {
  for (std::size_t size_class = bytes > kMaxBlock / 2 ? kClasses : class_of(2 * bytes); size_class < kClasses; ++size_class) {
    if (free_[size_class] == nullptr) continue;
    Free* const block = std::exchange(free_[size_class], free_[size_class]->next);
    return reinterpret_cast<std::byte*>(Header::of(static_cast<void*>(block)));
  }
  return nullptr;
}

/// A new block, or nullptr when there is no memory.
Heap::Header* Heap::cut(std::size_t size_class) {
  const std::size_t bytes = class_bytes(size_class);
  std::byte* from = free_block_to_cut(bytes);
  if (from != nullptr) {
    keep(from + bytes, from + class_bytes(reinterpret_cast<Header*>(from)->size_class));
  } else {
    if (static_cast<std::size_t>(end_ - next_) < bytes && !map()) return nullptr;
    from = std::exchange(next_, next_ + bytes);
  }
  auto* const header = reinterpret_cast<Header*>(from);
  header->size_class = static_cast<std::uint32_t>(size_class);
  return header;
}

void* Heap::allocate(std::size_t size) {
  const std::size_t total = size + sizeof(Header);
  if (total <= kMaxBlock) {
    const std::size_t size_class = class_of(total);
    if (Free* const free = free_[size_class]) {
      free_[size_class] = free->next;
      ++blocks_;
      return free;
    }
    if (Header* const header = cut(size_class)) {
      ++blocks_;
      return header->block();
    }
  }
  auto* const header = static_cast<Header*>(std::malloc(total));
  if (header == nullptr) return nullptr;
  header->size_class = Header::kFromMalloc;
  return header->block();
}

void* Heap::allocate_zeroed(std::size_t size) {
  if (size + sizeof(Header) <= kMaxBlock) {
    void* const block = allocate(size);
    return block == nullptr ? nullptr : std::memset(block, 0, size);
  }
  auto* const header = static_cast<Header*>(std::calloc(1, size + sizeof(Header)));
  if (header == nullptr) return nullptr;
  header->size_class = Header::kFromMalloc;
  return header->block();
}

void Heap::release(void* block) {
  if (block == nullptr) return;
  Header* const header = Header::of(block);
  if (header->size_class == Header::kFromMalloc) return std::free(header);
  --blocks_;
  auto* const free = static_cast<Free*>(block);
  free->next = free_[header->size_class];
  free_[header->size_class] = free;
}

void* Heap::resize(void* block, std::size_t size) {
  if (block == nullptr) return allocate(size);
  Header* const header = Header::of(block);
  if (header->size_class == Header::kFromMalloc) {
    auto* const moved = static_cast<Header*>(std::realloc(header, size + sizeof(Header)));
    return moved == nullptr ? nullptr : moved->block();
  }
  const std::size_t old = usable(block);
  if (size <= old && 2 * size >= old) return block;
  void* const moved = allocate(size);
  if (moved == nullptr) return nullptr;
  std::memcpy(moved, block, std::min(old, size));
  release(block);
  return moved;
}

std::size_t Heap::usable(const void* block) {
  if (block == nullptr) return 0;
  const Header* const header = Header::of(block);
  const std::size_t total =
      header->size_class == Header::kFromMalloc ? malloc_usable_size(const_cast<Header*>(header)) : class_bytes(header->size_class);
  return total - sizeof(Header);
}

const JSMallocFunctions& Heap::functions() {
  static constexpr JSMallocFunctions kFunctions{
      .js_calloc = [](void* heap, std::size_t count, std::size_t size) { return static_cast<Heap*>(heap)->allocate_zeroed(count * size); },
      .js_malloc = [](void* heap, std::size_t size) { return static_cast<Heap*>(heap)->allocate(size); },
      .js_free = [](void* heap, void* block) { static_cast<Heap*>(heap)->release(block); },
      .js_realloc = [](void* heap, void* block, std::size_t size) { return static_cast<Heap*>(heap)->resize(block, size); },
      .js_malloc_usable_size = &Heap::usable,
  };
  return kFunctions;
}

}  // namespace gauntlet::engine::script
