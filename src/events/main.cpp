// challenge-event-handler: takes the platform's events over gRPC and moves players' progress. Settings, signals and exit
// statuses: --help.
#include <atomic>
#include <chrono>
#include <csignal>
#include <string>

#include "base/admin/admin_server.hpp"
#include "base/event_loop.hpp"
#include "base/log.hpp"
#include "base/signals.hpp"
#include "base/whole_file.hpp"
#include "challenge/config_parser.hpp"
#include "events/worker.hpp"
#include "host/program.hpp"
#include "host/serving.hpp"
#include "host/workers.hpp"
#include "postgres/blocking_connection.hpp"
#include "postgres/startup.hpp"

namespace gauntlet::events {
namespace {

using base::ErrorKind;
using base::Expected;
using host::Exit;

constexpr host::ProgramText kText = {
    .name = "challenge-event-handler",
    .purpose = "takes the platform's login and statistic events over gRPC and moves players' progress in PostgreSQL.",
    .example = R"(  DB_HOST=localhost DB_NAME=challenge_db DB_USER=postgres DB_PASSWORD=... \
  CONFIG_PATH=config/challenges.json AB_NAMESPACE=demo challenge-event-handler)",
    .ports = R"(  GRPC_PORT=6566     the OnMessage methods, with reflection and health
  METRICS_PORT=8081  /metrics and /debug/pprof)",
    .signals = R"(  SIGTERM, SIGINT    takes no new events, commits and answers those in flight (SHUTDOWN_GRACE), ends
  SIGHUP             nothing but a line in the log: a new challenge config needs a restart)",
    .work = "events",
    .work_when_clean = "committed and answered",
};

/// PostgreSQL has just been migrated, so connections stand in a moment: no event shall meet a handler without one. Should
/// PostgreSQL go away right now, we serve all the same and answer UNAVAILABLE.
constexpr std::chrono::seconds kConnectPatience{2};

Expected<challenge::Config> load_config(const std::string& path) {
  auto text = base::read_file(path);
  if (!text) {
    text.error().message += " (CONFIG_PATH says where the challenge config is)";
    return tl::unexpected(std::move(text.error()));
  }
  auto config = challenge::parse_config(*text);
  if (!config)
    return base::fail(ErrorKind::invalid_argument, path + " is not a valid challenge config:\n" + challenge::describe(config.error()));
  return std::move(*config);
}

Expected<void> prepare_database(const EventSettings& settings) {
  auto prepared = postgres::prepare_schema(settings.database, {}, settings.migrations_path, settings.database_wait);
  if (!prepared || settings.progress_partitions == 0) return prepared;
  auto options = settings.database;
  options.statement_timeout = std::chrono::milliseconds(0);  // it copies the table
  auto connection = TRY(postgres::BlockingConnection::connect(options));
  const auto done = connection.run("SELECT partition_user_goal_progress(" + std::to_string(settings.progress_partitions) + ")");
  if (!done) return tl::unexpected<base::Error>(base::Error(done.error()).in("PROGRESS_PARTITIONS"));
  if (done->rows[0][0] == "t")
    base::log::info("user_goal_progress is partitioned by user_id", {{"partitions", settings.progress_partitions}});
  return {};
}

void warn_of_buffered_mode(const EventSettings& settings) {
  if (!settings.writer.buffer_for) return;
  base::log::warn(
      "buffered mode: events are answered before they are written; a crash loses what arrived since the last flush",
      {{"interval_ms", settings.writer.buffer_for->count()}, {"events_at_most", settings.threads * settings.writer.max_waiting}});
}

void log_each_second(base::EventLoop& loop, EventMetrics& metrics) {
  loop.call_after(std::chrono::seconds(1), [&] {
    metrics.log_summary();
    log_each_second(loop, metrics);
  });
}

int run(int argc, char** argv) {
  const host::Program program(kText);
  const auto settings = program.read_settings<EventSettings>(argc, argv);
  if (!settings) return settings.error();
  const auto config = load_config(settings->config_path);
  if (!config) return program.give_up(Exit::challenge_config, config.error());
  const GoalKeys keys(*config);
  if (const auto prepared = prepare_database(*settings); !prepared) return program.give_up(Exit::database, prepared.error());
  warn_of_buffered_mode(*settings);

  base::EventLoop loop;  // of this thread: signals, the summary line, the drain's time limit
  base::metrics::Registry registry;
  registry.add_process_metrics();
  EventMetrics metrics(registry);
  base::grpc::Health health;
  Availability availability(health);
  const WorkerParts parts{*settings, keys, registry, metrics, health, availability};
  host::Workers workers(settings->threads, [&](std::size_t, base::EventLoop& its_loop) { return make_worker(its_loop, parts); });
  std::atomic<bool> ready = false;
  base::admin::AdminServer admin(host::admin_options(*settings), registry);
  host::add_probes(admin.router(), ready);
  if (const auto started = host::start(admin); !started) return program.give_up(Exit::port, started.error());
  if (const auto connected = workers.await_database(kConnectPatience); !connected)
    base::log::warn("no event can be written yet", {{"reason", connected.error().message}});
  const auto ports = workers.listen(*settings, registry);
  if (!ports) return program.give_up(Exit::port, ports.error());
  ready = true;
  base::log::info(
      "challenge-event-handler is serving",
      {{"grpc_port", ports->front()}, {"metrics_port", admin.port()}, {"threads", settings->threads}, {"goals", keys.rows().size()}});

  const base::SignalWatch hangup(loop, {SIGHUP}, [](int) {
    base::log::warn("SIGHUP does nothing here: a challenge config is read at the start; restart the handlers one by one");
  });
  log_each_second(loop, metrics);
  const Exit status = host::serve(
      loop, workers, health,
      {.work = kText.work, .drain_time = settings->drain_time, .readiness_delay = settings->readiness_delay, .on_signal = [&ready] {
         ready = false;
       }});
  metrics.log_summary();
  return program.end(status);
}

}  // namespace
}  // namespace gauntlet::events

int main(int argc, char** argv) {
  gauntlet::base::block_signals({SIGTERM, SIGINT, SIGHUP});
  return gauntlet::events::run(argc, argv);
}
