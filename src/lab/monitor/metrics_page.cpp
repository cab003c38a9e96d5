#include "lab/monitor/metrics_page.hpp"

#include <cstdlib>

namespace gauntlet::lab {
namespace {

/// Where the labels' closing brace stands, past quoted values; npos when the line is broken.
std::size_t end_of_labels(const std::string& line, std::size_t from) {
  bool quoted = false;
  for (std::size_t at = from; at < line.size(); ++at) {
    if (quoted && line[at] == '\\') ++at;
    else if (line[at] == '"') quoted = !quoted;
    else if (!quoted && line[at] == '}') return at;
  }
  return std::string::npos;
}

}  // namespace

std::vector<MetricSample> parse_metrics_page(const std::string& text) {
  std::vector<MetricSample> samples;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    at = end + 1;
    if (line.empty() || line[0] == '#') continue;
    MetricSample sample;
    std::size_t value_at = line.find_first_of(" {");
    if (value_at == std::string::npos) continue;
    sample.name = line.substr(0, value_at);
    if (line[value_at] == '{') {
      const std::size_t close = end_of_labels(line, value_at);
      if (close == std::string::npos) continue;
      sample.labels = line.substr(value_at + 1, close - value_at - 1);
      value_at = close + 1;
    }
    const char* const begin = line.c_str() + value_at;
    char* stop = nullptr;
    sample.value = std::strtod(begin, &stop);
    if (stop != begin) samples.push_back(std::move(sample));
  }
  return samples;
}

}  // namespace gauntlet::lab
