#pragma once
// A service from its first to its last request.
#include <atomic>
#include <chrono>
#include <functional>
#include <string_view>

#include "base/admin/admin_server.hpp"
#include "base/error.hpp"
#include "base/event_loop.hpp"
#include "base/grpc/health.hpp"
#include "base/http/router.hpp"
#include "host/program.hpp"
#include "host/settings.hpp"
#include "host/workers.hpp"

namespace gauntlet::host {

/// An error about a port, with the settings that name it.
base::Error port_error(base::Error error, std::string_view setting);

base::admin::AdminOptions admin_options(const HostSettings& settings);
/// Binds METRICS_PORT.
base::Expected<void> start(base::admin::AdminServer& admin);

/// /livez: this program runs. /readyz: it also takes requests, so traffic may be sent; 503 before `ready` and after. Before start().
void add_probes(base::http::Router& router, const std::atomic<bool>& ready);

struct Stopping {
  std::string_view work;                         // "requests": what is in flight then
  std::chrono::milliseconds drain_time;          // how long it is waited for
  std::chrono::milliseconds readiness_delay{0};  // how long more of it is let in, so that balancers notice
  std::function<void()> on_signal = {};          // before that
};

/// Serves until SIGTERM or SIGINT, which base::block_signals() holds; then drains, and ends the workers. `loop` is this thread's.
Exit serve(base::EventLoop& loop, Workers& workers, base::grpc::Health& health, const Stopping& stopping);

}  // namespace gauntlet::host
