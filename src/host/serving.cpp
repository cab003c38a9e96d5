#include "host/serving.hpp"

#include <csignal>
#include <string>
#include <utility>

#include "base/log.hpp"
#include "base/signals.hpp"

namespace gauntlet::host {

base::Error port_error(base::Error error, std::string_view setting) {
  return std::move(error).in(std::string(setting) + " and LISTEN_ADDRESS");
}

base::admin::AdminOptions admin_options(const HostSettings& settings) {
  return {.address = settings.listen_address, .port = settings.metrics_port, .pprof_from_anywhere = settings.pprof_from_anywhere};
}

base::Expected<void> start(base::admin::AdminServer& admin) {
  auto started = admin.start();
  if (!started) return tl::unexpected(port_error(std::move(started.error()), "METRICS_PORT"));
  return {};
}

void add_probes(base::http::Router& router, const std::atomic<bool>& ready) {
  router.get("/livez", [](const base::http::ExchangePtr& exchange) {
    base::http::Response response;
    response.body = base::http::Body::of_static(R"({"status":"live"})");
    exchange->respond(std::move(response));
  });
  router.get("/readyz", [&ready](const base::http::ExchangePtr& exchange) {
    if (!ready) return exchange->respond(base::Error{base::ErrorKind::unavailable, "starting or stopping"});
    base::http::Response response;
    response.body = base::http::Body::of_static(R"({"status":"ready"})");
    exchange->respond(std::move(response));
  });
}

Exit serve(base::EventLoop& loop, Workers& workers, base::grpc::Health& health, const Stopping& stopping) {
  Exit status = Exit::clean;
  bool draining = false;
  const auto drain = [&] {
    base::log::info("stopping: no new " + std::string(stopping.work));
    workers.drain([&loop] { loop.stop(); });
    loop.call_after(stopping.drain_time, [&] {
      status = Exit::undrained;
      loop.stop();
    });
  };
  const base::SignalWatch watch(loop, {SIGTERM, SIGINT}, [&](int) {
    if (std::exchange(draining, true)) return;
    if (stopping.on_signal) stopping.on_signal();
    health.set_all(base::grpc::Health::Status::not_serving);
    loop.call_after(stopping.readiness_delay, drain);
  });
  loop.run();
  workers.end();
  return status;
}

}  // namespace gauntlet::host
