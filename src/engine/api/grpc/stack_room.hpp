#pragma once
// Whether recursive natives may go deeper on the current fiber's stack.
#include <cstddef>

#include "engine/script/fiber/fiber.hpp"

namespace gauntlet::engine::grpc {

/// False when less than `needed` bytes are left below the caller's frame; always true outside of fibers.
inline bool has_stack_room(std::size_t needed = 16 * 1024) {
  const fiber::Fiber* const fiber = fiber::Fiber::current();
  if (fiber == nullptr) return true;
  const std::byte here{};
  const std::byte* const bottom = fiber->stack().bottom;
  // AddressSanitizer may keep `here` elsewhere than on the stack; then there is nothing to compare with.
  return &here < bottom || &here > fiber->stack().top() || static_cast<std::size_t>(&here - bottom) > needed;
}

}  // namespace gauntlet::engine::grpc
