#pragma once
// `--out points=FILE`: every sample as a line of JSON, as k6's `--out json` writes them: a "Metric" line when a metric
// is first seen, then a "Point" line per sample (https://grafana.com/docs/k6/latest/results-output/real-time/json/).
#include <string>
#include <vector>

#include "engine/metrics/metric.hpp"
#include "engine/metrics/sample_stream.hpp"
#include "engine/sinks/file/output_file.hpp"
#include "engine/sinks/sample_text.hpp"

namespace gauntlet::engine::sinks {

class PointsWriter final : public metrics::SampleConsumer {
 public:
  /// Both must outlive the writer.
  PointsWriter(OutputFile& file, const metrics::MetricRegistry& registry) : file_(file), registry_(registry) {}

  void define_tags(std::uint32_t producer, std::uint32_t id, const metrics::StreamedTags& tags) override;
  void forget_tags(std::uint32_t producer) override { tags_.forget(producer); }
  void consume(const metrics::StreamedSample& sample) override;

 private:
  const std::string& announce(const metrics::MetricInfo& info);

  OutputFile& file_;
  const metrics::MetricRegistry& registry_;
  std::vector<std::string> metrics_;  // by id: how a line of it begins; empty until it is first seen
  TagTexts<std::string> tags_;        // the member "tags" and what is around it
  TimeText time_;
  std::string line_;
};

}  // namespace gauntlet::engine::sinks
