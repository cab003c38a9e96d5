#pragma once
// `--out opentelemetry` (or experimental-opentelemetry, or opentelemetry=http://HOST:4318): pushes the state of every
// time series to an OpenTelemetry collector, OTLP over HTTP in protobuf. As k6 maps them: counters and rates are sums
// (a rate is NAME.total with the attribute condition, zero or nonzero), gauges are gauges, trends are histograms.
//
// K6_OTEL_HTTP_EXPORTER_ENDPOINT (localhost:4318), _HTTP_EXPORTER_INSECURE, _HTTP_EXPORTER_URL_PATH (/v1/metrics),
// _EXPORT_INTERVAL (10s), _METRIC_PREFIX, _SERVICE_NAME (k6), _SERVICE_VERSION, _HEADERS (k1=v1,k2=v2),
// _SINGLE_COUNTER_FOR_RATE (true), _TLS_INSECURE_SKIP_VERIFY, _TLS_CERTIFICATE, _TLS_CLIENT_CERTIFICATE,
// _TLS_CLIENT_KEY.
#include <cstdint>
#include <string>

#include "engine/output/http_push.hpp"
#include "engine/output/sample_output.hpp"
#include "engine/output/series_table.hpp"

namespace gauntlet::engine::output {

struct OpenTelemetryOptions {
  PushTarget target;
  std::chrono::nanoseconds export_interval{std::chrono::seconds(10)};
  std::string metric_prefix;
  std::string service_name = "k6";
  std::string service_version;
  bool single_counter_for_rate = true;
};
/// `argument`: what stands behind `=` in --out; empty: the variables say where. gRPC is refused.
base::Expected<OpenTelemetryOptions> read_open_telemetry_options(const std::string& argument,
                                                                 const Variables& variable);

class OpenTelemetryOutput final : public SampleOutput {
 public:
  OpenTelemetryOutput(OpenTelemetryOptions options, const metrics::MetricRegistry& registry, Tell tell);

  void define_tags(std::uint32_t producer, std::uint32_t id, const metrics::StreamedTags& tags) override {
    table_.define_tags(producer, id, tags);
  }
  void forget_tags(std::uint32_t producer) override { table_.forget_tags(producer); }
  void consume(const metrics::StreamedSample& sample) override {
    table_.add(sample);
    ++samples_;
  }
  void tick(Clock::time_point now) override;
  base::Expected<void> finish() override;

 private:
  void push();

  const OpenTelemetryOptions options_;
  const Tell tell_;
  SeriesTable table_;
  HttpPush http_;
  const std::int64_t start_ns_;  // since 1970
  Clock::time_point pushed_ = Clock::now();
  std::uint64_t samples_ = 0;
};

}  // namespace gauntlet::engine::output
