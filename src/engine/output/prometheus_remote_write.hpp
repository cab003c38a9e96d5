#pragma once
// `--out experimental-prometheus-rw` (or prometheus-rw): pushes the state of every time series that had samples to a
// Prometheus, Mimir, VictoriaMetrics or whatever takes remote write 1.0, every few seconds.
//
// K6_PROMETHEUS_RW_SERVER_URL (http://localhost:9090/api/v1/write), _PUSH_INTERVAL (5s), _TREND_STATS (p(99)),
// _USERNAME and _PASSWORD, _BEARER_TOKEN, _HTTP_HEADERS (name:value,...), _INSECURE_SKIP_TLS_VERIFY,
// _CLIENT_CERTIFICATE and _CLIENT_CERTIFICATE_KEY, _STALE_MARKERS.
#include <memory>
#include <string>
#include <vector>

#include "engine/output/http_push.hpp"
#include "engine/output/sample_output.hpp"
#include "engine/output/series_table.hpp"

namespace gauntlet::engine::output {

struct RemoteWriteOptions {
  PushTarget target;
  std::chrono::nanoseconds push_interval{std::chrono::seconds(5)};
  std::vector<std::string> trend_stats{"p(99)"};
  bool stale_markers = false;  ///< end every series when the test ends
};
/// `argument`: what stands behind `=` in --out, a URL; empty: the variable's.
base::Expected<RemoteWriteOptions> read_remote_write_options(const std::string& argument, const Variables& variable);

class PrometheusRemoteWrite final : public SampleOutput {
 public:
  PrometheusRemoteWrite(RemoteWriteOptions options, const metrics::MetricRegistry& registry, Tell tell);

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
  void push_stale_markers();

  const RemoteWriteOptions options_;
  const Tell tell_;
  SeriesTable table_;
  HttpPush http_;
  Clock::time_point pushed_ = Clock::now();
  std::uint64_t samples_ = 0;  // since the last push
};

}  // namespace gauntlet::engine::output
