#pragma once
// What a metric (or a part of it) has gathered. One struct for the four types; which members count depends on the type.
#include <cstdint>
#include <optional>
#include <string_view>

#include "engine/metrics/distribution.hpp"
#include "engine/metrics/metric.hpp"

namespace gauntlet::engine::metrics {

struct Sink {
  MetricType type = MetricType::counter;
  std::uint64_t samples = 0;
  double sum = 0;            ///< counter: the count
  std::uint64_t passes = 0;  ///< rate: samples that were not zero
  double last = 0;           ///< gauge: value, and of all values min and max
  double min = 0;
  double max = 0;
  std::int64_t last_at_ns = 0;  ///< gauge: when `last` was (steady clock)
  Distribution values;          ///< trend

  bool empty() const { return samples == 0; }
  std::uint64_t fails() const { return samples - passes; }
  double rate() const { return samples == 0 ? 0 : static_cast<double>(passes) / static_cast<double>(samples); }
  void merge(const Sink& other);
  void clear();

  /// The aggregate that a threshold or `summaryTrendStats` names: counter count, rate (per second of `elapsed_s`);
  /// gauge value, min, max; rate rate, passes, fails; trend avg, min, med, max, count, p(N). Nothing for other names.
  std::optional<double> aggregate(std::string_view name, double elapsed_s) const;
};

/// N of "p(N)", 0..100; nothing when it is not of that form.
std::optional<double> parse_percentile(std::string_view name);

}  // namespace gauntlet::engine::metrics
