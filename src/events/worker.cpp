#include "events/worker.hpp"

#include <chrono>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/grpc/reflection.hpp"
#include "base/grpc/server.hpp"
#include "base/log.hpp"
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

class EventWorker final : public host::Worker {
 public:
  EventWorker(base::EventLoop& loop, const WorkerParts& parts)
      : availability_(parts.availability),
        store_(std::make_unique<PostgresProgressStore>(loop, parts.settings.database, parts.keys,
                                                       StoreOptions{.name_space = parts.settings.name_space,
                                                                    .create_rows = parts.settings.create_rows,
                                                                    .dedup_window_hours = parts.settings.dedup_window_hours,
                                                                    .max_dead_letters = parts.settings.max_dead_letters,
                                                                    .metrics = &parts.registry,
                                                                    .on_availability = [this](bool available) { tell(available); }})),
        writer_(*store_, timing_of(loop, alive_), parts.settings.writer, observer_of(parts.metrics)),
        decoder_(parts.keys, {.name_space = parts.settings.name_space,
                              .dedup = parts.settings.dedup,
                              .dedup_window_hours = parts.settings.dedup_window_hours}),
        on_message_(decoder_, writer_, parts.metrics, parts.settings.writer.buffer_for.has_value()),
        rpc_server_({.metrics = &parts.registry}) {
    on_message_.add_methods(rpc_server_);
    base::grpc::add_health(rpc_server_, parts.health);
    base::grpc::add_reflection(rpc_server_);
  }

  ~EventWorker() override {
    store_.reset();  // answers the writer for what was in flight
  }

  std::vector<host::Endpoint> endpoints() override { return {{.streams = rpc_server_.streams()}}; }
  postgres::Pool& pool() override { return store_->pool(); }
  void stopping() override { writer_.hurry(); }
  void drain(std::function<void()> done) override { writer_.drain(std::move(done)); }

 private:
  void tell(bool available) {
    availability_.worker_changed(available);
    if (available) return writer_.store_back();
    static base::log::Limit limit(1);
    const std::string& reason = store_->pool().last_failure();
    base::log::warn(limit, "PostgreSQL is away; events are answered UNAVAILABLE until it is back", {{"reason", reason}});
    writer_.store_lost({base::ErrorKind::unavailable, reason});
  }

  std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);  // shared with tasks that may come too late
  Availability& availability_;
  std::unique_ptr<PostgresProgressStore> store_;
  Writer writer_;
  Decoder decoder_;
  OnMessage on_message_;
  base::grpc::Server rpc_server_;
};

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

std::unique_ptr<host::Worker> make_worker(base::EventLoop& loop, const WorkerParts& parts) {
  return std::make_unique<EventWorker>(loop, parts);
}

}  // namespace gauntlet::events
