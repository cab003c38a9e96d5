#include "events/worker.hpp"

#include <string>
#include <utility>

#include "base/grpc/reflection.hpp"
#include "base/grpc/server.hpp"
#include "base/http/listener.hpp"
#include "base/http/router.hpp"
#include "base/log.hpp"
#include "base/loop_thread.hpp"
#include "events/on_message.hpp"
#include "events/postgres_progress_store.hpp"

namespace gauntlet::events {
namespace {

/// Lets the writer come back later, as long as it lives.
Timing timing_of(base::EventLoop& loop, const std::shared_ptr<const bool>& alive) {
  return {.now = [&loop] { return loop.now(); },
          .after =
              [&loop, guard = std::weak_ptr<const bool>(alive)](std::chrono::nanoseconds delay, std::function<void()> task) {
                auto guarded = [guard, task = std::move(task)] {
                  if (!guard.expired()) task();
                };
                if (delay.count() == 0) loop.at_end_of_round(std::move(guarded));
                else loop.call_after(delay, std::move(guarded));
              }};
}

Writer::Observer observer_of(EventMetrics& metrics) {
  return {.on_flush =
              [&metrics](const Flush& flush) {
                metrics.flushed(flush);
                metrics.visible(flush);
              },
          .on_failed_flush = [&metrics](const base::Error& why, std::size_t events,
                                        std::chrono::nanoseconds elapsed) { metrics.flush_failed(why, events, elapsed); },
          .on_poison =
              [&metrics](const Event& event, const base::Error& why) {
                metrics.poisoned();
                static base::log::Limit limit(5);
                base::log::error(
                    limit,
                    "event refused by PostgreSQL: kept in event_dead_letter and answered OK, since delivering it again would not help",
                    {{"user", event.user_id}, {"reason", why.message}});
              },
          .on_waiting = [&waiting = metrics.add_writer()](std::size_t events) { waiting.store(events, std::memory_order_relaxed); }};
}

}  // namespace

Availability::Availability(base::grpc::Health& health) : health_(health) { tell(false); }

void Availability::worker_changed(bool available) {
  const int before = available_.fetch_add(available ? 1 : -1);
  if (available && before == 0) tell(true);
  if (!available && before == 1) tell(false);
}

void Availability::tell(bool serving) {
  const auto status = serving ? base::grpc::Health::Status::serving : base::grpc::Health::Status::not_serving;
  for (const char* service : {"", kLoginService, kStatisticService}) health_.set(service, status);
}

/// Made and destroyed on the worker's thread.
struct ThreadState {
  ThreadState(base::EventLoop& the_loop, const WorkerParts& parts)
      : loop(the_loop),
        registry(parts.registry),
        listener_limits(parts.settings.listener),
        store(std::make_unique<PostgresProgressStore>(loop, parts.settings.database, parts.keys,
                                                      StoreOptions{.name_space = parts.settings.name_space,
                                                                   .create_rows = parts.settings.create_rows,
                                                                   .dedup_window_hours = parts.settings.dedup_window_hours,
                                                                   .max_dead_letters = parts.settings.max_dead_letters,
                                                                   .on_availability = [this](bool available) { tell(available); }})),
        availability(parts.availability),
        writer(std::make_unique<Writer>(*store, timing_of(loop, alive), parts.settings.writer, observer_of(parts.metrics))),
        decoder(parts.keys, {.name_space = parts.settings.name_space,
                             .dedup = parts.settings.dedup,
                             .dedup_window_hours = parts.settings.dedup_window_hours}),
        on_message(decoder, *writer, parts.metrics, parts.settings.writer.buffer_for.has_value()),
        rpc_server({.metrics = &parts.registry}) {
    on_message.add_methods(rpc_server);
    base::grpc::add_health(rpc_server, parts.health);
    base::grpc::add_reflection(rpc_server);
  }

  ~ThreadState() {
    listener.reset();
    store.reset();  // answers the writer for what was in flight
  }

  void tell(bool available) {
    availability.worker_changed(available);
    if (available) return writer->store_back();
    static base::log::Limit limit(1);
    const std::string& reason = store->pool().last_failure();
    base::log::warn(limit, "PostgreSQL is away; events are answered UNAVAILABLE until it is back", {{"reason", reason}});
    writer->store_lost({base::ErrorKind::unavailable, reason});
  }

  std::shared_ptr<const bool> alive = std::make_shared<const bool>(true);  // shared with tasks that may come too late
  base::EventLoop& loop;
  base::metrics::Registry& registry;
  const base::http::ListenerOptions listener_limits;
  std::unique_ptr<PostgresProgressStore> store;
  Availability& availability;
  std::unique_ptr<Writer> writer;
  Decoder decoder;
  OnMessage on_message;
  base::http::Router no_routes;  // anything but gRPC is 404
  base::grpc::Server rpc_server;
  std::unique_ptr<base::http::Listener> listener;
};

struct Worker::State {
  explicit State(std::size_t number) : thread("worker-" + std::to_string(number)) {}
  base::LoopThread thread;
  std::unique_ptr<ThreadState> on_thread;
};

Worker::Worker(std::size_t number, const WorkerParts& parts) : state_(std::make_unique<State>(number)) {
  state_->thread.run_and_wait([&] { state_->on_thread = std::make_unique<ThreadState>(state_->thread.loop(), parts); });
}

Worker::~Worker() {
  state_->thread.run_and_wait([this] { state_->on_thread.reset(); });
}

base::Expected<void> Worker::listen(const std::string& address, std::uint16_t port) {
  base::Expected<void> listening;
  state_->thread.run_and_wait([&] {
    ThreadState& own = *state_->on_thread;
    base::http::ListenerOptions options = own.listener_limits;
    options.metrics = &own.registry;
    options.address = address;
    options.port = port;
    own.listener = std::make_unique<base::http::Listener>(own.loop, std::move(options), own.no_routes, own.rpc_server.streams());
    listening = own.listener->listen();
  });
  return listening;
}

std::uint16_t Worker::port() const { return state_->on_thread->listener->port(); }

void Worker::drain(std::function<void()> done) {
  state_->thread.loop().post([this, done = std::move(done)] {
    ThreadState& own = *state_->on_thread;
    own.listener->drain([&own, done] { own.writer->drain(done); });
  });
}

}  // namespace gauntlet::events
