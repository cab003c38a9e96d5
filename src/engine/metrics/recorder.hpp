#pragma once
// The hot path: an engine thread hands its samples in here. Nothing is locked, and nothing allocated once a metric and
// a tag set have been seen; memory does not grow with the number of samples. Once a second the thread's loop publishes
// its window (what was recorded since the last time) to the collector, which merges the windows of all threads.
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/metrics/metric.hpp"
#include "engine/metrics/places.hpp"
#include "engine/metrics/sample_stream.hpp"
#include "engine/metrics/tags.hpp"
#include "engine/metrics/window.hpp"

namespace gauntlet::engine::metrics {

class Collector;

using Instant = std::chrono::steady_clock::time_point;

/// Times of one HTTP round trip in milliseconds, for the seven trends that k6 records for it.
struct HttpRequestTimes {
  double duration = 0;  ///< sending + waiting + receiving
  double blocked = 0;
  double connecting = 0;
  double tls_handshaking = 0;
  double sending = 0;
  double waiting = 0;
  double receiving = 0;
};

/// One per engine thread, made by Collector::make_recorder(); all calls come from that thread. Destroyed before the
/// collector, and before nothing else of the thread that records.
class Recorder {
 public:
  ~Recorder();
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  /// Where the tag sets of this thread live.
  TagTable& tags() { return tags_; }
  const MetricRegistry& registry() const { return registry_; }

  /// Adds one sample. `value` is in the metric's unit (milliseconds for times); a Rate counts value != 0 as a pass.
  /// `at` is when it happened; it matters for gauges and for outputs that write single samples.
  void add(MetricId metric, TagSet* tags, double value, Instant at, const Metadata* metadata = nullptr);

  /// The samples of an HTTP round trip, in k6's order: http_reqs, the seven trends, and http_req_failed when
  /// `failed` is given (0 or 1; negative: no response callback, so not recorded).
  void add_http_request(TagSet* tags, const HttpRequestTimes& times, int failed, Instant at, const Metadata* metadata = nullptr);

  /// grpc_req_duration, and unless strict grpc_reqs and grpc_req_failed.
  void add_grpc_request(TagSet* tags, double duration_ms, bool failed, Instant at, const Metadata* metadata = nullptr);

  /// Hands what was recorded so far to the collector. Called by the thread's loop, or after the thread has ended.
  void publish();

 private:
  friend class Collector;
  Recorder(Collector& collector, std::uint32_t index);

  void resolve(MetricId metric, TagSet* tags);
  void resolve_parts(MetricId metric, const TagSet& tags, std::vector<PlaceId>& places);
  void use(PlaceId place, MetricType type);
  void fit_window();

  Collector& collector_;
  const MetricRegistry& registry_;
  PlaceTable& places_;
  const std::uint32_t index_;
  const bool parts_;            // gather parts for the full summary
  const bool lifecycle_apart_;  // setup and teardown are in no total
  const std::int64_t unix_offset_ns_;
  TagTable tags_;
  std::unique_ptr<Window> window_;
  std::vector<MetricType> place_types_;   // by PlaceId, of those met
  std::unique_ptr<SampleWriter> stream_;  // nullptr unless an output wants single samples
  std::uint64_t sweeps_told_ = 0;

  // What the place table said, so that it is asked once per thread.
  std::vector<PlaceId> totals_;  // by metric, kUnknownPlace when not asked yet
  std::vector<std::vector<PlaceId>> submetrics_;
  std::map<EndpointKey, PlaceId> endpoints_;
  std::map<CheckKey, PlaceId> checks_;
};

}  // namespace gauntlet::engine::metrics
