#pragma once
// Selectors and steps through a page may take the square of its size, or worse. Those who work for a script ask now and then
// whether they may go on.
//
//   html::Patience patience([&] { return may_go_on(); });
//   try { found = selector.find_all(root); } catch (const html::Interrupted&) { ... }
#include <cstddef>
#include <functional>
#include <utility>

#include "engine/script/fiber/fiber.hpp"

namespace gauntlet::engine::html {

/// Thrown out of whatever walks a page.
struct Interrupted {};

/// Of the fiber that makes it, until it goes: `may_go_on` is asked every kSteps steps, and may suspend the fiber. Where there is
/// none, work is never interrupted.
class Patience {
 public:
  static constexpr std::size_t kSteps = 4096;

  explicit Patience(std::function<bool()> may_go_on)
      : may_go_on_(std::move(may_go_on)), fiber_(fiber::Fiber::current()), outer_(fiber_->set_local(this)) {}
  ~Patience() { fiber_->set_local(outer_); }
  Patience(const Patience&) = delete;
  Patience& operator=(const Patience&) = delete;

  /// Counts work: a step is a look at a node.
  static void step(std::size_t steps = 1) {
    const fiber::Fiber* const fiber = fiber::Fiber::current();
    auto* const mine = fiber == nullptr ? nullptr : static_cast<Patience*>(fiber->local());
    if (mine == nullptr) return;
    mine->steps_ += steps;
    if (mine->steps_ < kSteps) return;
    mine->steps_ = 0;
    if (!mine->may_go_on_()) throw Interrupted();
  }

 private:
  std::function<bool()> may_go_on_;
  fiber::Fiber* fiber_;
  void* outer_;
  std::size_t steps_ = 0;
};

}  // namespace gauntlet::engine::html
