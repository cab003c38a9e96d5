#pragma once
// The calling thread's stack, for profiles: of the CPU (from a signal's handler), of allocations (from within the
// allocator), of every thread. A thread may be asked wherever it is, in malloc, in dlopen, while it throws, and whatever
// lock it holds or waits for there. So walking takes no lock at all: libgcc's unwinder finds a function's unwind table
// with glibc's _dl_find_object(), which is free of locks; libunwind, which gperftools brings, takes its own lock and then
// the loader's, and has stopped services for ever that way. tcmalloc's sampler walks by this function, too: stack_walk.cpp
// defines gperftools' GetStackTrace() anew.
#include <cstddef>
#include <span>

namespace gauntlet::base::admin {

/// Fills `frames` with return addresses, innermost first, beginning with the caller's own; returns how many. Allocates
/// nothing, takes no lock, and may be called in a signal's handler.
std::size_t walk_stack(std::span<void*> frames);

/// In a handler with SA_SIGINFO, whose third argument is `context`: the stack that the signal interrupted, beginning with
/// the instruction that was next.
std::size_t walk_interrupted_stack(std::span<void*> frames, const void* context);

/// Whether tcmalloc's sampler of this program walks by these: it does where the program exports our GetStackTrace().
bool tcmalloc_walks_without_locks();

}  // namespace gauntlet::base::admin
