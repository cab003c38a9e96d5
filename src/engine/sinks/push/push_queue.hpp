#pragma once
// Sends bodies to a receiver from a thread of its own, so that one that is slow or away holds up nothing but itself:
// what does not fit into its queue is lost, counted and told. How a body travels is the courier's business (HttpPush,
// GrpcPush).
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "engine/sinks/sample_output.hpp"

namespace gauntlet::engine::sinks {

/// Takes bodies to a receiver and waits for its answer. All but the construction is on the queue's thread.
class Courier {
 public:
  struct Outcome {
    bool taken = false;
    bool may_be_tried_again = false;  ///< no connection, or the receiver cannot take it just now
    std::string problem;
  };
  virtual ~Courier() = default;
  virtual Outcome deliver(const std::string& address, const std::string& body) = 0;
};

class PushQueue {
 public:
  /// `name` is what messages call the receiver.
  PushQueue(std::string name, std::string address, std::unique_ptr<Courier> courier, Tell tell);
  virtual ~PushQueue();
  PushQueue(const PushQueue&) = delete;
  PushQueue& operator=(const PushQueue&) = delete;

  /// Queues a body that stands for so many samples. Never waits.
  void send(std::string body, std::uint64_t samples);
  /// Sends an empty body to another address of the receiver, before what follows; its failure is told and costs
  /// nothing.
  void announce(std::string address);
  /// Waits until all is sent, at most so long, and tells what was lost in all.
  void finish(std::chrono::milliseconds patience);

  /// Bodies that may wait; more are lost.
  static constexpr std::size_t kMostWaiting = 16;
  /// Of a body that the receiver could not take just now.
  static constexpr int kAttempts = 3;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace gauntlet::engine::sinks
