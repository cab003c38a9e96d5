#include "base/admin/allocation_profile.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "base/admin/stack_walk.hpp"

namespace gauntlet::base::admin {
namespace {

constexpr std::size_t kSamplesMax = 65'536;  // 32 GiB of allocations; what comes after is left out
constexpr std::size_t kDepth = 40;

using Hook = void (*)(const void*, std::size_t);
using Register = int (*)(Hook);

struct Library {
  Register add = reinterpret_cast<Register>(dlsym(RTLD_DEFAULT, "MallocHook_AddNewHook"));
  Register remove = reinterpret_cast<Register>(dlsym(RTLD_DEFAULT, "MallocHook_RemoveNewHook"));
};

const Library& library() {
  static const Library found;
  return found;
}

struct Sample {
  std::atomic<std::size_t> bytes{0};  // written last: 0 while the rest is not there
  std::size_t depth = 0;
  std::array<void*, kDepth> frames{};
};

// Reached from a hook, which gets no argument of ours. The samples stay allocated, so that a hook that is still running
// when the profile ends writes where it may.
std::vector<Sample>* samples = nullptr;
std::atomic<std::size_t> sample_count{0};
std::atomic<bool> running{false};

/// Distances between samples are exponential, so that no pattern of sizes hides from them.
std::int64_t next_distance() {
  thread_local std::uint64_t state = 0;
  if (state == 0) state = reinterpret_cast<std::uintptr_t>(&state) | 1;
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  const double uniform = (static_cast<double>(state >> 11) + 1) / 9007199254740993.0;
  return static_cast<std::int64_t>(-std::log(uniform) * static_cast<double>(kBytesPerSample));
}

/// Must not allocate.
void on_allocation(const void* memory, std::size_t bytes) {
  thread_local std::int64_t until_sample = next_distance();
  if (memory == nullptr || (until_sample -= static_cast<std::int64_t>(bytes)) > 0) return;
  until_sample = next_distance();
  const std::size_t index = sample_count.fetch_add(1, std::memory_order_relaxed);
  if (index >= kSamplesMax) return;
  Sample& sample = (*samples)[index];
  sample.depth = walk_stack(sample.frames);
  sample.bytes.store(bytes, std::memory_order_release);
}

}  // namespace

bool AllocationProfile::is_supported() { return library().add != nullptr && library().remove != nullptr; }

std::unique_ptr<AllocationProfile> AllocationProfile::start() {
  if (running.exchange(true)) return nullptr;
  if (samples == nullptr) samples = std::make_unique<std::vector<Sample>>(kSamplesMax).release();
  for (std::size_t i = 0; i < std::min(sample_count.load(), kSamplesMax); ++i) (*samples)[i].bytes = 0;
  sample_count = 0;
  library().add(&on_allocation);
  return std::unique_ptr<AllocationProfile>(new AllocationProfile());
}

AllocationProfile::~AllocationProfile() {
  library().remove(&on_allocation);
  running = false;
}

std::string AllocationProfile::text() const {
  struct Total {
    std::size_t objects = 0;
    std::size_t bytes = 0;
  };
  std::map<std::vector<void*>, Total> by_stack;
  Total all;
  for (std::size_t i = 0; i < std::min(sample_count.load(), kSamplesMax); ++i) {
    const Sample& sample = (*samples)[i];
    const std::size_t bytes = sample.bytes.load(std::memory_order_acquire);
    if (bytes == 0) continue;
    const auto end = sample.frames.begin() + sample.depth;
    for (Total* total : {&by_stack[{sample.frames.begin(), end}], &all}) {
      ++total->objects;
      total->bytes += bytes;
    }
  }
  std::string text = fmt::format("heap profile: 0: 0 [{}: {}] @ heap_v2/{}\n", all.objects, all.bytes, kBytesPerSample);
  for (const auto& [frames, total] : by_stack) {
    text += fmt::format("0: 0 [{}: {}] @", total.objects, total.bytes);
    for (const void* frame : frames) text += fmt::format(" {}", frame);
    text += '\n';
  }
  return text;
}

}  // namespace gauntlet::base::admin
