#include "engine/results/summary_json.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "base/duration.hpp"
#include "base/hex.hpp"
#include "base/rfc3339.hpp"
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

std::string now_rfc3339() {
  const auto now = std::chrono::system_clock::now();
  const std::chrono::nanoseconds fraction = now - std::chrono::floor<std::chrono::seconds>(now);
  return fmt::format("{}.{:09}Z", base::Rfc3339(now).without_zone(), fraction.count());
}

void write_machine_metric(JsonWriter& json, const MetricResult& metric) {
  json.begin_object();
  json.key("contains").string(metrics::name_of(metric.contains));
  json.key("name").string(metric.name);
  json.key("type").string(metrics::name_of(metric.type));
  json.key("values").begin_object();
  switch (metric.type) {
    case MetricType::counter: json.key("count").number(metric.value("count")); break;
    case MetricType::gauge:
      json.key("max").number(metric.value("max")).key("min").number(metric.value("min"));
      json.key("value").number(metric.value("value"));
      break;
    case MetricType::rate:
      json.key("matches").number(metric.value("passes")).key("rate").number(metric.value("rate"));
      json.key("total").number(metric.value("passes") + metric.value("fails"));
      break;
    case MetricType::trend:
      json.key("avg").number(metric.avg).key("max").number(metric.max).key("med").number(metric.med);
      json.key("min").number(metric.min).key("p90").number(metric.p90).key("p95").number(metric.p95);
      break;
  }
  json.end_object().end_object();
}

void write_machine_checks(JsonWriter& json, const Summary& summary) {
  double passes = 0;
  double fails = 0;
  if (const MetricResult* checks = summary.find("checks")) {
    passes = checks->value("passes");
    fails = checks->value("fails");
  }
  const double total = passes + fails;
  json.key("checks").begin_object();
  json.key("metrics").begin_array();
  json.begin_object().key("contains").string("default").key("name").string("checks_total").key("type").string("counter");
  json.key("values").begin_object().key("count").number(total).end_object().end_object();
  const auto rate = [&](std::string_view name, double matches) {
    json.begin_object().key("contains").string("default").key("name").string(name).key("type").string("rate");
    json.key("values").begin_object().key("matches").number(matches);
    json.key("rate").number(total > 0 ? matches / total : 0).key("total").number(total).end_object().end_object();
  };
  rate("checks_failed", fails);
  rate("checks_succeeded", passes);
  json.end_array();
  json.key("results").begin_array();
  for (const CheckResult& check : summary.checks) {
    json.begin_object().key("fails").integer(check.fails).key("name").string(check.name);
    json.key("passes").integer(check.passes).end_object();
  }
  json.end_array().end_object();
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

std::string machine_readable_json(const Summary& summary, const RunDescription& run) {
  JsonWriter json(4);
  json.begin_object();
  json.key("config").begin_object();
  json.key("duration").number(summary.duration_s).key("execution").string("local").key("script").string(run.script);
  json.end_object();
  json.key("metadata").begin_object();
  json.key("generated_at").string(run.generated_at.empty() ? now_rfc3339() : run.generated_at);
  json.key("k6_version").string(run.version);
  json.end_object();
  json.key("results").begin_object();
  write_machine_checks(json, summary);
  json.key("metrics").begin_array();
  for (const MetricResult& metric : summary.metrics) {
    // Checks have a section of their own; group_duration and the phases of a request are left out, as in the compact text.
    static constexpr std::array<std::string_view, 8> kLeftOut = {
        "checks",           "group_duration",           "http_req_blocked", "http_req_connecting", "http_req_receiving",
        "http_req_sending", "http_req_tls_handshaking", "http_req_waiting"};
    const std::string_view family = std::string_view(metric.name).substr(0, metric.name.find('{'));
    if (std::find(kLeftOut.begin(), kLeftOut.end(), family) == kLeftOut.end()) write_machine_metric(json, metric);
  }
  json.end_array().end_object();
  json.key("version").string("1.0.0");
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
