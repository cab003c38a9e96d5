#pragma once
// The threads of a service. Each has an event loop, its own listeners and a Worker, which is everything that the service
// does there; they share only what is immutable or made for it.
//
//   host::Workers workers(settings.threads, [&](std::size_t, base::EventLoop& loop) { return make_worker(loop, parts); });
//   const auto ports = workers.listen(settings, metrics);
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/error.hpp"
#include "base/event_loop.hpp"
#include "base/http/listener.hpp"
#include "base/metrics.hpp"
#include "host/settings.hpp"
#include "postgres/pool.hpp"

namespace gauntlet::host {

/// What a worker answers with on a port.
struct Endpoint {
  const base::http::Router* router = nullptr;  // null: whatever `streams` does not take is 404
  base::http::StreamService* streams = nullptr;
  base::http::Observer observer = {};
};

/// Made, called and destroyed on its thread.
class Worker {
 public:
  virtual ~Worker() = default;
  /// One for each of the service's ports; what they refer to is the worker's.
  virtual std::vector<Endpoint> endpoints() = 0;
  virtual postgres::Pool& pool() = 0;
  /// Its listeners begin to drain.
  virtual void stopping() {}
  /// Its listeners have nothing in flight any more: calls `done` when what they left behind is finished too.
  virtual void drain(std::function<void()> done) { done(); }
};

/// Its methods are for the thread that made it (main).
class Workers {
 public:
  using Make = std::function<std::unique_ptr<Worker>(std::size_t number, base::EventLoop& loop)>;

  /// Starts the threads; `make` runs on each, with its number from 0.
  Workers(std::size_t threads, const Make& make);
  /// As end().
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  /// Waits until each has a connection to PostgreSQL, so that its first request finds one; unavailable, with the reason, when
  /// one has none by then.
  base::Expected<void> await_database(std::chrono::milliseconds patience);
  /// Binds the settings' ports and begins to serve; answers the ports' numbers.
  base::Expected<std::vector<std::uint16_t>> listen(const HostSettings& settings, base::metrics::Registry& metrics);

  /// Runs `task` with each worker, on its thread and without waiting for it.
  void for_each(const std::function<void(Worker&)>& task);
  /// Stops accepting; calls `done` once nothing is in flight, on the thread that was last.
  void drain(std::function<void()> done);
  /// Drops whatever is still in flight, and the threads.
  void end();

 private:
  struct Thread;
  std::vector<std::unique_ptr<Thread>> threads_;
};

}  // namespace gauntlet::host
