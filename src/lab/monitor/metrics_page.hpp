#pragma once
// A server's /metrics page, read: the Prometheus text exposition format 0.0.4
// (https://prometheus.io/docs/instrumenting/exposition_formats/).
#include <string>
#include <vector>

namespace gauntlet::lab {

struct MetricSample {
  std::string name;
  std::string labels;  // as written between the braces; "" when there are none
  double value = 0;
};

/// Comment lines and lines that make no sense are left out. Pure.
std::vector<MetricSample> parse_metrics_page(const std::string& text);

}  // namespace gauntlet::lab
