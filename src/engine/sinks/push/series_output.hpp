#pragma once
// What outputs that report states have in common: their samples go into a table of time series.
#include <cstdint>
#include <utility>

#include "engine/sinks/push/series_table.hpp"
#include "engine/sinks/sample_output.hpp"

namespace gauntlet::engine::sinks {

class SeriesOutput : public SampleOutput {
 public:
  explicit SeriesOutput(const metrics::MetricRegistry& registry) : table_(registry) {}

  void define_tags(std::uint32_t producer, std::uint32_t id, const metrics::StreamedTags& tags) final {
    table_.define_tags(producer, id, tags);
  }
  void forget_tags(std::uint32_t producer) final { table_.forget_tags(producer); }
  void consume(const metrics::StreamedSample& sample) final {
    table_.add(sample);
    ++samples_;
  }

 protected:
  /// How many have come since it was last asked.
  std::uint64_t take_sample_count() { return std::exchange(samples_, 0); }

  SeriesTable table_;

 private:
  std::uint64_t samples_ = 0;
};

}  // namespace gauntlet::engine::sinks
