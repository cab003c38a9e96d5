#pragma once
// `--out opentelemetry` (or experimental-opentelemetry, opentelemetry=http://HOST:4318, opentelemetry=grpc://HOST:4317):
// pushes the state of every time series to an OpenTelemetry collector, by OTLP over gRPC or HTTP. As k6 maps them:
// counters and rates are sums (a rate is NAME.total with the attribute condition, zero or nonzero), gauges are gauges,
// trends are histograms.
//
// K6_OTEL_EXPORTER_PROTOCOL (grpc, http/protobuf), _GRPC_EXPORTER_ENDPOINT
// (localhost:4317), _GRPC_EXPORTER_INSECURE, _HTTP_EXPORTER_ENDPOINT (localhost:4318), _HTTP_EXPORTER_INSECURE,
// _HTTP_EXPORTER_URL_PATH (/v1/metrics), _EXPORT_INTERVAL (10s), _METRIC_PREFIX, _SERVICE_NAME (k6), _SERVICE_VERSION, _HEADERS
// (k1=v1,k2=v2), _USERNAME, _PASSWORD, _TLS_INSECURE_SKIP_VERIFY, _TLS_CERTIFICATE, _TLS_CLIENT_CERTIFICATE, _TLS_CLIENT_KEY.
#include <cstdint>
#include <memory>
#include <string>

#include "engine/sinks/push/grpc_push.hpp"
#include "engine/sinks/push/http_push.hpp"
#include "engine/sinks/push/series_output.hpp"

namespace gauntlet::engine::sinks {

struct OpenTelemetryOptions {
  enum class Protocol : std::uint8_t { grpc, http };
  Protocol protocol = Protocol::grpc;
  GrpcPushTarget grpc;  // the one or the other
  PushTarget http;
  std::chrono::nanoseconds export_interval{std::chrono::seconds(10)};
  std::string metric_prefix;
  std::string service_name = "k6";
  std::string service_version;

  std::string description() const;
};
/// `argument`: what stands behind `=` in --out; empty: the variables say where. A variable that has no protocol beside it
/// chooses its own.
base::Expected<OpenTelemetryOptions> read_open_telemetry_options(const std::string& argument, const Variables& variable);

class OpenTelemetryOutput final : public SeriesOutput {
 public:
  OpenTelemetryOutput(OpenTelemetryOptions options, const metrics::MetricRegistry& registry, Tell tell);

  void tick(Clock::time_point now) override;
  base::Expected<void> finish() override;

 private:
  void push();

  const OpenTelemetryOptions options_;
  const Tell tell_;
  std::unique_ptr<PushQueue> queue_;
  const std::int64_t start_ns_;  // since 1970
  Clock::time_point pushed_ = Clock::now();
};

}  // namespace gauntlet::engine::sinks
