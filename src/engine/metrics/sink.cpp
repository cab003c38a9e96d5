#include "engine/metrics/sink.hpp"

#include <charconv>

namespace gauntlet::engine::metrics {

void Sink::merge(const Sink& other) {
  if (other.samples == 0) return;
  if (samples == 0) {
    type = other.type;
    last = other.last;
    min = other.min;
    max = other.max;
    last_at_ns = other.last_at_ns;
  } else {
    if (other.last_at_ns >= last_at_ns) {
      last = other.last;
      last_at_ns = other.last_at_ns;
    }
    min = other.min < min ? other.min : min;
    max = other.max > max ? other.max : max;
  }
  samples += other.samples;
  sum += other.sum;
  passes += other.passes;
  values.merge(other.values);
}

void Sink::clear() {
  samples = 0;
  sum = 0;
  passes = 0;
  last = min = max = 0;
  last_at_ns = 0;
  values.clear();
}

std::optional<double> parse_percentile(std::string_view name) {
  if (name.size() < 4 || name.substr(0, 2) != "p(" || name.back() != ')') return std::nullopt;
  const char* begin = name.data() + 2;
  const char* end = name.data() + name.size() - 1;
  double percent = 0;
  const auto [stopped, error] = std::from_chars(begin, end, percent, std::chars_format::fixed);
  if (error != std::errc() || stopped != end || percent < 0 || percent > 100) return std::nullopt;
  return percent;
}

std::optional<double> Sink::aggregate(std::string_view name, double elapsed_s) const {
  switch (type) {
    case MetricType::counter:
      if (name == "count") return sum;
      if (name == "rate" && elapsed_s > 0) return sum / elapsed_s;
      return std::nullopt;
    case MetricType::gauge:
      if (name == "value") return last;
      if (name == "min") return min;
      if (name == "max") return max;
      return std::nullopt;
    case MetricType::rate:
      if (name == "rate") return rate();
      if (name == "passes") return static_cast<double>(passes);
      if (name == "fails") return static_cast<double>(fails());
      return std::nullopt;
    case MetricType::trend:
      if (name == "avg") return values.mean();
      if (name == "min") return values.min();
      if (name == "med") return values.median();
      if (name == "max") return values.max();
      if (name == "count") return static_cast<double>(values.count());
      if (const auto percent = parse_percentile(name)) return values.percentile(*percent / 100);
      return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace gauntlet::engine::metrics
