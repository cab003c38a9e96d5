#pragma once
// `--out prometheus=[HOST:]PORT`: a page that Prometheus scrapes while the test runs, http://127.0.0.1:9464/metrics
// where nothing else is said. The series are those of remote write.
//
// K6_PROMETHEUS_RW_TREND_STATS (p(99)) names the statistics of trends.
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/output/sample_output.hpp"
#include "engine/output/series_table.hpp"

namespace gauntlet::engine::output {

struct ScrapeOptions {
  std::string address = "127.0.0.1";  ///< numeric
  std::uint16_t port = 9464;          ///< OpenTelemetry's for such pages
  std::vector<std::string> trend_stats{"p(99)"};
};
base::Expected<ScrapeOptions> read_scrape_options(const std::string& argument, const Variables& variable);

class PrometheusScrape final : public SampleOutput {
 public:
  /// Fails when the port is taken, naming it.
  static base::Expected<std::unique_ptr<PrometheusScrape>> serve(ScrapeOptions options,
                                                                 const metrics::MetricRegistry& registry, Tell tell);
  ~PrometheusScrape() override;

  void define_tags(std::uint32_t producer, std::uint32_t id, const metrics::StreamedTags& tags) override {
    table_.define_tags(producer, id, tags);
  }
  void forget_tags(std::uint32_t producer) override { table_.forget_tags(producer); }
  void consume(const metrics::StreamedSample& sample) override { table_.add(sample); }
  /// Answers who waits.
  void tick(Clock::time_point now) override;
  base::Expected<void> finish() override;

 private:
  struct Server;

  PrometheusScrape(ScrapeOptions options, const metrics::MetricRegistry& registry, Tell tell);
  std::string render();

  const ScrapeOptions options_;
  const Tell tell_;
  SeriesTable table_;
  std::unique_ptr<Server> server_;
};

}  // namespace gauntlet::engine::output
