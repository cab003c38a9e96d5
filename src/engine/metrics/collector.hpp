#pragma once
// Brings the threads' windows together once a second. Owned and called by the control thread, which is none of the
// engine's own threads:
//
//   Collector collector(registry, {}, start);
//   auto recorder = collector.make_recorder(loop);          // one per engine thread, before they run
//   while (running) { sleep a second; const Snapshot& now = collector.sample(Clock::now()); ... }
//   // threads have ended:
//   const Snapshot& all = collector.finish(Clock::now());
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "engine/metrics/metric.hpp"
#include "engine/metrics/recorder.hpp"
#include "engine/metrics/series.hpp"
#include "engine/metrics/snapshot.hpp"

namespace gauntlet::base {
class EventLoop;
}

namespace gauntlet::engine::metrics {

class SampleStream;

struct CollectorOptions {
  SystemTagSet system_tags = SystemTagSet::defaults();
  /// Gather every metric per scenario and per group too (`--summary-mode full`).
  bool parts = false;
  /// Rows of the endpoint table; further ones are folded into one.
  std::size_t endpoint_limit = 256;
  /// Distinct checks (name and group); further ones are folded into one.
  std::size_t check_limit = 4096;
  /// What the calendar said at the collector's start; samples are dated from there by the steady clock. Default: now.
  std::optional<std::chrono::system_clock::time_point> wall_start;
  /// Samples of setup() and teardown() are in the endpoint table only, by names of their own, and in no total.
  bool lifecycle_apart = false;
  /// Bytes of each thread's ring for single samples; 0 when no output wants them.
  std::size_t stream_bytes = 0;
  /// Gather for take_delta(), too.
  bool deltas = false;
};

class Collector {
 public:
  /// `start` is where the test's duration counts from (before setup). The registry must outlive the collector.
  Collector(MetricRegistry& registry, CollectorOptions options, Instant start);
  ~Collector();
  Collector(const Collector&) = delete;
  Collector& operator=(const Collector&) = delete;

  /// A recorder for the thread that runs `loop`, or without a loop one for the control thread itself (vus gauges),
  /// for which sample() publishes. Made and destroyed on the control thread, before the collector.
  std::unique_ptr<Recorder> make_recorder(base::EventLoop* loop);

  /// Asks every loop to publish, waits for them at most `patience` (a thread stuck in a script is not waited for longer:
  /// its samples come with a later round) and merges. The reference stays valid; its content changes with the next call.
  const Snapshot& sample(Instant now, std::chrono::milliseconds patience = std::chrono::milliseconds(200));
  /// The same for threads that have ended: publishes for them. The last call.
  const Snapshot& finish(Instant now);
  const Snapshot& snapshot() const;

  /// Forgets everything gathered so far and counts from `now` (end of a warm-up).
  void restart(Instant now);

  /// What was gathered since the last call, or since the start or restart(): sums of all that it ever returned are the snapshot.
  /// Gauges without a sample since then have none in it. Only with CollectorOptions::deltas.
  Snapshot take_delta();

  /// Replaces what was gathered by what several processes have done together; its last window goes into the series. For a
  /// collector that has nothing to sample.
  void adopt(Snapshot snapshot);
  /// The series begins again.
  void forget_series();

  /// A row a second (longer for very long tests), from the start.
  const Series& series() const;

  /// nullptr without CollectorOptions::stream_bytes.
  SampleStream* stream();
  MetricRegistry& registry();

 private:
  friend class Recorder;
  struct State;

  std::unique_ptr<Window> exchange(std::unique_ptr<Window> full);  // any thread
  void forget(const Recorder& recorder);
  void learn_places();
  void make_room(Snapshot& snapshot);
  void merge(std::vector<std::unique_ptr<Window>> windows, Instant now);

  std::unique_ptr<State> state_;
};

}  // namespace gauntlet::engine::metrics
