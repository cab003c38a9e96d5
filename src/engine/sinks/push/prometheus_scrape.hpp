#pragma once
// `--out prometheus=[HOST:]PORT`: a page that Prometheus scrapes while the test runs, http://127.0.0.1:9464/metrics
// where nothing else is said. The series are those of remote write.
//
// K6_PROMETHEUS_RW_TREND_STATS (p(99)) names the statistics of trends.
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/sinks/push/series_output.hpp"

namespace gauntlet::engine::sinks {

struct ScrapeOptions {
  std::string address = "127.0.0.1";  ///< numeric
  std::uint16_t port = 9464;          ///< OpenTelemetry's for such pages
  std::vector<std::string> trend_stats{"p(99)"};

  std::string description() const { return "Prometheus scrape page (http://" + address + ":" + std::to_string(port) + "/metrics)"; }
};
base::Expected<ScrapeOptions> read_scrape_options(const std::string& argument, const Variables& variable);

class PrometheusScrape final : public SeriesOutput {
 public:
  /// Fails when the port is taken, naming it.
  static base::Expected<std::unique_ptr<PrometheusScrape>> serve(ScrapeOptions options, const metrics::MetricRegistry& registry, Tell tell);
  ~PrometheusScrape() override;

  /// Answers who waits.
  void tick(Clock::time_point now) override;
  base::Expected<void> finish() override;

 private:
  struct Server;

  PrometheusScrape(ScrapeOptions options, const metrics::MetricRegistry& registry, Tell tell);
  std::string render();

  const ScrapeOptions options_;
  const Tell tell_;
  std::unique_ptr<Server> server_;
};

}  // namespace gauntlet::engine::sinks
