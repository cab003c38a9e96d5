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
  /// carry ids), aborted (nothing happened, try again), invalid_argument and already_exists (an event of the batch cannot
  /// be stored, nothing happened), others (nothing happened).
  virtual void write(std::span<const Event> events, Done done) = 0;

  /// Keeps an event that cannot be stored, with the reason, for a person to look at; durable when `done` says so. `event`
  /// must stay where it is until then. Called as `done` of write(). Errors: as above, and resource_exhausted when as many
  /// are kept as may be.
  using Buried = std::function<void(base::Expected<void>)>;
  virtual void bury(const Event& event, const base::Error& reason, Buried done) = 0;
};

}  // namespace gauntlet::events
