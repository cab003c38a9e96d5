#pragma once
// Group commit: events wait in an open batch while the one before it is being committed, so a batch is one event under
// light load and as many as arrived meanwhile under heavy load; no timer to tune. Each event is answered when its batch
// has committed, and never before.
//
// Pure of I/O: store, time and "later" come in, so the simulation runs the same code from a seed.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "base/error.hpp"
#include "events/event.hpp"
#include "events/progress_store.hpp"

namespace gauntlet::events {

struct WriterLimits {
  /// Events accepted and not yet answered; more are refused with resource_exhausted at once. Four times what one
  /// platform connection keeps in flight.
  std::size_t max_waiting = 2000;
  /// Bytes of their messages and their fixed cost.
  std::size_t max_waiting_bytes = 16U << 20;
  /// Events of one transaction. Beyond a few thousand a batch costs latency and wins nothing.
  std::size_t max_batch = 2000;
  /// A batch that the database gave up as a deadlock's victim is tried again so often.
  int max_attempts = 5;
  /// Buffered mode: answer on arrival, write after this interval or at `max_batch` events. Nothing: answer after commit.
  std::optional<std::chrono::milliseconds> buffer_for{};
};

/// One flush, for logs and metrics. The spans last as long as the call that it is given to.
struct Flush {
  std::span<const Event> written_events;
  std::span<const std::chrono::steady_clock::time_point> arrived;  // when each came
  std::chrono::steady_clock::time_point committed{};
  std::size_t events = 0;
  ProgressStore::Written written;
  std::chrono::nanoseconds duration{};     // from sending to the answer
  std::chrono::nanoseconds oldest_wait{};  // of its first event, until sent
};

/// How a writer learns the time and comes back later; the event loop in the program, a virtual clock in the simulation.
struct Timing {
  using Clock = std::chrono::steady_clock;
  std::function<Clock::time_point()> now;
  /// Runs the task after the delay, and never from inside the call; zero: at the end of the present round.
  std::function<void(std::chrono::nanoseconds, std::function<void()>)> after;
};

/// Belongs to its loop's thread. Tasks it has left with Timing must not run after its end.
class Writer {
 public:
  /// OK or why the event's effect is not known to be committed.
  using Answer = std::function<void(const base::Expected<void>&)>;
  struct Observer {
    std::function<void(const Flush&)> on_flush;
    /// `elapsed`: since the events were sent.
    std::function<void(const base::Error&, std::size_t events, std::chrono::nanoseconds elapsed)> on_failed_flush;
    /// An event that the database refuses: it is kept as a dead letter and answered OK, since delivering it again would
    /// not help.
    std::function<void(const Event&, const base::Error&)> on_poison;
    /// How many events wait now (waiting()), whenever that changes.
    std::function<void(std::size_t)> on_waiting{};
  };

  Writer(ProgressStore& store, Timing timing, WriterLimits limits, Observer observer);
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  /// Takes an event; `answer` is called once, possibly from inside.
  void submit(Event event, Answer answer);

  /// The store lost its connection: what waits is answered `unavailable` (in buffered mode it is kept).
  void store_lost(const base::Error& why);
  /// The store can be written again.
  void store_back() { flush_soon(); }

  /// From now on buffered events are written without waiting for the interval.
  void hurry();
  /// Calls `done` once nothing is left to write, in a hurry.
  void drain(std::function<void()> done);

  /// Accepted, and not yet written or given up.
  std::size_t waiting() const { return open_.events.size() + flying_.events.size(); }

 private:
  struct Batch {
    std::vector<Event> events;
    std::vector<Answer> answers;  // empty in buffered mode
    std::vector<Timing::Clock::time_point> arrived;
    void clear();
  };
  /// A stretch of the flying batch that is to be written by itself, since the whole was refused.
  struct Part {
    std::size_t begin;
    std::size_t end;
  };

  bool is_full(const Event& event) const;
  void tell_waiting() const;
  /// At the end of the round, so that a batch holds all events that one reading of the sockets brought.
  void flush_soon();
  void flush_after_interval();
  void flush();
  void write_part(Part part, int attempt);
  void part_done(Part part, int attempt, base::Expected<ProgressStore::Written> outcome);
  void bury(Part part, const base::Error& why);
  void answer_part(Part part, const base::Expected<void>& outcome);
  void next_part();
  void write_again_later(Part part);
  void finish_if_drained();

  ProgressStore& store_;
  Timing timing_;
  WriterLimits limits_;
  Observer observer_;
  Batch open_;
  Batch flying_;
  std::vector<Part> parts_;  // of flying_ still to write, the next one last
  bool writing_ = false;
  bool flush_asked_ = false;
  bool interval_running_ = false;
  bool hurries_ = false;
  std::size_t open_bytes_ = 0;
  std::size_t flying_bytes_ = 0;
  Timing::Clock::time_point sent_{};
  std::function<void()> drained_;
};

}  // namespace gauntlet::events
