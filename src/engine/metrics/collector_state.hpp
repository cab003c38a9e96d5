#pragma once
// What the collector keeps; shared with the recorders that it makes.
#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "engine/metrics/collector.hpp"
#include "engine/metrics/places.hpp"
#include "engine/metrics/sample_stream.hpp"
#include "engine/metrics/window.hpp"

namespace gauntlet::engine::metrics {

struct Collector::State {
  /// What to add to the steady clock's nanoseconds for those of the calendar.
  static std::int64_t unix_offset(const CollectorOptions& options, Instant started) {
    using std::chrono::nanoseconds;
    if (options.wall_start)
      return nanoseconds(options.wall_start->time_since_epoch()).count() - nanoseconds(started.time_since_epoch()).count();
    return nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count() -
           nanoseconds(Instant::clock::now().time_since_epoch()).count();
  }

  State(MetricRegistry& metrics, CollectorOptions chosen, Instant started)
      : registry(metrics),
        options(chosen),
        start(started),
        sampled(started),
        unix_offset_ns(unix_offset(chosen, started)),
        places({.endpoints = chosen.endpoint_limit, .checks = chosen.check_limit}),
        stream(chosen.stream_bytes == 0 ? nullptr : std::make_unique<SampleStream>(chosen.stream_bytes)) {}

  MetricRegistry& registry;
  const CollectorOptions options;
  Instant start;
  Instant sampled;  // end of the last window
  const std::int64_t unix_offset_ns;
  PlaceTable places;
  std::unique_ptr<SampleStream> stream;

  struct Producer {
    Recorder* recorder = nullptr;
    base::EventLoop* loop = nullptr;
  };
  std::vector<Producer> producers;  // control thread only

  std::mutex mutex;  // of what follows
  std::condition_variable delivered;
  std::vector<std::unique_ptr<Window>> full;   // published, not merged yet
  std::vector<std::unique_ptr<Window>> empty;  // merged and cleared
  std::uint64_t publications = 0;

  // What the place table has said so far, by place and row.
  std::vector<Place> known_places;
  Snapshot snapshot;
  Snapshot delta;  // with CollectorOptions::deltas: since take_delta()
  Series series;
};

}  // namespace gauntlet::engine::metrics
