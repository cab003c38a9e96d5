#include "service/worker.hpp"

#include <fmt/format.h>

#include <optional>
#include <random>
#include <utility>
#include <vector>

#include "ags/http_client.hpp"
#include "ags/platform_access.hpp"
#include "ags/platform_reward_client.hpp"
#include "ags/token_verifier.hpp"
#include "base/clock.hpp"
#include "base/grpc/framing.hpp"
#include "base/grpc/reflection.hpp"
#include "base/grpc/server.hpp"
#include "base/http/router.hpp"
#include "base/log.hpp"
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

postgres::PoolOptions pool_options(const ServiceSettings& settings, base::metrics::Registry& metrics) {
  postgres::PoolOptions options;
  options.max_connections = std::max<std::size_t>(1, settings.database_connections / settings.threads);
  options.max_queue_time = settings.queue_time_max;
  options.metrics = &metrics;
  options.dropped = &metrics
                         .counter("challenge_database_statements_dropped_total",
                                  "Statements that were not sent, since whoever asked had left while they waited")
                         .with({});
  return options;
}

class ServiceWorker final : public Worker {
 public:
  ServiceWorker(std::size_t number, base::EventLoop& loop, const WorkerParts& parts, CatalogPtr catalog)
      : loop_(loop),
        catalog_(std::move(catalog)),
        pool_(loop_, parts.settings.database, pool_options(parts.settings, parts.metrics)),
        progress_(pool_, parts.settings.name_space),
        ledger_(pool_, parts.settings.name_space, parts.settings.rewards_honour_keys),
        http_(loop_),
        access_(http_, parts.settings.platform),
        rewards_(make_reward_client(parts.settings)),
        claims_(loop_, progress_, ledger_, *rewards_,
                parts.settings.rewards_honour_keys ? ags::Repeating::harmless : ags::Repeating::dangerous, parts.metrics),
        use_cases_(
            loop_, progress_, claims_, [this] { return catalog_; }, system_now, secure_uniform_below),
        authenticator_(make_authenticator(parts.settings)),
        queue_probe_(loop_),
        admission_(*authenticator_, queue_probe_, parts.settings.queue_time_max, parts.player_rate, parts.metrics),
        request_metrics_(parts.metrics),
        rest_(use_cases_, admission_),
        rpc_(use_cases_, admission_),
        rpc_server_({.metrics = &parts.metrics, .observer = [this](const auto& ended) { on_ended(ended); }}) {
    if (!parts.settings.spans.endpoint.empty()) spans_.emplace(loop_, http_, parts.settings.spans, parts.metrics);
    rest_.add_routes(router_, parts.settings.base_path);
    add_api_docs(router_, parts.settings.base_path, parts.settings.auth_enabled);
    rpc_.add_methods(rpc_server_);
    base::grpc::add_health(rpc_server_, parts.health);
    base::grpc::add_reflection(rpc_server_);
    if (number == 0) recover_after(kFirstRecovery);
  }

  std::vector<host::Endpoint> endpoints() override {
    return {{.router = &router_, .observer = [this](const base::http::Answered& answered) { on_answered(answered); }},
            {.streams = rpc_server_.streams()}};
  }
  postgres::Pool& pool() override { return pool_; }
  void replace_catalog(CatalogPtr catalog) override { catalog_ = std::move(catalog); }

 private:
  std::unique_ptr<ags::RewardClient> make_reward_client(const ServiceSettings& settings) {
    if (settings.real_rewards) return std::make_unique<ags::PlatformRewardClient>(http_, access_, settings.rewards_honour_keys);
    return std::make_unique<ags::MockRewardClient>(loop_, settings.mock_latency, std::random_device()());
  }

  std::unique_ptr<Authenticator> make_authenticator(const ServiceSettings& settings) {
    if (!settings.auth_enabled) return std::make_unique<MockAuthenticator>();
    ags::TokenVerifier::Options options;
    options.keys_url = settings.platform.base_url + "/iam/v3/oauth/jwks";
    options.demands = settings.tokens;
    options.refresh_interval = settings.key_refresh_interval;
    verifier_ = std::make_unique<ags::TokenVerifier>(loop_, http_, base::system_wall_clock(), std::move(options));
    return std::make_unique<TokenAuthenticator>(*verifier_);
  }

  void on_answered(const base::http::Answered& answered) {
    request_metrics_.observe(answered);
    log_request(answered);
    if (!spans_) return;
    const std::string name = fmt::format("{} {}", answered.request.method(), answered.route);
    const auto status = fmt::format_int(answered.status);
    spans_->add({name, "http", {status.data(), status.size()}, answered.status >= 500, answered.elapsed}, answered.trace);
  }

  void on_ended(const base::grpc::EndedCall& ended) {
    log_call(ended);
    if (spans_) spans_->add({ended.method, "grpc", base::grpc::code_name(ended.code), ended.code != 0, ended.elapsed}, ended.trace);
  }

  void recover_after(std::chrono::milliseconds pause) {
    loop_.call_after(pause, [this] {
      start(claims_.recover(), [this](const base::Expected<int>& recovered) {
        static base::log::Limit limit(1);
        if (!recovered) base::log::warn(limit, "open claims cannot be looked for", {{"reason", recovered.error().message}});
        recover_after(kRecoveryPause);
      });
    });
  }

  base::EventLoop& loop_;
  CatalogPtr catalog_;
  postgres::Pool pool_;
  ProgressStore progress_;
  ClaimLedger ledger_;
  ags::HttpClient http_;
  ags::PlatformAccess access_;
  std::optional<SpanExporter> spans_;
  std::unique_ptr<ags::RewardClient> rewards_;
  RewardClaims claims_;
  ChallengeService use_cases_;
  std::unique_ptr<ags::TokenVerifier> verifier_;
  std::unique_ptr<Authenticator> authenticator_;
  QueueProbe queue_probe_;
  Admission admission_;
  RequestMetrics request_metrics_;
  RestAdapter rest_;
  GrpcAdapter rpc_;
  base::http::Router router_;
  base::grpc::Server rpc_server_;
};

}  // namespace

std::unique_ptr<Worker> make_worker(std::size_t number, base::EventLoop& loop, const WorkerParts& parts, CatalogPtr catalog) {
  return std::make_unique<ServiceWorker>(number, loop, parts, std::move(catalog));
}

}  // namespace gauntlet::service
