#include "engine/sinks/push/prometheus_values.hpp"

#include <fmt/format.h>

#include "base/text.hpp"
#include "engine/metrics/sink.hpp"
#include "engine/sinks/sample_output.hpp"

namespace gauntlet::engine::sinks {

base::Expected<std::vector<std::string>> parse_prometheus_stats(std::string_view list) {
  std::vector<std::string> stats = list_of(list);
  for (const std::string& stat : stats) {
    bool known = metrics::parse_percentile(stat).has_value();
    for (const char* name : {"avg", "min", "med", "max", "count", "sum"}) known = known || stat == name;
    if (!known) {
      return base::fail(base::ErrorKind::invalid_argument,
                        fmt::format("\"{}\" is no statistic of a trend; there are avg, min, med, max, count, sum and p(N)", stat));
    }
  }
  return stats;
}

std::optional<std::string> native_histogram_name(const metrics::MetricInfo& info) {
  if (info.type != metrics::MetricType::trend) return std::nullopt;
  const char* unit = info.contains == metrics::ValueKind::time ? "_seconds" : info.contains == metrics::ValueKind::data ? "_bytes" : "";
  return "k6_" + info.name + unit;
}

std::string prometheus_label(std::string_view tag) {
  std::string label(tag);
  for (char& c : label) {
    if (c != '_' && !base::is_digit(c) && !base::is_letter(c)) c = '_';
  }
  if (!label.empty() && base::is_digit(label[0])) label.insert(label.begin(), '_');
  return label;
}

void for_each_prometheus_value(const TimeSeries& series, const std::vector<std::string>& stats,
                               const std::function<void(const std::string& name, PrometheusType type, double value)>& f) {
  const metrics::Sink& sink = series.sink;
  const std::string name = "k6_" + series.info->name;
  switch (sink.type) {
    case metrics::MetricType::counter: return f(name + "_total", PrometheusType::counter, sink.sum);
    case metrics::MetricType::gauge: return f(name, PrometheusType::gauge, sink.last);
    case metrics::MetricType::rate: return f(name + "_rate", PrometheusType::gauge, sink.rate());
    case metrics::MetricType::trend: break;
  }
  const double unit = series.info->contains == metrics::ValueKind::time ? 1e-3 : 1;
  for (const std::string& stat : stats) {
    std::string suffix;
    for (const char c : stat) {  // "p(99.9)" is p999
      if (c != '(' && c != ')' && c != '.') suffix += c;
    }
    if (stat == "count") {
      f(name + "_count", PrometheusType::counter, static_cast<double>(sink.values.count()));
    } else if (stat == "sum") {
      f(name + "_sum", PrometheusType::counter, sink.values.sum() * unit);
    } else {
      f(name + "_" + suffix, PrometheusType::gauge, sink.aggregate(stat, 0).value_or(0) * unit);
    }
  }
}

}  // namespace gauntlet::engine::sinks
