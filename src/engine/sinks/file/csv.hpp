#pragma once
// `--out csv=FILE`: every sample as a line of k6's CSV
// (https://grafana.com/docs/k6/latest/results-output/real-time/csv/).
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "engine/metrics/metric.hpp"
#include "engine/metrics/sample_stream.hpp"
#include "engine/metrics/tags.hpp"
#include "engine/sinks/file/output_file.hpp"
#include "engine/sinks/sample_text.hpp"

namespace gauntlet::engine::sinks {

enum class CsvTimeFormat : std::uint8_t { unix_s, unix_milli, unix_micro, unix_nano, rfc3339, rfc3339_nano };
/// "unix", "unix_milli", ..., "rfc3339_nano".
base::Expected<CsvTimeFormat> parse_csv_time_format(std::string_view name);

class CsvWriter final : public metrics::SampleConsumer {
 public:
  /// Writes the heading. `enabled` gives the columns; tags that are not among them are in `extra_tags`. The file and the
  /// registry must outlive the writer.
  CsvWriter(OutputFile& file, const metrics::MetricRegistry& registry, metrics::SystemTagSet enabled, CsvTimeFormat time_format);

  void define_tags(std::uint32_t producer, std::uint32_t id, const metrics::StreamedTags& tags) override;
  void forget_tags(std::uint32_t producer) override { tags_.forget(producer); }
  void consume(const metrics::StreamedSample& sample) override;

 private:
  void append_time(std::int64_t unix_ns);

  OutputFile& file_;
  const metrics::MetricRegistry& registry_;
  const metrics::SystemTagSet enabled_;
  const CsvTimeFormat time_format_;
  TagTexts<std::string> tags_;  // the fields from the first tag to extra_tags, with the commas
  TimeText time_;
  std::string line_;
};

}  // namespace gauntlet::engine::sinks
