#pragma once
// A span for every request and call, sent in batches to a collector in Zipkin's JSON (version 2), which Zipkin, Jaeger,
// Tempo and the OpenTelemetry collector take at /api/v2/spans.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "ags/http_client.hpp"
#include "base/event_loop.hpp"
#include "base/http/trace.hpp"
#include "base/metrics.hpp"

namespace gauntlet::service {

struct SpanExporterOptions {
  std::string endpoint;         // OTEL_EXPORTER_ZIPKIN_ENDPOINT
  std::string service_name;     // OTEL_SERVICE_NAME
  double new_traces_share = 1;  // OTEL_TRACES_SAMPLER_ARG: of the requests without a traceparent; the others say themselves
};

/// What a span tells.
struct FinishedRequest {
  std::string_view name;      // "GET /v1/challenges": few different ones
  std::string_view protocol;  // "http" or "grpc"
  std::string_view status;    // "200" or "OK"
  bool failed = false;
  std::chrono::nanoseconds elapsed{};
};

/// One a worker, on its loop's thread. A collector that is away or slow costs spans, never requests: one batch is under
/// way at a time, and what does not fit into the next one is dropped and counted (challenge_spans_dropped_total).
class SpanExporter {
 public:
  /// What it is given outlives it, but for `options`.
  SpanExporter(base::EventLoop& loop, ags::HttpClient& http, SpanExporterOptions options, base::metrics::Registry& metrics);
  ~SpanExporter();
  SpanExporter(const SpanExporter&) = delete;
  SpanExporter& operator=(const SpanExporter&) = delete;

  /// The request has ended now.
  void add(const FinishedRequest& request, const base::http::Trace& trace);

 private:
  bool is_wanted(const base::http::Trace& trace) const;
  void send_later();
  void send();

  base::EventLoop& loop_;
  ags::HttpClient& http_;
  const SpanExporterOptions options_;
  const std::string service_name_json_;
  base::metrics::Counter& dropped_;
  std::string batch_;  // "[{..},{..}"
  std::size_t batch_spans_ = 0;
  bool sending_ = false;
  base::EventLoop::TimerId timer_ = 0;
};

}  // namespace gauntlet::service
