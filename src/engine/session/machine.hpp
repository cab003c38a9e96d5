#pragma once
// What the machine gives this process, and what it has used of it.
#include <cstddef>
#include <cstdint>

#include "engine/plan/scenario.hpp"

namespace gauntlet::engine::session {

/// Cores that the process may run on; at least 1.
std::size_t usable_cores();
/// Of all threads, user and system, since the process began.
double cpu_seconds();
std::uint64_t resident_bytes();
/// So that scripts that keep all they get end with an error, not with the machine's memory.
std::size_t default_heap_bytes(std::int64_t vus);
/// Of a process that is one of `shares`.
plan::MemoryRoom memory_room(std::size_t shares);
/// Thousands of virtual users want thousands of descriptors.
void raise_descriptor_limit();

}  // namespace gauntlet::engine::session
