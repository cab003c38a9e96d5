#include "events/event_metrics.hpp"

#include <algorithm>

#include "base/duration.hpp"
#include "base/log.hpp"

namespace gauntlet::events {
namespace {

using std::chrono::nanoseconds;

void raise_to(std::atomic<std::int64_t>& most, std::int64_t value) {
  std::int64_t seen = most.load(std::memory_order_relaxed);
  while (value > seen && !most.compare_exchange_weak(seen, value, std::memory_order_relaxed)) {
  }
}

constexpr double kMostEventsAFlush = 10'000;
/// Label buffer_type: there is one kind of buffer, of changes to players' progress.
constexpr std::string_view kBuffer = "progress";

base::metrics::Histogram& visible_histogram(base::metrics::Registry& registry, std::string_view since) {
  return registry
      .histogram("challenge_event_visible_seconds", "Until an event's effect was committed: since its own time, and since its arrival.",
                 {"since"}, base::metrics::latency_buckets())
      .with({since});
}

base::metrics::Histogram& flush_histogram(base::metrics::Registry& registry, std::string_view status) {
  return registry
      .histogram("challenge_buffer_flush_duration_seconds", "From sending a batch to its commit, or to its failure.",
                 {"buffer_type", "status"}, base::metrics::latency_buckets())
      .with({kBuffer, status});
}

constexpr std::array<std::string_view, 2> kKinds{"login", "statistic"};
constexpr std::array<std::string_view, 2> kStatuses{"error", "success"};  // by is_success()

}  // namespace

std::string_view to_string(Outcome outcome) {
  switch (outcome) {
    case Outcome::committed: return "committed";
    case Outcome::buffered: return "buffered";
    case Outcome::other_namespace: return "other_namespace";
    case Outcome::no_goal: return "no_goal";
    case Outcome::impossible_user: return "impossible_user";
    case Outcome::invalid: return "invalid";
    case Outcome::refused: return "refused";
    case Outcome::unavailable: return "unavailable";
    case Outcome::failed: break;
  }
  return "failed";
}

bool is_success(Outcome outcome) { return outcome <= Outcome::impossible_user; }

EventMetrics::EventMetrics(base::metrics::Registry& registry)
    : invalid_(registry.counter("challenge_events_invalid_total", "Messages that were answered INVALID_ARGUMENT, by the answer's words.",
                                {"event_type", "reason"})),
      visible_since_arrival_(visible_histogram(registry, "arrival")),
      visible_since_event_(visible_histogram(registry, "event")),
      flush_seconds_(flush_histogram(registry, "success")),
      failed_flush_seconds_(flush_histogram(registry, "error")),
      flush_wait_seconds_(registry
                              .histogram("challenge_buffer_wait_seconds", "How long the first event of a batch waited to be sent.", {},
                                         base::metrics::latency_buckets())
                              .with({})),
      flush_events_(
          registry.histogram("challenge_buffer_flush_events", "Events of a batch.", {}, base::metrics::count_buckets(kMostEventsAFlush))
              .with({})),
      rows_written_(registry.counter("challenge_event_rows_written_total", "Rows of user_goal_progress that events changed.").with({})),
      redelivered_(
          registry.counter("challenge_events_redelivered_total", "Events without effect because their id had been committed before.")
              .with({})),
      failed_flushes_(registry.counter("challenge_buffer_flush_failures_total", "Batches that were not committed.").with({})),
      values_skipped_(
          registry
              .counter(
                  "challenge_event_values_skipped_total",
                  "Values that are negative, infinite or no number, and increments that are infinite or no number, which no goal takes.")
              .with({})),
      poisoned_(registry
                    .counter("challenge_events_poisoned_total",
                             "Events that PostgreSQL refuses to store; answered OK and kept in event_dead_letter.")
                    .with({})) {
  auto& processing = registry.histogram("challenge_event_processing_duration_seconds", "From an event's arrival to its answer.",
                                        {"event_type", "status"}, base::metrics::latency_buckets());
  auto& outcomes = registry.counter("challenge_events_total", "Events by how they ended.", {"event_type", "outcome"});
  for (std::size_t kind = 0; kind < kKinds.size(); ++kind) {
    for (std::size_t status = 0; status < kStatuses.size(); ++status)
      processing_[kind][status] = &processing.with({kKinds[kind], kStatuses[status]});
    for (std::size_t outcome = 0; outcome < kOutcomes; ++outcome)
      outcomes_[kind][outcome] = &outcomes.with({kKinds[kind], to_string(static_cast<Outcome>(outcome))});
  }
  registry.gauge_function("challenge_buffer_size", "Events that wait for their commit.",
                          [this] {
                            std::size_t sum = 0;
                            for (const auto& waiting : waiting_) sum += waiting.load(std::memory_order_relaxed);
                            return static_cast<double>(sum);
                          },
                          {{"buffer_type", std::string(kBuffer)}});
}

void EventMetrics::ended(EventKind kind, Outcome outcome, nanoseconds elapsed) {
  const auto index = static_cast<std::size_t>(kind);
  outcomes_[index][static_cast<std::size_t>(outcome)]->increment();
  processing_[index][is_success(outcome) ? 1 : 0]->observe(base::seconds_of(elapsed));
}

void EventMetrics::invalid(EventKind kind, std::string_view reason) {
  invalid_.with({kKinds[static_cast<std::size_t>(kind)], reason}).increment();
}

void EventMetrics::flushed(const Flush& flush) {
  flush_seconds_.observe(base::seconds_of(flush.duration));
  flush_wait_seconds_.observe(base::seconds_of(flush.oldest_wait));
  flush_events_.observe(static_cast<double>(flush.events));
  rows_written_.increment(static_cast<std::uint64_t>(flush.written.rows));
  redelivered_.increment(static_cast<std::uint64_t>(flush.written.redelivered));
  flushes_.fetch_add(1, std::memory_order_relaxed);
  events_.fetch_add(flush.events, std::memory_order_relaxed);
  rows_.fetch_add(static_cast<std::uint64_t>(flush.written.rows), std::memory_order_relaxed);
  raise_to(longest_ns_, flush.duration.count());
  raise_to(oldest_wait_ns_, flush.oldest_wait.count());
  static base::log::Limit limit(10);
  base::log::info(limit, "buffer flush",
                  {{"events", flush.events},
                   {"rows", flush.written.rows},
                   {"redelivered", flush.written.redelivered},
                   {"ms", base::milliseconds_of(flush.duration)},
                   {"oldest_wait_ms", base::milliseconds_of(flush.oldest_wait)}});
}

void EventMetrics::visible(const Flush& flush) {
  const std::int64_t now_us = std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now()).time_since_epoch().count();
  for (std::size_t i = 0; i < flush.written_events.size(); ++i) {
    const Event& event = flush.written_events[i];
    visible_since_arrival_.observe(base::seconds_of(flush.committed - flush.arrived[i]));
    if (event.at) visible_since_event_.observe(1e-6 * static_cast<double>(std::max<std::int64_t>(0, now_us - event.at->microseconds)));
    if (!event.trace.empty()) base::log::debug("event committed", {{"trace", event.trace}, {"user", event.user_id}, {"key", event.key}});
  }
}

