#pragma once
// `--out experimental-prometheus-rw` (or prometheus-rw): pushes the state of every time series that had samples to a
// Prometheus, Mimir, VictoriaMetrics or whatever takes remote write 1.0, every few seconds.
//
// K6_PROMETHEUS_RW_SERVER_URL (http://localhost:9090/api/v1/write), _PUSH_INTERVAL (5s), _TREND_STATS (p(99)),
// _USERNAME and _PASSWORD, _BEARER_TOKEN, _HTTP_HEADERS (name:value,...), _INSECURE_SKIP_TLS_VERIFY,
// _CLIENT_CERTIFICATE and _CLIENT_CERTIFICATE_KEY, _STALE_MARKERS, _TREND_AS_NATIVE_HISTOGRAM.
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/sinks/push/http_push.hpp"
#include "engine/sinks/push/series_output.hpp"
#include "engine/wire/url.hpp"

namespace gauntlet::engine::sinks {

inline constexpr const char* kNativeHistograms = "K6_PROMETHEUS_RW_TREND_AS_NATIVE_HISTOGRAM";

struct RemoteWriteOptions {
  PushTarget target;
  std::chrono::nanoseconds push_interval{std::chrono::seconds(5)};
  std::vector<std::string> trend_stats{"p(99)"};
  std::vector<std::pair<std::string, std::string>> labels;  ///< of every series that has no tag of the name
  bool native_histograms = false;                           ///< of trends, in place of their statistics
  bool stale_markers = false;                               ///< end every series when the test ends

  std::string description() const { return "Prometheus remote write (" + wire::hide_password(target.url) + ")"; }
};
/// `argument`: what stands behind `=` in --out, a URL; empty: the variable's.
base::Expected<RemoteWriteOptions> read_remote_write_options(const std::string& argument, const Variables& variable);

class PrometheusRemoteWrite final : public SeriesOutput {
 public:
  PrometheusRemoteWrite(RemoteWriteOptions options, const metrics::MetricRegistry& registry, Tell tell);

  void tick(Clock::time_point now) override;
  base::Expected<void> finish() override;

 private:
  void push();
  void push_stale_markers();
  /// As which native histogram the series is sent, if it is.
  std::optional<std::string> histogram_name(const TimeSeries& series) const;

  const RemoteWriteOptions options_;
  const Tell tell_;
  HttpPush http_;
  Clock::time_point pushed_ = Clock::now();
};

}  // namespace gauntlet::engine::sinks
