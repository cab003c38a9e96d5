#include "service/worker.hpp"

#include <fmt/format.h>

#include <future>
#include <optional>
#include <random>

#include "ags/http_client.hpp"
#include "ags/platform_access.hpp"
#include "ags/platform_reward_client.hpp"
#include "ags/token_verifier.hpp"
#include "base/clock.hpp"
#include "base/grpc/framing.hpp"
#include "base/grpc/reflection.hpp"
#include "base/grpc/server.hpp"
#include "base/http/listener.hpp"
#include "base/http/router.hpp"
#include "base/log.hpp"
#include "base/loop_thread.hpp"
#include "postgres/pool.hpp"
#include "service/apidocs/api_docs.hpp"
#include "service/challenge_service.hpp"
#include "service/claim_ledger.hpp"
#include "service/grpc_adapter.hpp"
#include "service/progress_store.hpp"
#include "service/request_log.hpp"
#include "service/request_metrics.hpp"
#include "service/rest_adapter.hpp"
#include "service/reward_claims.hpp"

namespace gauntlet::service {
namespace {

constexpr std::chrono::milliseconds kRecoveryPause{5000};
/// What a crash left is taken up soon after the next start.
constexpr std::chrono::milliseconds kFirstRecovery{500};

challenge::Instant system_now() { return std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now()); }

postgres::PoolOptions pool_limits(const ServiceSettings& settings, base::metrics::Registry& metrics) {
  postgres::PoolOptions limits;
  limits.max_connections = std::max<std::size_t>(1, settings.database_connections / settings.threads);
  limits.max_queue_time = settings.queue_time_max;
  limits.dropped = &metrics
                        .counter("challenge_database_statements_dropped_total",
                                 "Statements that were not sent, since whoever asked had left while they waited")
                        .with({});
  return limits;
}

}  // namespace

/// Made and destroyed on the worker's thread, in this order and its reverse.
struct ThreadState {
  ThreadState(std::size_t number, base::EventLoop& the_loop, const WorkerParts& parts, CatalogPtr first_catalog)
      : loop(the_loop),
        metrics(parts.metrics),
        listener_limits(parts.settings.listener),
        catalog(std::move(first_catalog)),
        pool(loop, parts.settings.database, pool_limits(parts.settings, parts.metrics)),
        progress(pool, parts.settings.name_space),
        ledger(pool, parts.settings.name_space, parts.settings.rewards_honour_keys),
        http(loop),
        access(http, parts.settings.platform),
        rewards(make_reward_client(parts.settings)),
        claims(loop, progress, ledger, *rewards, parts.settings.rewards_honour_keys ? ags::Repeating::harmless : ags::Repeating::dangerous,
               parts.metrics),
        use_cases(
            loop, progress, claims, [this] { return catalog; }, system_now, secure_uniform_below),
        authenticator(make_authenticator(parts.settings)),
        queue_probe(loop),
        admission(*authenticator, queue_probe, parts.settings.queue_time_max, parts.player_rate, parts.metrics),
        request_metrics(parts.metrics),
        rest(use_cases, admission),
        rpc(use_cases, admission),
        rpc_server({.metrics = &parts.metrics, .observer = [this](const auto& ended) { on_ended(ended); }}) {
    if (!parts.settings.spans.endpoint.empty()) spans.emplace(loop, http, parts.settings.spans, parts.metrics);
    rest.add_routes(router, parts.settings.base_path);
    add_api_docs(router, parts.settings.base_path, parts.settings.auth_enabled);
    rpc.add_methods(rpc_server);
    base::grpc::add_health(rpc_server, parts.health);
    base::grpc::add_reflection(rpc_server);
    if (number == 0) recover_after(kFirstRecovery);
  }

  std::unique_ptr<ags::RewardClient> make_reward_client(const ServiceSettings& settings) {
    if (settings.real_rewards) return std::make_unique<ags::PlatformRewardClient>(http, access, settings.rewards_honour_keys);
    return std::make_unique<ags::MockRewardClient>(loop, settings.mock_latency, std::random_device()());
  }

  std::unique_ptr<Authenticator> make_authenticator(const ServiceSettings& settings) {
    if (!settings.auth_enabled) return std::make_unique<MockAuthenticator>();
    ags::TokenVerifier::Options options;
    options.keys_url = settings.platform.base_url + "/iam/v3/oauth/jwks";
    options.demands = settings.tokens;
    options.refresh_interval = settings.key_refresh_interval;
    verifier = std::make_unique<ags::TokenVerifier>(loop, http, base::system_wall_clock(), std::move(options));
    return std::make_unique<TokenAuthenticator>(*verifier);
  }

