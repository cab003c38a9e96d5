#include "engine/run/rest_documents.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <vector>

#include "engine/output/json_writer.hpp"
#include "engine/output/summary_json.hpp"

namespace gauntlet::engine::run {
namespace {

using output::JsonWriter;

void write_metric(JsonWriter& json, std::string_view name, const metrics::MetricInfo& info, const metrics::Sink& sink,
                  const metrics::ThresholdGroup* thresholds, double elapsed_s) {
  json.begin_object().key("type").string("metrics").key("id").string(name).key("attributes").begin_object();
  json.key("type").string(metrics::name_of(info.type)).key("contains").string(metrics::name_of(info.contains));
  json.key("tainted");
  if (thresholds == nullptr) {
    json.null();
  } else {
    json.boolean(!thresholds->ok());
  }
  json.key("sample").begin_object();
  const auto write = [&](std::initializer_list<const char*> aggregates) {
    for (const char* aggregate : aggregates)
      json.key(aggregate).number(sink.aggregate(aggregate, elapsed_s).value_or(0));
  };
  switch (info.type) {
    case metrics::MetricType::counter:
      write({"count", "rate"});
      break;
    case metrics::MetricType::gauge:
      write({"value"});
      break;
    case metrics::MetricType::rate:
      write({"rate"});
      break;
    case metrics::MetricType::trend:
      write({"avg", "max", "med", "min", "p(90)", "p(95)"});
      break;
  }
  json.end_object().end_object().end_object();
}

/// Calls f(name, sink, thresholds, info) for metrics with samples, and for submetrics that a threshold asks for.
template <class F>
void for_each_metric(const metrics::Snapshot& snapshot, const metrics::Thresholds& thresholds, F&& f) {
  for (const metrics::MetricState& metric : snapshot.metrics) {
    if (!metric.total.empty())
      f(metric.info->name, metric.total, thresholds.find(metric.info->id, std::nullopt), *metric.info);
    for (std::size_t i = 0; i < metric.submetrics.size(); ++i) {
      const auto& submetric = metric.info->submetrics[i];
      if (metric.submetrics[i].empty() && !submetric.from_threshold) continue;
      f(submetric.name, metric.submetrics[i], thresholds.find(metric.info->id, i), *metric.info);
    }
  }
}

std::string parent_of(const std::string& path) {
  const std::size_t at = path.rfind("::");
  return at == std::string::npos ? "" : path.substr(0, at);
}

void write_relation(JsonWriter& json, const std::string& path) {
  json.begin_object().key("type").string("groups").key("id").string(output::id_of_path(path)).end_object();
}

void write_group(JsonWriter& json, const metrics::Snapshot& snapshot, const std::string& path) {
  json.begin_object()
      .key("type")
      .string("groups")
      .key("id")
      .string(output::id_of_path(path))
      .key("attributes")
      .begin_object();
  json.key("path").string(path).key("name").string(path.empty() ? "" : path.substr(path.rfind("::") + 2)).key("checks");
  const bool has_checks = std::any_of(snapshot.checks.begin(), snapshot.checks.end(),
                                      [&](const auto& check) { return check.group == path; });
  if (!has_checks) {
    json.null();
  } else {
    json.begin_array();
    for (const metrics::CheckCount& check : snapshot.checks) {
      if (check.group != path) continue;
      const std::string check_path = path + "::" + check.name;
      json.begin_object()
          .key("id")
          .string(output::id_of_path(check_path))
          .key("path")
          .string(check_path)
          .key("name")
          .string(check.name);
      json.key("passes").integer(check.passes).key("fails").integer(check.fails).end_object();
    }
    json.end_array();
  }
  json.end_object().key("relationships").begin_object().key("groups").begin_object().key("data").begin_array();
  for (const std::string& other : snapshot.groups) {
    if (!other.empty() && parent_of(other) == path) write_relation(json, other);
  }
  json.end_array().end_object().key("parent").begin_object().key("data");
  if (path.empty()) {
    json.null();
  } else {
    write_relation(json, parent_of(path));
  }
  json.end_object().end_object().end_object();
}

std::vector<std::string> paths_of(const metrics::Snapshot& snapshot) {
  std::vector<std::string> paths{""};
  for (const std::string& path : snapshot.groups) {
    if (!path.empty()) paths.push_back(path);
  }
  return paths;
}

}  // namespace

RestReply error_document(int status, std::string_view title, std::string_view detail) {
  JsonWriter json;
  json.begin_object().key("errors").begin_array().begin_object();
  json.key("status").string(std::to_string(status)).key("title").string(title).key("detail").string(detail);
  json.end_object().end_array().end_object();
  return {.status = status, .text = json.take(), .is_json = true};
}

base::Expected<std::string> parse_json(std::string_view body) {
  try {
    return nlohmann::ordered_json::parse(body).dump();
  } catch (const nlohmann::json::exception& problem) {
    return base::fail(base::ErrorKind::invalid_argument, problem.what());
  }
}

RestReply status_document(const RestStatus& status) {
  JsonWriter json;
  json.begin_object()
      .key("data")
      .begin_object()
      .key("type")
      .string("status")
      .key("id")
      .string("default")
      .key("attributes")
      .begin_object();
  json.key("status").integer(static_cast<std::uint64_t>(status.phase)).key("paused").boolean(status.paused);
  json.key("vus")
      .integer(static_cast<std::uint64_t>(status.vus))
      .key("vus-max")
      .integer(static_cast<std::uint64_t>(status.vus_max));
  json.key("stopped")
      .boolean(status.stopped)
      .key("running")
      .boolean(status.running)
      .key("tainted")
      .boolean(status.tainted);
  json.end_object().end_object().end_object();
  return {.status = 200, .text = json.take(), .is_json = true};
}

base::Expected<StatusPatch> parse_status_patch(std::string_view body) {
  const auto json = nlohmann::json::parse(body, nullptr, false);
  const nlohmann::json* attributes =
      json.is_object() && json.contains("data") && json["data"].is_object() && json["data"].contains("attributes")
          ? &json["data"]["attributes"]
          : nullptr;
  if (attributes == nullptr || !attributes->is_object()) {
    return base::fail(base::ErrorKind::invalid_argument,
                      R"(the body is not of the form {"data":{"type":"status","id":"default","attributes":{...}}})");
  }
  StatusPatch patch;
  for (const auto& [name, member] :
       {std::pair{"paused", &StatusPatch::paused}, std::pair{"stopped", &StatusPatch::stopped}}) {
    if (!attributes->contains(name) || (*attributes)[name].is_null()) continue;
    if (!(*attributes)[name].is_boolean())
      return base::fail(base::ErrorKind::invalid_argument, std::string(name) + " is neither true nor false");
    patch.*member = (*attributes)[name].get<bool>();
  }
  for (const char* name : {"vus", "vus-max"}) {
    patch.scales = patch.scales || (attributes->contains(name) && !(*attributes)[name].is_null());
  }
  return patch;
}

RestReply metrics_document(const metrics::Snapshot& snapshot, const metrics::Thresholds& thresholds) {
  JsonWriter json;
  json.begin_object().key("data").begin_array();
  for_each_metric(
      snapshot, thresholds,
      [&](const std::string& name, const metrics::Sink& sink, const metrics::ThresholdGroup* group,
          const metrics::MetricInfo& info) { write_metric(json, name, info, sink, group, snapshot.elapsed_s()); });
  json.end_array().end_object();
  return {.status = 200, .text = json.take(), .is_json = true};
}

RestReply metric_document(const metrics::Snapshot& snapshot, const metrics::Thresholds& thresholds,
                          std::string_view wanted) {
  JsonWriter json;
  bool found = false;
  json.begin_object().key("data");
  for_each_metric(snapshot, thresholds,
                  [&](const std::string& name, const metrics::Sink& sink, const metrics::ThresholdGroup* group,
                      const metrics::MetricInfo& info) {
                    if (name != wanted || found) return;
                    write_metric(json, name, info, sink, group, snapshot.elapsed_s());
                    found = true;
                  });
  if (!found) return error_document(404, "Not Found", "No metric with that ID was found");
  json.end_object();
  return {.status = 200, .text = json.take(), .is_json = true};
}

RestReply groups_document(const metrics::Snapshot& snapshot) {
  JsonWriter json;
  json.begin_object().key("data").begin_array();
  for (const std::string& path : paths_of(snapshot)) write_group(json, snapshot, path);
  json.end_array().end_object();
  return {.status = 200, .text = json.take(), .is_json = true};
}

RestReply group_document(const metrics::Snapshot& snapshot, std::string_view id) {
  for (const std::string& path : paths_of(snapshot)) {
    if (output::id_of_path(path) != id) continue;
    JsonWriter json;
    json.begin_object().key("data");
    write_group(json, snapshot, path);
    json.end_object();
    return {.status = 200, .text = json.take(), .is_json = true};
  }
  return error_document(404, "Not Found", "No group with that ID was found");
}

RestReply setup_document(const std::string* data) {
  JsonWriter json;
  json.begin_object()
      .key("data")
      .begin_object()
      .key("type")
      .string("setupData")
      .key("id")
      .string("default")
      .key("attributes")
      .begin_object();
  if (data != nullptr) json.key("data").raw(*data);
  json.end_object().end_object().end_object();
  return {.status = 200, .text = json.take(), .is_json = true};
}

}  // namespace gauntlet::engine::run
