// challenge-service: players' challenges over REST and gRPC. Settings, signals and exit statuses: --help.
#include <algorithm>
#include <atomic>
#include <csignal>
#include <optional>
#include <string>
#include <thread>

#include "base/admin/admin_server.hpp"
#include "base/event_loop.hpp"
#include "base/http/listener.hpp"
#include "base/log.hpp"
#include "base/signals.hpp"
#include "host/program.hpp"
#include "host/serving.hpp"
#include "host/workers.hpp"
#include "postgres/rights.hpp"
#include "postgres/startup.hpp"
#include "service/worker.hpp"

namespace gauntlet::service {
namespace {

using base::Expected;
using host::Exit;

constexpr host::ProgramText kText = {
    .name = "challenge-service",
    .purpose = "serves players' challenges over REST and gRPC, from PostgreSQL.",
    .example = R"(  DB_HOST=localhost DB_NAME=challenge_db DB_USER=postgres DB_PASSWORD=... \
  CHALLENGE_CONFIG_PATH=config/challenges.json AB_NAMESPACE=demo AB_BASE_URL=https://demo.accelbyte.io challenge-service
or, without tokens and a platform, with PLUGIN_GRPC_SERVER_AUTH_ENABLED=false instead of AB_BASE_URL.)",
    .ports = R"(  HTTP_PORT=8000     the REST API below BASE_PATH=/challenge; its documentation at /challenge/apidocs/
  GRPC_PORT=6565     the gRPC API, with reflection and health
  METRICS_PORT=8080  /metrics, /livez, /readyz and /debug/pprof)",
    .signals = R"(  SIGTERM, SIGINT    not ready any more, answers what is in flight (SHUTDOWN_GRACE), ends
  SIGHUP             reads the challenge config again; a wrong one is refused and the old one stays)",
    .work = "requests",
    .work_when_clean = "answered",
};

/// The schema has just been looked at, so PostgreSQL is there: a connection is a matter of moments.
constexpr std::chrono::milliseconds kConnectPatience{5000};

/// What the service's own statements need of its tables; only the role that migrates may do more.
constexpr postgres::Right kRights[] = {{"SELECT, INSERT, UPDATE", "TABLE user_goal_progress"},
                                       {"SELECT, INSERT, UPDATE", "TABLE reward_claim"}};

/// Applies missing migrations, and gives DB_USER its rights where another role owns the schema.
Expected<void> prepare_database(const ServiceSettings& settings) {
  const bool apart = settings.schema_owner.user != settings.database.user;
  const postgres::RoleSettings owner =
      apart ? postgres::RoleSettings{"DB_MIGRATION_USER", "DB_MIGRATION_PASSWORD"} : postgres::RoleSettings{};
  auto prepared = postgres::prepare_schema(settings.schema_owner, owner, settings.migrations_path, settings.database_wait);
  if (!prepared || !apart) return prepared;
  auto granted = postgres::grant_rights(settings.schema_owner, settings.database.user, kRights);
  if (!granted) return tl::unexpected(postgres::with_advice(std::move(granted.error())));
  return {};
}

/// A mock marks claims granted and gives nothing, so nobody should run one without knowing. Scripts look for the names.
void tell_who_grants_rewards(const ServiceSettings& settings, base::metrics::Registry& metrics) {
  metrics.gauge("challenge_reward_client_info", "1 at who grants rewards: the platform (real) or a mock that gives nothing", {"mode"})
      .with({settings.real_rewards ? "real" : "mock"})
      .set(1);
  if (settings.real_rewards) {
    base::log::info(
        "rewards are granted by the platform: AGSRewardClient initialized",
        {{"platform", settings.platform.base_url}, {"namespace", settings.name_space}, {"idempotency", settings.rewards_honour_keys}});
  } else {
    base::log::warn("no reward is given: REWARD_CLIENT_MODE=mock only marks claims as granted (DevMockRewardClient)");
  }
}

/// On a thread of its own, which ends when the result is dropped.
std::jthread compress_ahead(CatalogPtr catalog) {
  return std::jthread([catalog = std::move(catalog)](const std::stop_token& stop) { catalog->compress_ahead(stop); });
}

/// SIGHUP.
void reload(const std::string& challenge_config_path, host::Workers& workers, std::jthread& compressing) {
  const auto next = load_catalog(challenge_config_path);
  if (!next) return base::log::error("challenge config not reloaded, the old one stays", {{"reason", next.error().message}});
  workers.for_each([catalog = *next](host::Worker& worker) { static_cast<Worker&>(worker).replace_catalog(catalog); });
  base::log::info("challenge config reloaded",
                  {{"challenges", (*next)->config.challenges().size()}, {"goals", (*next)->config.goals().size()}});
  compressing = compress_ahead(*next);
}

int run(int argc, char** argv) {
  const host::Program program(kText);
  const auto settings = program.read_settings<ServiceSettings>(argc, argv);
  if (!settings) return settings.error();
  const auto catalog = load_catalog(settings->challenge_config_path);
  if (!catalog) return program.give_up(Exit::challenge_config, catalog.error());
  if (const auto prepared = prepare_database(*settings); !prepared) return program.give_up(Exit::database, prepared.error());

  base::EventLoop loop;  // of this thread: signals and the drain's time limit
  base::metrics::Registry metrics;
  metrics.add_process_metrics();
  tell_who_grants_rewards(*settings, metrics);
  base::grpc::Health health;
  std::atomic<bool> ready = false;
  base::admin::AdminServer admin(host::admin_options(*settings), metrics);
  host::add_probes(admin.router(), ready);
  if (const auto started = host::start(admin); !started) return program.give_up(Exit::port, started.error());

  std::optional<PlayerRate> player_rate;
  if (settings->player_rate > 0) player_rate.emplace(settings->player_rate, settings->player_burst);
  const WorkerParts parts{*settings, metrics, health, player_rate ? &*player_rate : nullptr};
  host::Workers workers(settings->threads,
                        [&](std::size_t number, base::EventLoop& its_loop) { return make_worker(number, its_loop, parts, *catalog); });
  if (const auto connected = workers.await_database(std::max(settings->database_wait, kConnectPatience)); !connected)
    return program.give_up(Exit::database, postgres::with_advice(connected.error()));
  const auto ports = workers.listen(*settings, metrics);
  if (!ports) return program.give_up(Exit::port, ports.error());
  health.set("", base::grpc::Health::Status::serving);
  health.set("service.Service", base::grpc::Health::Status::serving);
  ready = true;
  base::log::info("challenge-service is serving", {{"http_port", ports->at(0)},
                                                   {"grpc_port", ports->at(1)},
                                                   {"metrics_port", admin.port()},
                                                   {"threads", settings->threads},
                                                   {"challenges", (*catalog)->config.challenges().size()},
                                                   {"goals", (*catalog)->config.goals().size()}});

  std::jthread compressing = compress_ahead(*catalog);
  const base::SignalWatch reloading(loop, {SIGHUP}, [&](int) { reload(settings->challenge_config_path, workers, compressing); });
  const auto not_ready = [&] {
    base::log::info("stopping: not ready any more");
    ready = false;
  };
  return program.end(host::serve(
      loop, workers, health,
      {.work = kText.work, .drain_time = settings->drain_time, .readiness_delay = settings->readiness_delay, .on_signal = not_ready}));
}

}  // namespace
}  // namespace gauntlet::service

int main(int argc, char** argv) {
  gauntlet::base::block_signals({SIGTERM, SIGINT, SIGHUP});
  return gauntlet::service::run(argc, argv);
}
