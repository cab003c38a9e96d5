#pragma once
// What the handler does on each of its threads: decoder, writer, database connection. Workers share only what is immutable
// (the goal keys) or made for it (metrics, health).
#include <atomic>
#include <memory>

#include "base/event_loop.hpp"
#include "base/grpc/health.hpp"
#include "base/metrics.hpp"
#include "events/event_metrics.hpp"
#include "events/event_settings.hpp"
#include "events/goal_keys.hpp"
#include "host/workers.hpp"

namespace gauntlet::events {

/// grpc.health: serving while some worker has its database connection.
class Availability {
 public:
  explicit Availability(base::grpc::Health& health);
  /// Any thread.
  void worker_changed(bool available);

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

/// Its endpoint is GRPC_PORT's.
std::unique_ptr<host::Worker> make_worker(base::EventLoop& loop, const WorkerParts& parts);

}  // namespace gauntlet::events
