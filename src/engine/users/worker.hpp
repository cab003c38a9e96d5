#pragma once
// A thread of the engine: its loop, the stacks of the virtual users that are pinned to it, and its metrics.
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>

#include "base/loop_thread.hpp"
#include "engine/metrics/collector.hpp"
#include "engine/metrics/recorder.hpp"
#include "engine/script/fiber/fiber.hpp"
#include "engine/users/vu.hpp"

namespace gauntlet::engine::users {

/// Made and destroyed by the control thread. What lives on the worker's thread must be gone by then.
class Worker {
 public:
  Worker(std::size_t index, metrics::Collector& collector)
      : index_(index), thread_(std::make_unique<base::LoopThread>("vus-" + std::to_string(index))) {
    recorder_ = collector.make_recorder(&thread_->loop());
  }

  std::size_t index() const { return index_; }
  base::EventLoop& loop() { return thread_->loop(); }
  Vu::Place place() { return {thread_->loop(), stacks_, *recorder_}; }
  metrics::Recorder& recorder() { return *recorder_; }
  double cpu_seconds() { return thread_->cpu_seconds(); }
  /// Any thread.
  void post(std::function<void()> task) { thread_->loop().post(std::move(task)); }
  void run_and_wait(const std::function<void()>& task) { thread_->run_and_wait(task); }

 private:
  std::size_t index_;
  fiber::StackPool stacks_;
  std::unique_ptr<metrics::Recorder> recorder_;
  std::unique_ptr<base::LoopThread> thread_;  // ends before what its loop uses
};

}  // namespace gauntlet::engine::users
