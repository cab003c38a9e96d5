#pragma once
// `--out statsd` (or statsd=HOST:8125): every sample as a line by UDP, several in a packet
// (https://github.com/statsd/statsd/blob/master/docs/metric_types.md). Counters are counters, gauges gauges, trends
// timings; a check counts as check.NAME.pass or .fail, and other rates as NAME.pass or .fail. UDP tells nobody what
// arrives; what the socket itself refuses is counted and told.
//
// K6_STATSD_ADDR (localhost:8125), _NAMESPACE (k6.), _PUSH_INTERVAL (1s), _BUFFER_SIZE (20 lines a packet),
// _ENABLE_TAGS (false: DogStatsD's |#name:value), _TAG_BLOCKLIST (vu,iter,url).
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/metrics/metric.hpp"
#include "engine/output/sample_output.hpp"
#include "engine/output/sample_text.hpp"

namespace gauntlet::engine::output {

struct StatsdOptions {
  std::string address = "localhost:8125";
  std::string name_space = "k6.";
  std::chrono::nanoseconds push_interval{std::chrono::seconds(1)};
  std::size_t lines_per_packet = 20;
  bool tags = false;
  std::vector<std::string> tag_blocklist{"vu", "iter", "url"};
};
base::Expected<StatsdOptions> read_statsd_options(const std::string& argument, const Variables& variable);

class StatsdOutput final : public SampleOutput {
 public:
  /// Fails when the host has no address.
  static base::Expected<std::unique_ptr<StatsdOutput>> open(StatsdOptions options, const metrics::MetricRegistry& registry, Tell tell);
  ~StatsdOutput() override;

  void define_tags(std::uint32_t producer, std::uint32_t id, const metrics::StreamedTags& tags) override;
  void forget_tags(std::uint32_t producer) override { tags_.forget(producer); }
  void consume(const metrics::StreamedSample& sample) override;
  void tick(Clock::time_point now) override;
  base::Expected<void> finish() override;

 private:
  struct TagText {
    std::string check;  // made of the tag `check`, for the name; empty without
    std::string tags;   // "|#name:value,..."
  };

  StatsdOutput(StatsdOptions options, const metrics::MetricRegistry& registry, Tell tell, int socket)
      : options_(std::move(options)), registry_(registry), tell_(std::move(tell)), socket_(socket) {}
  void send_packet();

  const StatsdOptions options_;
  const metrics::MetricRegistry& registry_;
  const Tell tell_;
  const int socket_;
  TagTexts<TagText> tags_;
  std::string packet_;
  std::string line_;
  std::size_t lines_ = 0;  // in the packet
  std::uint64_t sent_ = 0;
  std::uint64_t lost_ = 0;
  Clock::time_point pushed_ = Clock::now();
};

}  // namespace gauntlet::engine::output