  void on_answered(const base::http::Answered& answered) {
    request_metrics.observe(answered);
    log_request(answered);
    if (!spans) return;
    const std::string name = fmt::format("{} {}", answered.request.method(), answered.route);
    const auto status = fmt::format_int(answered.status);
    spans->add({name, "http", {status.data(), status.size()}, answered.status >= 500, answered.elapsed}, answered.trace);
  }

  void on_ended(const base::grpc::EndedCall& ended) {
    log_call(ended);
    if (spans) spans->add({ended.method, "grpc", base::grpc::code_name(ended.code), ended.code != 0, ended.elapsed}, ended.trace);
  }

  void recover_after(std::chrono::milliseconds pause) {
    loop.call_after(pause, [this] {
      start(claims.recover(), [this](const base::Expected<int>& recovered) {
        static base::log::Limit limit(1);
        if (!recovered) base::log::warn(limit, "open claims cannot be looked for", {{"reason", recovered.error().message}});
        recover_after(kRecoveryPause);
      });
    });
  }

  base::EventLoop& loop;
  base::metrics::Registry& metrics;
  const base::http::ListenerOptions listener_limits;
  CatalogPtr catalog;
  postgres::Pool pool;
  ProgressStore progress;
  ClaimLedger ledger;
  ags::HttpClient http;
  ags::PlatformAccess access;
  std::optional<SpanExporter> spans;
  std::unique_ptr<ags::RewardClient> rewards;
  RewardClaims claims;
  ChallengeService use_cases;
  std::unique_ptr<ags::TokenVerifier> verifier;
  std::unique_ptr<Authenticator> authenticator;
  QueueProbe queue_probe;
  Admission admission;
  RequestMetrics request_metrics;
  RestAdapter rest;
  GrpcAdapter rpc;
  base::http::Router router;
  base::http::Router no_routes;  // the gRPC port's: anything but gRPC is 404 there
  base::grpc::Server rpc_server;
  std::unique_ptr<base::http::Listener> http_listener;
  std::unique_ptr<base::http::Listener> grpc_listener;
};

struct Worker::State {
  explicit State(std::size_t number) : thread("worker-" + std::to_string(number)) {}
  base::LoopThread thread;
  std::unique_ptr<ThreadState> on_thread;
};

Worker::Worker(std::size_t number, const WorkerParts& parts, CatalogPtr catalog) : state_(std::make_unique<State>(number)) {
  state_->thread.run_and_wait(
      [&] { state_->on_thread = std::make_unique<ThreadState>(number, state_->thread.loop(), parts, std::move(catalog)); });
}

Worker::~Worker() {
  state_->thread.run_and_wait([this] { state_->on_thread.reset(); });
}

base::Expected<void> Worker::await_database(std::chrono::milliseconds patience) {
  // Shared with the pool, which may call back after this has given up.
  const auto available = std::make_shared<std::promise<void>>();
  state_->thread.loop().post([this, available] { state_->on_thread->pool.when_available([available] { available->set_value(); }); });
  if (available->get_future().wait_for(patience) == std::future_status::ready) return {};
  std::string reason;
  state_->thread.run_and_wait([&] { reason = state_->on_thread->pool.last_failure(); });
  return base::fail(base::ErrorKind::unavailable, "no connection to PostgreSQL: " + reason);
}

base::Expected<void> Worker::listen(const std::string& address, std::uint16_t http_port, std::uint16_t grpc_port) {
  base::Expected<void> listening;
  state_->thread.run_and_wait([&] {
    ThreadState& own = *state_->on_thread;
    base::http::ListenerOptions http = own.listener_limits;
    http.address = address;
    http.port = http_port;
    http.metrics = &own.metrics;
    http.observer = [&own](const base::http::Answered& answered) { own.on_answered(answered); };
    own.http_listener = std::make_unique<base::http::Listener>(own.loop, std::move(http), own.router);
    base::http::ListenerOptions grpc = own.listener_limits;
    grpc.metrics = &own.metrics;
    grpc.address = address;
    grpc.port = grpc_port;
    own.grpc_listener = std::make_unique<base::http::Listener>(own.loop, std::move(grpc), own.no_routes, own.rpc_server.streams());
    listening = own.http_listener->listen();
    if (listening) listening = own.grpc_listener->listen();
  });
  return listening;
}

std::uint16_t Worker::http_port() const { return state_->on_thread->http_listener->port(); }
std::uint16_t Worker::grpc_port() const { return state_->on_thread->grpc_listener->port(); }

void Worker::replace_catalog(CatalogPtr catalog) {
  state_->thread.loop().post([this, catalog = std::move(catalog)] { state_->on_thread->catalog = catalog; });
}

void Worker::drain(std::function<void()> done) {
  state_->thread.loop().post([this, done = std::move(done)] {
    ThreadState& own = *state_->on_thread;
    own.http_listener->drain([&own, done] { own.grpc_listener->drain(done); });
  });
}

}  // namespace gauntlet::service
