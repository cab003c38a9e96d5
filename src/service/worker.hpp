#pragma once
// One of the service's threads with everything that belongs to it: event loop, database connections, listeners, use
// cases. Workers share only what is immutable (the catalog) or made for it (metrics, health).
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "base/error.hpp"
#include "base/grpc/health.hpp"
#include "base/metrics.hpp"
#include "service/admission.hpp"
#include "service/catalog.hpp"
#include "service/service_settings.hpp"

namespace gauntlet::service {

/// What a worker starts from; outlives it.
struct WorkerParts {
  const ServiceSettings& settings;
  base::metrics::Registry& metrics;
  base::grpc::Health& health;
  PlayerRate* player_rate;  // of all workers together; null: no limit
};

/// Its methods are for the thread that made it (main).
class Worker {
 public:
  /// `number` counts from 0; worker 0 also recovers open claims.
  Worker(std::size_t number, const WorkerParts& parts, CatalogPtr catalog);
  /// Drops whatever is still in flight; see drain().
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// Waits until the worker has a connection to PostgreSQL, so that its first request finds one; unavailable, with the
  /// reason, when it has none by then.
  base::Expected<void> await_database(std::chrono::milliseconds patience);
  /// Binds both ports (0: the kernel chooses) and begins to serve.
  base::Expected<void> listen(const std::string& address, std::uint16_t http_port, std::uint16_t grpc_port);
  std::uint16_t http_port() const;
  std::uint16_t grpc_port() const;

  /// New requests use `catalog`; those in flight end on theirs.
  void replace_catalog(CatalogPtr catalog);

  /// Stops accepting and calls `done`, on the worker's thread, once nothing is in flight.
  void drain(std::function<void()> done);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace gauntlet::service
