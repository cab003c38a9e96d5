#pragma once
// How a metric of a test is named and counted in Prometheus, by remote write and by scraping alike. As k6's
// experimental-prometheus-rw output has it: "k6_" before the name; counters end in _total, rates in _rate; a trend is
// one series for each statistic, as k6_http_req_duration_p99; times are in seconds.
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "engine/sinks/push/series_table.hpp"

namespace gauntlet::engine::sinks {

/// Statistics of trends: "avg", "min", "med", "max", "count", "sum", "p(99.9)".
base::Expected<std::vector<std::string>> parse_prometheus_stats(std::string_view list);

enum class PrometheusType { counter, gauge };

/// Calls f for every Prometheus series that `series` is: one, or for a trend one for each of `stats`.
void for_each_prometheus_value(const TimeSeries& series, const std::vector<std::string>& stats,
                               const std::function<void(const std::string& name, PrometheusType type, double value)>& f);

/// A trend as a native histogram: k6_http_req_duration_seconds. Nothing for other metrics.
std::optional<std::string> native_histogram_name(const metrics::MetricInfo& info);

/// A tag's name as a label may be written: characters that labels cannot have become "_".
std::string prometheus_label(std::string_view tag);

}  // namespace gauntlet::engine::sinks
