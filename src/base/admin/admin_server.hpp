#pragma once
// The operator's endpoint of a service (ports 8080 and 8081), on its own thread and loop so that it answers while the
// workers are busy: GET /metrics, GET /debug/pprof/..., and what the service adds.
//
// pprof speaks what `go tool pprof` reads: profile?seconds=N (CPU), heap (in use), allocs?seconds=N (allocated meanwhile),
// cmdline, symbol, goroutine (every thread's name and stack). mutex, block and trace answer 501 with the reason. pprof is for loopback
// callers unless configured otherwise; metrics are for all.
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/error.hpp"
#include "base/http/router.hpp"

namespace gauntlet::base::metrics {
class Registry;
}

namespace gauntlet::base::admin {

struct AdminOptions {
  std::string address = "0.0.0.0";
  std::uint16_t port = 0;  // 0: the kernel chooses
  bool pprof_from_anywhere = false;
};

class AdminServer {
 public:
  /// `registry` outlives it.
  AdminServer(AdminOptions options, const metrics::Registry& registry);
  /// Stops the thread.
  ~AdminServer();
  AdminServer(const AdminServer&) = delete;
  AdminServer& operator=(const AdminServer&) = delete;

  /// For routes of the service's own (readyz, livez) before start(); their handlers run on the admin thread.
  http::Router& router();
  /// Binds and starts the thread; fails when the port is taken, naming it. From here on tcmalloc samples one
  /// allocation per 512 KiB for the heap profile, unless TCMALLOC_SAMPLE_PARAMETER says otherwise.
  Expected<void> start();
  std::uint16_t port() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace gauntlet::base::admin
