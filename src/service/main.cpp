// challenge-service: players' challenges over REST and gRPC.
//
// Settings come from the environment (service_settings.hpp; --settings prints them). Exit status:
//   0  ended by SIGTERM or SIGINT, requests in flight answered
//   2  a setting is wrong
//   3  the challenge config cannot be read or is wrong
//   4  PostgreSQL does not answer, or its schema cannot be brought up to date
//   5  a port cannot be bound
//   6  ended by SIGTERM, but requests were still in flight after SHUTDOWN_GRACE
#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <optional>
#include <string_view>
#include <thread>
#include <vector>

#include "base/admin/admin_server.hpp"
#include "base/event_loop.hpp"
#include "base/http/listener.hpp"
#include "base/log.hpp"
#include "base/settings.hpp"
#include "base/signals.hpp"
#include "postgres/migrations.hpp"
#include "postgres/rights.hpp"
#include "service/worker.hpp"

namespace gauntlet::service {
namespace {

using base::Expected;

enum class Exit : int { clean = 0, settings = 2, challenge_config = 3, database = 4, port = 5, undrained = 6 };

/// The schema has just been looked at, so PostgreSQL is there: a connection is a matter of moments.
constexpr std::chrono::milliseconds kConnectPatience{5000};

/// What the service's own statements need of its tables; only the role that migrates may do more.
constexpr postgres::Right kRights[] = {{"SELECT, INSERT, UPDATE", "TABLE user_goal_progress"},
                                       {"SELECT, INSERT, UPDATE", "TABLE reward_claim"}};

int give_up(Exit status, const base::Error& error) {
  std::fprintf(stderr, "challenge-service: %s\n", error.message.c_str());
  base::log::flush();
  return static_cast<int>(status);
}

/// Applies missing migrations; waits for PostgreSQL to come up.
Expected<void> migrate(const ServiceSettings& settings) {
  const auto configured = settings.migrations_path.empty() ? std::nullopt : std::optional(settings.migrations_path);
  const auto folder = postgres::find_migrations(configured);
  if (!folder) return tl::unexpected(folder.error());
  const auto give_up_at = std::chrono::steady_clock::now() + settings.database_wait;
  for (bool first = true;; first = false) {
    auto migrated = postgres::migrate(settings.schema_owner, *folder);
    if (migrated) {
      for (const std::string& name : migrated->applied) base::log::info("migration applied", {{"name", name}});
      if (settings.schema_owner.user == settings.database.user) return {};
      return postgres::grant_rights(settings.schema_owner, settings.database.user, kRights);
    }
    if (migrated.error().message.find("SQLSTATE 42501") != std::string::npos)  // insufficient_privilege
      migrated.error().message += " (DB_MIGRATION_USER and DB_MIGRATION_PASSWORD name a role that may change the schema)";
    if (migrated.error().kind != base::ErrorKind::unavailable || std::chrono::steady_clock::now() >= give_up_at) {
      return tl::unexpected(std::move(migrated.error()).in("PostgreSQL at " + settings.schema_owner.describe()));
    }
    if (first)
      base::log::warn("waiting for PostgreSQL",
                      {{"at", settings.database.describe()}, {"reason", migrated.error().message}});
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
}

/// Workers share their ports, which the kernel also lets another challenge-service of the same user do; one socket that
/// does not share finds that out. 0 is always free.
Expected<void> check_port(base::EventLoop& loop, const std::string& address, std::uint16_t port) {
  base::http::ListenerOptions options;
  options.address = address;
  options.port = port;
  options.reuse_port = false;
  const base::http::Router none;
  return base::http::Listener(loop, std::move(options), none).listen();
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
    base::log::info("rewards are granted by the platform: AGSRewardClient initialized",
                    {{"platform", settings.platform.base_url},
                     {"namespace", settings.name_space},
                     {"idempotency", settings.rewards_honour_keys}});
  } else {
    base::log::warn("no reward is given: REWARD_CLIENT_MODE=mock only marks claims as granted (DevMockRewardClient)");
  }
}

int run(int argc, char** argv) {
  base::Environment environment = base::process_environment();
  base::Settings settings_reader(environment);
  auto read = ServiceSettings::read(settings_reader, std::move(environment));
  if (argc == 2 && std::string_view(argv[1]) == "--settings") {
    std::fputs(settings_reader.markdown().c_str(), stdout);
    return 0;
  }
  if (argc > 1) {
    return give_up(Exit::settings, {base::ErrorKind::invalid_argument,
                                    std::string("unknown argument ") + argv[1] +
                                        "; --settings prints the settings, which come from the environment"});
  }
  if (!read) return give_up(Exit::settings, read.error());
  const ServiceSettings& settings = *read;
  base::log::set_level(settings.log_level);

  auto catalog = load_catalog(settings.challenge_config_path);
  if (!catalog) return give_up(Exit::challenge_config, catalog.error());
  if (const auto migrated = migrate(settings); !migrated) return give_up(Exit::database, migrated.error());

  base::EventLoop loop;  // of this thread: signals and the drain's time limit
  base::metrics::Registry metrics;
  metrics.add_process_metrics();
  tell_who_grants_rewards(settings, metrics);
  base::grpc::Health health;
  std::atomic<bool> ready = false;
  base::admin::AdminServer admin(
      {.address = settings.listen_address, .port = settings.metrics_port, .pprof_from_anywhere = settings.pprof_from_anywhere}, metrics);
  add_probes(admin.router(), ready);
  if (const auto started = admin.start(); !started) return give_up(Exit::port, started.error());

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
      return give_up(Exit::database, connected.error());
  }
  for (const std::uint16_t port : {http_port, grpc_port}) {
    if (const auto free = check_port(loop, settings.listen_address, port); !free) return give_up(Exit::port, free.error());
  }
  for (const auto& worker : workers) {
    if (const auto listening = worker->listen(settings.listen_address, http_port, grpc_port); !listening)
      return give_up(Exit::port, listening.error());
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
      if (!next)
        return base::log::error("challenge config not reloaded, the old one stays", {{"reason", next.error().message}});
      (*next)->compress_ahead();
      for (const auto& worker : workers) worker->replace_catalog(*next);
      return base::log::info("challenge config reloaded", {{"challenges", (*next)->config.challenges().size()},
                                                           {"goals", (*next)->config.goals().size()}});
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
