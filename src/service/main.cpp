// challenge-service: players' challenges over REST and gRPC. Settings, signals and exit statuses: kHelp.
#include <algorithm>
#include <atomic>
#include <csignal>
#include <optional>
#include <string_view>
#include <thread>
#include <vector>

#include "base/admin/admin_server.hpp"
#include "base/event_loop.hpp"
#include "base/http/listener.hpp"
#include "base/log.hpp"
#include "base/service_program.hpp"
#include "base/settings.hpp"
#include "base/signals.hpp"
#include "postgres/rights.hpp"
#include "postgres/startup.hpp"
#include "service/worker.hpp"

namespace gauntlet::service {
namespace {

using base::Exit;
using base::Expected;

constexpr std::string_view kHelp =
    R"(challenge-service: serves players' challenges over REST and gRPC, from PostgreSQL.

usage: challenge-service               serves until SIGTERM
       challenge-service --settings    prints every setting, its values and its default
       challenge-service --help | --version

Settings come from the environment, for example:
  DB_HOST=localhost DB_NAME=challenge_db DB_USER=postgres DB_PASSWORD=... \
  CHALLENGE_CONFIG_PATH=config/challenges.json AB_NAMESPACE=demo AB_BASE_URL=https://demo.accelbyte.io challenge-service
or, without tokens and a platform, with PLUGIN_GRPC_SERVER_AUTH_ENABLED=false instead of AB_BASE_URL.

ports (0: the kernel chooses; LISTEN_ADDRESS=127.0.0.1: for this machine only)
  HTTP_PORT=8000     the REST API below BASE_PATH=/challenge; its documentation at /challenge/apidocs/
  GRPC_PORT=6565     the gRPC API, with reflection and health
  METRICS_PORT=8080  /metrics, /livez, /readyz and /debug/pprof

signals
  SIGTERM, SIGINT    not ready any more, answers what is in flight (SHUTDOWN_GRACE), ends
  SIGHUP             reads the challenge config again; a wrong one is refused and the old one stays

exit status
  0  ended by SIGTERM or SIGINT, requests in flight answered
  2  a setting or an argument is wrong
  3  the challenge config cannot be read or is wrong
  4  PostgreSQL does not answer, or its schema cannot be brought up to date
  5  a port cannot be bound
  6  ended by SIGTERM, but requests were still in flight after SHUTDOWN_GRACE

The log goes to standard error; LOG_FORMAT=json: to standard output, an object a line.
)";

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

/// /livez: this program runs. /readyz: it also takes requests, so traffic may be sent.
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

int run(int argc, char** argv) {
  const base::ServiceProgram program("challenge-service", kHelp);
  base::Environment environment = base::process_environment();
  base::Settings settings_reader(environment);
  program.read_log_settings(settings_reader);
  auto read = ServiceSettings::read(settings_reader, std::move(environment));
  if (const auto ended = program.answer_flags(argc, argv, settings_reader)) return *ended;
  if (!read) return program.give_up(Exit::settings, read.error());
  const ServiceSettings& settings = *read;

  auto catalog = load_catalog(settings.challenge_config_path);
  if (!catalog) return program.give_up(Exit::challenge_config, catalog.error());
  if (const auto prepared = prepare_database(settings); !prepared) return program.give_up(Exit::database, prepared.error());

  base::EventLoop loop;  // of this thread: signals and the drain's time limit
  base::metrics::Registry metrics;
  metrics.add_process_metrics();
  tell_who_grants_rewards(settings, metrics);
  base::grpc::Health health;
  std::atomic<bool> ready = false;
  base::admin::AdminServer admin(
      {.address = settings.listen_address, .port = settings.metrics_port, .pprof_from_anywhere = settings.pprof_from_anywhere}, metrics);
  add_probes(admin.router(), ready);
  if (const auto started = admin.start(); !started) return program.give_up(Exit::port, base::port_error(started.error(), "METRICS_PORT"));

  std::optional<PlayerRate> player_rate;
  if (settings.player_rate > 0) player_rate.emplace(settings.player_rate, settings.player_burst);
  const WorkerParts parts{settings, metrics, health, player_rate ? &*player_rate : nullptr};
  std::vector<std::unique_ptr<Worker>> workers;
  std::uint16_t http_port = settings.http_port, grpc_port = settings.grpc_port;
  for (std::size_t number = 0; number < settings.threads; ++number) {
    workers.push_back(std::make_unique<Worker>(number, parts, *catalog));
  }
  for (const auto& worker : workers) {
    const auto patience = std::max(settings.database_wait, kConnectPatience);
    if (const auto connected = worker->await_database(patience); !connected)
      return program.give_up(Exit::database, postgres::with_advice(connected.error()));
  }
  for (const auto& [setting, port] : {std::pair("HTTP_PORT", http_port), std::pair("GRPC_PORT", grpc_port)}) {
    if (const auto free = base::check_port(loop, setting, settings.listen_address, port); !free)
      return program.give_up(Exit::port, free.error());
  }
  for (const auto& worker : workers) {
    if (const auto listening = worker->listen(settings.listen_address, http_port, grpc_port); !listening)
      return program.give_up(Exit::port, listening.error());
    http_port = workers.front()->http_port();
    grpc_port = workers.front()->grpc_port();
  }
  health.set("", base::grpc::Health::Status::serving);
  health.set("service.Service", base::grpc::Health::Status::serving);
  ready = true;
  base::log::info("challenge-service is serving", {{"http_port", http_port},
                                                   {"grpc_port", grpc_port},
                                                   {"metrics_port", admin.port()},
                                                   {"threads", settings.threads},
                                                   {"challenges", (*catalog)->config.challenges().size()},
                                                   {"goals", (*catalog)->config.goals().size()}});

  const std::jthread compressing([first = *catalog] { first->compress_ahead(); });

  Exit status = Exit::clean;
  bool draining = false;
  base::SignalWatch watch(loop, {SIGTERM, SIGINT, SIGHUP}, [&](int signal) {
    if (signal == SIGHUP) {
      const auto next = load_catalog(settings.challenge_config_path);
      if (!next) return base::log::error("challenge config not reloaded, the old one stays", {{"reason", next.error().message}});
      (*next)->compress_ahead();
      for (const auto& worker : workers) worker->replace_catalog(*next);
      return base::log::info("challenge config reloaded",
                             {{"challenges", (*next)->config.challenges().size()}, {"goals", (*next)->config.goals().size()}});
    }
    if (draining) return;
    draining = true;
    base::log::info("stopping: not ready any more");
    ready = false;
    health.set_all(base::grpc::Health::Status::not_serving);
    loop.call_after(settings.readiness_delay, [&] {
      base::log::info("stopping: no new requests");
      const auto left = std::make_shared<std::atomic<std::size_t>>(workers.size());
      for (const auto& worker : workers) {
        worker->drain([left, &loop] {
          if (left->fetch_sub(1) == 1) loop.stop();
        });
      }
      loop.call_after(settings.drain_time, [&] {
        status = Exit::undrained;
        loop.stop();
      });
    });
  });
  loop.run();
  workers.clear();
  base::log::info(status == Exit::clean ? "stopped" : "stopped with requests in flight");
  base::log::flush();
  return static_cast<int>(status);
}

}  // namespace
}  // namespace gauntlet::service

int main(int argc, char** argv) {
  gauntlet::base::block_signals({SIGTERM, SIGINT, SIGHUP});
  return gauntlet::service::run(argc, argv);
}
