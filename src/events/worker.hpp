#pragma once
// One of the handler's threads with everything that belongs to it: event loop, listener, decoder, writer, database
// connection. Workers share only what is immutable (the goal keys) or made for it (metrics, health).
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>

#include "base/error.hpp"
#include "base/grpc/health.hpp"
#include "base/metrics.hpp"
#include "events/event_metrics.hpp"
#include "events/event_settings.hpp"
#include "events/goal_keys.hpp"

namespace gauntlet::events {

/// grpc.health: serving while some worker has its database connection.
class Availability {
 public:
  explicit Availability(base::grpc::Health& health);
  /// Any thread.
  void worker_changed(bool available);
  /// Workers that have their connection now.
  std::size_t available() const { return static_cast<std::size_t>(available_.load()); }

 private:
  void tell(bool serving);
  base::grpc::Health& health_;
  std::atomic<int> available_{0};
};

/// What a worker starts from; outlives it.
struct WorkerParts {
  const EventSettings& settings;
  const GoalKeys& keys;
  base::metrics::Registry& registry;
  EventMetrics& metrics;
  base::grpc::Health& health;
  Availability& availability;
};

/// Its methods are for the thread that made it (main).
class Worker {
 public:
  Worker(std::size_t number, const WorkerParts& parts);
  /// Drops whatever is still in flight; see drain().
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// Binds the port (0: the kernel chooses) and begins to serve.
  base::Expected<void> listen(const std::string& address, std::uint16_t port);
  std::uint16_t port() const;

  /// Stops accepting, lets what is in flight commit and be answered, then calls `done` on the worker's thread.
  void drain(std::function<void()> done);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace gauntlet::events