void EventMetrics::flush_failed(const base::Error& why, std::size_t events, nanoseconds elapsed) {
  failed_flushes_.increment();
  failed_flush_seconds_.observe(base::seconds_of(elapsed));
  static base::log::Limit limit(2);
  base::log::warn(limit, "buffer flush failed", {{"events", events}, {"reason", why.message}});
}

std::atomic<std::size_t>& EventMetrics::add_writer() { return waiting_.emplace_back(0); }

void EventMetrics::log_summary() {
  const std::uint64_t flushes = flushes_.exchange(0, std::memory_order_relaxed);
  const std::uint64_t events = events_.exchange(0, std::memory_order_relaxed);
  const std::uint64_t rows = rows_.exchange(0, std::memory_order_relaxed);
  const nanoseconds longest(longest_ns_.exchange(0, std::memory_order_relaxed));
  const nanoseconds oldest(oldest_wait_ns_.exchange(0, std::memory_order_relaxed));
  if (flushes == 0) return;
  base::log::info("buffer flush summary", {{"flushes", flushes},
                                           {"events", events},
                                           {"rows", rows},
                                           {"longest_ms", base::milliseconds_of(longest)},
                                           {"oldest_wait_ms", base::milliseconds_of(oldest)}});
}

}  // namespace gauntlet::events
