#include "base/admin/admin_server.hpp"

#include <optional>

#include "base/admin/pprof.hpp"
#include "base/admin/turns.hpp"
#include "base/http/listener.hpp"
#include "base/loop_thread.hpp"
#include "base/metrics.hpp"

namespace gauntlet::base::admin {

struct AdminServer::State {
  explicit State(AdminOptions its_options) : options(std::move(its_options)), pprof(options.pprof_from_anywhere) {}

  AdminOptions options;
  Pprof pprof;
  Turns metrics_turns;  // other than pprof's: a scrape does not wait for profiles
  http::Router router;
  std::uint16_t port = 0;
  std::optional<http::Listener> listener;  // lives on the thread
  std::unique_ptr<LoopThread> thread;
};

AdminServer::AdminServer(AdminOptions options, const metrics::Registry& registry) : state_(std::make_unique<State>(std::move(options))) {
  state_->router.get("/metrics", [&registry, &turns = state_->metrics_turns](const http::ExchangePtr& exchange) {
    turns.answer(exchange, "metrics", [&registry] {
      return http::Response{.status = 200, .content_type = "text/plain; version=0.0.4; charset=utf-8", .body = registry.text()};
    });
  });
  state_->pprof.add_routes(state_->router);
}

AdminServer::~AdminServer() {
  if (state_->thread) state_->thread->run_and_wait([this] { state_->listener.reset(); });
}

http::Router& AdminServer::router() { return state_->router; }
std::uint16_t AdminServer::port() const { return state_->port; }

Expected<void> AdminServer::start() {
  State& state = *state_;
  Pprof::start_heap_sampling();
  state.thread = std::make_unique<LoopThread>("admin");
  Expected<void> listening;
  state.thread->run_and_wait([&] {
    http::ListenerOptions options;
    options.address = state.options.address;
    options.port = state.options.port;
    // A second program on the port is a mistake to report, not a replica to share it with.
    options.reuse_port = false;
    options.max_connections = 256;
    state.listener.emplace(state.thread->loop(), options, state.router);
    listening = state.listener->listen();
    state.port = state.listener->port();
  });
  return listening;
}

}  // namespace gauntlet::base::admin
