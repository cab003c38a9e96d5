#include "base/admin/stack_walk.hpp"

#include <dlfcn.h>
#include <gperftools/stacktrace.h>
#include <ucontext.h>
#include <unwind.h>

namespace gauntlet::base::admin {
namespace {

struct Walk {
  std::span<void*> frames;
  void* from;
  int to_leave_out;
  std::size_t count = 0;
  bool begun = false;
};

_Unwind_Reason_Code add_frame(_Unwind_Context* context, void* data) {
  Walk& walk = *static_cast<Walk*>(data);
  void* const address = reinterpret_cast<void*>(_Unwind_GetIP(context));
  walk.begun = walk.begun || address == walk.from;
  if (!walk.begun) return _URC_NO_REASON;
  if (walk.to_leave_out > 0) {
    --walk.to_leave_out;
    return _URC_NO_REASON;
  }
  if (address == nullptr || walk.count == walk.frames.size()) return _URC_NORMAL_STOP;  // null: where the thread began
  walk.frames[walk.count++] = address;
  return _URC_NO_REASON;
}

/// The stack from `from` outwards, without so many frames; all that lies before it is the walk's own.
std::size_t walk_from(void* from, int to_leave_out, std::span<void*> frames) {
  Walk walk{frames, from, to_leave_out};
  _Unwind_Backtrace(add_frame, &walk);
  // Code without an unwind table (assembler): where it was is all that is known.
  if (!walk.begun && !frames.empty()) frames[walk.count++] = from;
  return walk.count;
}

}  // namespace

[[gnu::noinline]] std::size_t walk_stack(std::span<void*> frames) { return walk_from(__builtin_return_address(0), 0, frames); }

std::size_t walk_interrupted_stack(std::span<void*> frames, const void* context) {
  const mcontext_t& machine = static_cast<const ucontext_t*>(context)->uc_mcontext;
#if defined(__x86_64__)
  const auto next = machine.gregs[REG_RIP];
#elif defined(__aarch64__)
  const auto next = machine.pc;
#else
#error "which register of mcontext_t is the instruction pointer?"
#endif
  return walk_from(reinterpret_cast<void*>(next), 0, frames);
}

}  // namespace gauntlet::base::admin

/// In the place of gperftools' own, which tcmalloc's sampler would call: see stack_walk.hpp.
[[gnu::noinline]] int GetStackTrace(void** result, int max_depth, int skip_count) {
  const std::span<void*> frames(result, static_cast<std::size_t>(max_depth));
  return static_cast<int>(gauntlet::base::admin::walk_from(__builtin_return_address(0), skip_count, frames));
}

bool gauntlet::base::admin::tcmalloc_walks_without_locks() {
  return dlsym(RTLD_DEFAULT, "_Z13GetStackTracePPvii") == reinterpret_cast<void*>(&GetStackTrace);
}
