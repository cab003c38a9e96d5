#pragma once
// Where a writer commits its batches: PostgreSQL, or a model of it in the simulation.
#include <cstdint>
#include <functional>
#include <span>

#include "base/error.hpp"
#include "events/event.hpp"

namespace gauntlet::events {

class ProgressStore {
 public:
  struct Written {
    std::int64_t rows = 0;         // changed or created
    std::int64_t redelivered = 0;  // events without effect because their id had been seen
  };
  /// Called exactly once, on the loop, never from inside write().
  using Done = std::function<void(base::Expected<Written>)>;

  virtual ~ProgressStore() = default;
  /// Whether write() has a chance now.
  virtual bool is_available() const = 0;
  /// Applies the events of each player in their order, each id once, in one transaction: all or nothing, durable when
  /// `done` says so. `events` must stay where they are until then. One write at a time.
  /// Errors: unavailable and deadline_exceeded (the outcome is unknown: the same events may be written again when they
  /// carry ids), aborted (nothing happened, try again), invalid_argument (an event of the batch cannot be stored, nothing
  /// happened), others (nothing happened).
  virtual void write(std::span<const Event> events, Done done) = 0;
};

}  // namespace gauntlet::events
