#pragma once
// What the service does on each of its threads: database connections, use cases, adapters. Workers share only what is
// immutable (the catalog) or made for it (metrics, health).
#include <cstddef>
#include <memory>

#include "base/event_loop.hpp"
#include "base/grpc/health.hpp"
#include "base/metrics.hpp"
#include "host/workers.hpp"
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

class Worker : public host::Worker {
 public:
  /// New requests use `catalog`; those in flight end on theirs.
  virtual void replace_catalog(CatalogPtr catalog) = 0;
};

/// `number` counts from 0; worker 0 also recovers open claims. Its endpoints are HTTP_PORT's and GRPC_PORT's.
std::unique_ptr<Worker> make_worker(std::size_t number, base::EventLoop& loop, const WorkerParts& parts, CatalogPtr catalog);

}  // namespace gauntlet::service
