#include "engine/results/summary_json.hpp"

#include <openssl/evp.h>

#include <array>

#include "base/hex.hpp"
#include "engine/results/json_writer.hpp"

namespace gauntlet::engine::results {
namespace {

using metrics::MetricType;

void write_check(JsonWriter& json, const CheckResult& check) {
  json.begin_object();
  json.key("name").string(check.name);
  json.key("path").string(check.path);
  json.key("id").string(id_of_path(check.path));
  json.key("passes").integer(check.passes);
  json.key("fails").integer(check.fails);
  json.end_object();
}

/// handleSummary has groups and checks in arrays, the export in objects by name.
void write_group(JsonWriter& json, const GroupResult& group, bool by_name) {
  const auto open = [&] { by_name ? json.begin_object() : json.begin_array(); };
  const auto close = [&] { by_name ? json.end_object() : json.end_array(); };
  json.begin_object();
  json.key("name").string(group.name);
  json.key("path").string(group.path);
  json.key("id").string(id_of_path(group.path));
  json.key("groups");
  open();
  for (const GroupResult& child : group.groups) {
    if (by_name) json.key(child.name);
    write_group(json, child, by_name);
  }
  close();
  json.key("checks");
  open();
  for (const CheckResult& check : group.checks) {
    if (by_name) json.key(check.name);
    write_check(json, check);
  }
  close();
  json.end_object();
}

}  // namespace

std::string id_of_path(std::string_view path) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_Digest(path.data(), path.size(), digest.data(), &size, EVP_md5(), nullptr);
  return base::to_hex({reinterpret_cast<const char*>(digest.data()), size});
}

std::string handle_summary_json(const Summary& summary) {
  JsonWriter json;
  json.begin_object().key("root_group");
  write_group(json, summary.root, false);
  write_k6_members(json, summary);
  json.end_object();
  return json.take();
}

std::string summary_export_json(const Summary& summary) {
  JsonWriter json(4);
  json.begin_object();
  json.key("root_group");
  write_group(json, summary.root, true);
  json.key("metrics").begin_object();
  for (const MetricResult& metric : summary.metrics) {
    json.key(metric.name).begin_object();
    for (const auto& [name, value] : metric.values) {
      json.key(metric.type == MetricType::rate && name == "rate" ? "value" : name).number(value);
    }
    if (!metric.thresholds.empty()) {
      json.key("thresholds").begin_object();
      for (const ThresholdResult& threshold : metric.thresholds) json.key(threshold.source).boolean(!threshold.ok);
      json.end_object();
    }
    json.end_object();
  }
  json.end_object();
  if (!summary.options.setup_data_json.empty()) json.key("setup_data").raw(summary.options.setup_data_json);
  json.end_object();
  return json.take();
}

std::string results_json(const Summary& summary, const std::vector<metrics::SeriesRow>& rows, const metrics::MetricRegistry& registry,
                         const std::string& state_json) {
  RunResult result = summary;
  result.series = series_of(rows, registry);
  result.state_json = state_json;
  JsonWriter json;
  json.begin_object().key("root_group");
  write_group(json, summary.root, false);
  write_k6_members(json, result);
  write_own_members(json, result);
  json.end_object();
  return json.take() + "\n";
}

}  // namespace gauntlet::engine::results
