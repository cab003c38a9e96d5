#pragma once
// The virtual users of a run: made on their threads, lent to scenarios and taken back. Belongs to the control thread.
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/event_loop.hpp"
#include "engine/users/test_state.hpp"
#include "engine/users/vu.hpp"
#include "engine/users/worker.hpp"

namespace gauntlet::engine::users {

/// A virtual user with the thread that it is pinned to.
struct PooledVu {
  std::unique_ptr<Vu> vu;
  Worker* worker = nullptr;
  std::uint64_t id = 0;
  std::uint64_t place_in_line = 0;  ///< of those that are free: smaller ones have been free for longer
};

class VuPool {
 public:
  using Failure = Vu::InitFailure;

  VuPool(TestState& test, base::EventLoop& control, std::vector<std::unique_ptr<Worker>>& workers);
  /// All virtual users must be idle.
  ~VuPool();

  /// Makes `count` virtual users and runs the script's top level in each, on all threads at once. `done` gets the first
  /// failure, or nothing. Ids continue from the last call.
  void initialize(std::int64_t count, std::function<void(std::optional<Failure>)> done);
  /// Makes one more for a scenario that runs out of them; it goes to `done` and not into the pool, nullptr when its
  /// script failed (which is logged).
  void initialize_one(std::function<void(PooledVu*)> done);

  /// The one that has been free for longest, as k6, of the thread with the fewest virtual users at work; nullptr when all
  /// are.
  PooledVu* take();
  void give_back(PooledVu* vu);
  std::int64_t initialized() const { return test_.vus_initialized; }

 private:
  /// What the threads count down while they initialise together.
  struct Batch;
  void initialize_next(std::shared_ptr<Batch> batch, Worker& worker);

  TestState& test_;
  base::EventLoop& control_;
  std::vector<std::unique_ptr<Worker>>& workers_;
  std::vector<std::unique_ptr<PooledVu>> all_;
  std::vector<std::deque<PooledVu*>> free_;  // by worker, in the order in which they were given back
  std::uint64_t given_back_ = 0;
  std::vector<std::int64_t> lent_;  // by worker
};

}  // namespace gauntlet::engine::users
