// challenge-event-handler: takes the platform's events over gRPC and moves players' progress. Settings, signals and exit
// statuses: kHelp.
#include <csignal>
#include <memory>
#include <string_view>
#include <thread>
#include <vector>

#include "base/admin/admin_server.hpp"
#include "base/event_loop.hpp"
#include "base/log.hpp"
#include "base/service_program.hpp"
#include "base/settings.hpp"
#include "base/signals.hpp"
#include "base/whole_file.hpp"
#include "challenge/config_parser.hpp"
#include "events/worker.hpp"
#include "postgres/blocking_connection.hpp"
#include "postgres/startup.hpp"

namespace gauntlet::events {
namespace {

using base::ErrorKind;
using base::Exit;
using base::Expected;

constexpr std::string_view kHelp =
    R"(challenge-event-handler: takes the platform's login and statistic events over gRPC and moves players' progress in PostgreSQL.

usage: challenge-event-handler               serves until SIGTERM
       challenge-event-handler --settings    prints every setting, its values and its default
       challenge-event-handler --help | --version

Settings come from the environment, for example:
  DB_HOST=localhost DB_NAME=challenge_db DB_USER=postgres DB_PASSWORD=... \
  CONFIG_PATH=config/challenges.json AB_NAMESPACE=demo challenge-event-handler

ports (0: the kernel chooses; LISTEN_ADDRESS=127.0.0.1: for this machine only)
  GRPC_PORT=6566     the OnMessage methods, with reflection and health
  METRICS_PORT=8081  /metrics and /debug/pprof

signals
  SIGTERM, SIGINT    takes no new events, commits and answers those in flight (SHUTDOWN_GRACE), ends

exit status
  0  ended by SIGTERM or SIGINT, events in flight committed and answered
  2  a setting or an argument is wrong
  3  the challenge config cannot be read or is wrong
  4  PostgreSQL does not answer, or its schema cannot be brought up to date
  5  a port cannot be bound
  6  ended by SIGTERM, but events were still in flight after SHUTDOWN_GRACE

The log goes to standard error; LOG_FORMAT=json: to standard output, an object a line.
)";

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

/// PROGRESS_PARTITIONS.
Expected<void> partition(const EventSettings& settings) {
  if (settings.progress_partitions == 0) return {};
  auto options = settings.database;
  options.statement_timeout = std::chrono::milliseconds(0);  // it copies the table
  auto connection = postgres::BlockingConnection::connect(options);
  if (!connection) return tl::unexpected<base::Error>(std::move(connection.error()));
  const auto done = connection->run("SELECT partition_user_goal_progress(" + std::to_string(settings.progress_partitions) + ")");
  if (!done) return tl::unexpected<base::Error>(base::Error(done.error()).in("PROGRESS_PARTITIONS"));
  if (done->rows[0][0] == "t")
    base::log::info("user_goal_progress is partitioned by user_id", {{"partitions", settings.progress_partitions}});
  return {};
}

/// PostgreSQL has just been migrated, so connections stand in a moment: no event shall meet a handler without one. Should
/// PostgreSQL go away right now, we serve all the same and answer UNAVAILABLE.
void wait_for_connections(const Availability& availability, std::size_t workers) {
  const auto give_up_at = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  while (availability.available() < workers && std::chrono::steady_clock::now() < give_up_at)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

void log_each_second(base::EventLoop& loop, EventMetrics& metrics) {
  loop.call_after(std::chrono::seconds(1), [&] {
    metrics.log_summary();
    log_each_second(loop, metrics);
  });
}

int run(int argc, char** argv) {
  const base::ServiceProgram program("challenge-event-handler", kHelp);
  base::Environment environment = base::process_environment();
  base::Settings settings_reader(environment);
  program.read_log_settings(settings_reader);
  const auto read = EventSettings::read(settings_reader, std::move(environment));
  if (const auto ended = program.answer_flags(argc, argv, settings_reader)) return *ended;
  if (!read) return program.give_up(Exit::settings, read.error());
  const EventSettings& settings = *read;

  const auto config = load_config(settings.config_path);
  if (!config) return program.give_up(Exit::challenge_config, config.error());
  const GoalKeys keys(*config);
  if (const auto prepared = postgres::prepare_schema(settings.database, {}, settings.migrations_path, settings.database_wait); !prepared)
    return program.give_up(Exit::database, prepared.error());
  if (const auto partitioned = partition(settings); !partitioned) return program.give_up(Exit::database, partitioned.error());
  if (settings.writer.buffer_for)
    base::log::warn(
        "buffered mode: events are answered before they are written; a crash loses what arrived since the last flush",
        {{"interval_ms", settings.writer.buffer_for->count()}, {"events_at_most", settings.threads * settings.writer.max_waiting}});

  base::EventLoop loop;  // of this thread: signals, the summary line, the drain's time limit
  base::metrics::Registry registry;
  registry.add_process_metrics();
  EventMetrics metrics(registry);
  base::grpc::Health health;
  Availability availability(health);
  const WorkerParts parts{settings, keys, registry, metrics, health, availability};
  std::vector<std::unique_ptr<Worker>> workers;
  for (std::size_t number = 0; number < settings.threads; ++number) workers.push_back(std::make_unique<Worker>(number, parts));
  base::admin::AdminServer admin(
      {.address = settings.listen_address, .port = settings.metrics_port, .pprof_from_anywhere = settings.pprof_from_anywhere}, registry);
  if (const auto started = admin.start(); !started) return program.give_up(Exit::port, base::port_error(started.error(), "METRICS_PORT"));
  wait_for_connections(availability, workers.size());
  if (const auto free = base::check_port(loop, "GRPC_PORT", settings.listen_address, settings.grpc_port); !free)
    return program.give_up(Exit::port, free.error());
  std::uint16_t port = settings.grpc_port;
  for (const auto& worker : workers) {
    if (const auto listening = worker->listen(settings.listen_address, port); !listening)
      return program.give_up(Exit::port, listening.error());
    port = workers.front()->port();
  }
  base::log::info("challenge-event-handler is serving",
                  {{"grpc_port", port}, {"metrics_port", admin.port()}, {"threads", settings.threads}, {"goals", keys.rows().size()}});

  Exit status = Exit::clean;
  bool draining = false;
  std::atomic<std::size_t> left = workers.size();
  base::SignalWatch watch(loop, {SIGTERM, SIGINT}, [&](int) {
    if (std::exchange(draining, true)) return;
    base::log::info("stopping: no new events");
    health.set_all(base::grpc::Health::Status::not_serving);
    for (const auto& worker : workers)
      worker->drain([&] {
        if (left.fetch_sub(1) == 1) loop.stop();
      });
    loop.call_after(settings.drain_time, [&] {
      status = Exit::undrained;
      loop.stop();
    });
  });
  log_each_second(loop, metrics);
  loop.run();
  metrics.log_summary();
  workers.clear();
  base::log::info(status == Exit::clean ? "stopped" : "stopped with events in flight");
  base::log::flush();
  return static_cast<int>(status);
}

}  // namespace
}  // namespace gauntlet::events

int main(int argc, char** argv) {
  gauntlet::base::block_signals({SIGTERM, SIGINT});
  return gauntlet::events::run(argc, argv);
}
