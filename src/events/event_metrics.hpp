#pragma once
// What the handler counts, and the `buffer flush` lines that operators grep for.
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string_view>

#include "base/error.hpp"
#include "base/metrics.hpp"
#include "events/event.hpp"
#include "events/writer.hpp"

namespace gauntlet::events {

enum class EventKind : std::uint8_t { login, statistic };

/// How a call ended.
enum class Outcome : std::uint8_t {
  committed,        // answered OK after its commit
  buffered,         // answered OK before (buffered mode)
  other_namespace,  // OK, ignored
  no_goal,          // OK, ignored
  impossible_user,  // OK, ignored
  invalid,          // INVALID_ARGUMENT
  refused,          // RESOURCE_EXHAUSTED: too many wait
  unavailable,      // UNAVAILABLE: PostgreSQL is away
  failed,           // any other error
};
inline constexpr std::size_t kOutcomes = 9;
std::string_view to_string(Outcome outcome);
/// Answered OK: label status="success"; any other answer is an "error".
bool is_success(Outcome outcome);

/// One for the program; any thread.
class EventMetrics {
 public:
  /// `registry` outlives it.
  explicit EventMetrics(base::metrics::Registry& registry);

  void ended(EventKind kind, Outcome outcome, std::chrono::nanoseconds elapsed);
  /// A message that is answered INVALID_ARGUMENT; `reason` is one of the decoder's few sentences.
  void invalid(EventKind kind, std::string_view reason);
  /// A value or an increment that no goal can take.
  void value_skipped() { values_skipped_.increment(); }
  void poisoned() { poisoned_.increment(); }

  /// Logs `buffer flush` (ten lines a second at most) and counts.
  void flushed(const Flush& flush);
  /// From the events' own time, and from their arrival, until now, when every reader sees their effect.
  void visible(const Flush& flush);
  void flush_failed(const base::Error& why, std::size_t events, std::chrono::nanoseconds elapsed);

  /// A place where one writer keeps how many events wait; summed up in challenge_buffer_size. Lives as long as this.
  std::atomic<std::size_t>& add_writer();

  /// Called once a second: one line that sums up the flushes since the last call, when there were any.
  void log_summary();

 private:
  std::array<std::array<base::metrics::Histogram*, 2>, 2> processing_;  // by kind and is_success()
  std::array<std::array<base::metrics::Counter*, kOutcomes>, 2> outcomes_;
  base::metrics::Family<base::metrics::Counter>& invalid_;
  base::metrics::Histogram& visible_since_arrival_;
  base::metrics::Histogram& visible_since_event_;
  base::metrics::Histogram& flush_seconds_;
  base::metrics::Histogram& failed_flush_seconds_;
  base::metrics::Histogram& flush_wait_seconds_;
  base::metrics::Histogram& flush_events_;
  base::metrics::Counter& rows_written_;
  base::metrics::Counter& redelivered_;
  base::metrics::Counter& failed_flushes_;
  base::metrics::Counter& values_skipped_;
  base::metrics::Counter& poisoned_;
  std::deque<std::atomic<std::size_t>> waiting_;  // by writer; added before the threads that scrape start

  // Since the last summary.
  std::atomic<std::uint64_t> flushes_{0};
  std::atomic<std::uint64_t> events_{0};
  std::atomic<std::uint64_t> rows_{0};
  std::atomic<std::int64_t> longest_ns_{0};
  std::atomic<std::int64_t> oldest_wait_ns_{0};
};

}  // namespace gauntlet::events
