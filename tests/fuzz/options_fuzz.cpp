// The small grammars of options: thresholds, durations, stages, tag filters, and options as JSON.
#include "base/parse.hpp"
#include "engine/metrics/metric.hpp"
#include "engine/metrics/thresholds.hpp"
#include "engine/plan/options.hpp"
#include "fuzz/bytes.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gauntlet;
  using namespace gauntlet::engine;
  fuzz::Bytes bytes(data, size);
  const std::size_t kind = bytes.choice(5);
  const std::string_view text = bytes.rest();
  if (kind == 0) {
    const auto threshold = metrics::parse_threshold(text);
    if (threshold) fuzz::require(metrics::parse_threshold(threshold->source).has_value(), "a threshold read once can be read again");
  }
  if (kind == 1) {
    const auto duration = base::parse_duration(text);
    if (duration) {
      const auto again = base::parse_duration(plan::format_duration(*duration));
      fuzz::require(again && *again == *duration, "a duration written can be read again");
    }
  }
  if (kind == 2) static_cast<void>(plan::parse_stage(text));
  if (kind == 3) {
    const auto options = plan::parse_options(text);
    if (options) static_cast<void>(plan::to_json(options->options));
  }
  if (kind == 4) {
    metrics::MetricRegistry registry;
    metrics::Thresholds thresholds;
    const std::string_view key = bytes.line();
    static_cast<void>(thresholds.add(registry, key, {{std::string(bytes.rest()), false, {}}}));
  }
  return 0;
}
