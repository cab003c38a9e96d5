#include "engine/run/rest_documents.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/text.hpp"
#include "engine/json/go_kind.hpp"
#include "engine/json/syntax_error.hpp"
#include "engine/output/json_writer.hpp"
#include "engine/output/summary_json.hpp"
#include "engine/run/options.hpp"

namespace gauntlet::engine::run {
namespace {

using output::JsonWriter;
using Json = nlohmann::json;

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
    for (const char* aggregate : aggregates) json.key(aggregate).number(sink.aggregate(aggregate, elapsed_s).value_or(0));
  };
  switch (info.type) {
    case metrics::MetricType::counter: write({"count", "rate"}); break;
    case metrics::MetricType::gauge: write({"value"}); break;
    case metrics::MetricType::rate: write({"rate"}); break;
    case metrics::MetricType::trend: write({"avg", "max", "med", "min", "p(90)", "p(95)"}); break;
  }
  json.end_object().end_object().end_object();
}

/// Calls f(name, sink, thresholds, info) for metrics with samples, and for submetrics that a threshold asks for.
template <class F>
void for_each_metric(const metrics::Snapshot& snapshot, const metrics::Thresholds& thresholds, F&& f) {
  for (const metrics::MetricState& metric : snapshot.metrics) {
    if (!metric.total.empty()) f(metric.info->name, metric.total, thresholds.find(metric.info->id, std::nullopt), *metric.info);
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
  json.begin_object().key("type").string("groups").key("id").string(output::id_of_path(path)).key("attributes").begin_object();
  json.key("path").string(path).key("name").string(path.empty() ? "" : path.substr(path.rfind("::") + 2)).key("checks");
  const bool has_checks =
      std::any_of(snapshot.checks.begin(), snapshot.checks.end(), [&](const auto& check) { return check.group == path; });
  if (!has_checks) {
    json.null();
  } else {
    json.begin_array();
    for (const metrics::CheckCount& check : snapshot.checks) {
      if (check.group != path) continue;
      const std::string check_path = path + "::" + check.name;
      json.begin_object().key("id").string(output::id_of_path(check_path)).key("path").string(check_path).key("name").string(check.name);
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

RestReply status_document(const RestStatus& status) {
  JsonWriter json;
  json.begin_object().key("data").begin_object().key("type").string("status").key("id").string("default").key("attributes").begin_object();
  json.key("status").integer(static_cast<std::uint64_t>(status.phase)).key("paused").boolean(status.paused);
  json.key("vus").integer(static_cast<std::uint64_t>(status.vus)).key("vus-max").integer(static_cast<std::uint64_t>(status.vus_max));
  json.key("stopped").boolean(status.stopped).key("running").boolean(status.running).key("tainted").boolean(status.tainted);
  json.end_object().end_object().end_object();
  return {.status = 200, .text = json.take(), .is_json = true};
}

base::Expected<StatusPatch> parse_status_patch(std::string_view body) {
  const auto refuse = [](std::string message) { return base::fail(base::ErrorKind::invalid_argument, std::move(message)); };
  const auto wrong = [&](const Json& value, std::string_view what) {
    return refuse(fmt::format("json: cannot unmarshal {} into Go {}", json::go_kind(value), what));
  };
  if (const std::string problem = json::syntax_problem(body); !problem.empty()) return refuse(problem);
  if (base::json_depth(body) > base::kMaxJsonDepth) return refuse("exceeded max depth");
  const Json document = Json::parse(body, nullptr, false);
  StatusPatch patch;
  if (document.is_null()) return patch;
  if (!document.is_object()) return wrong(document, "value of type v1.StatusJSONAPI");
  const Json data = document.value("data", Json());
  if (data.is_null()) return patch;
  if (!data.is_object()) return wrong(data, "struct field StatusJSONAPI.data of type v1.statusData");
  const Json attributes = data.value("attributes", Json());
  if (attributes.is_null()) return patch;
  if (!attributes.is_object()) return wrong(attributes, "struct field statusData.data.attributes of type v1.Status");

  if (const Json paused = attributes.value("paused", Json()); paused.is_boolean()) {
    patch.paused = paused.get<bool>();
  } else if (!paused.is_null()) {
    return refuse(
        fmt::format("json: cannot unmarshal {} into Go value of type null.Bool", paused.is_number() ? "float64" : json::go_kind(paused)));
  }
  if (const Json stopped = attributes.value("stopped", Json()); stopped.is_boolean()) {
    patch.stopped = stopped.get<bool>();
  } else if (!stopped.is_null()) {
    return wrong(stopped, "struct field Status.data.attributes.stopped of type bool");
  }
  for (const auto& [name, member] : {std::pair{"vus", &StatusPatch::vus}, std::pair{"vus-max", &StatusPatch::max_vus}}) {
    const Json number = attributes.value(name, Json());
    if (number.is_null()) continue;
    if (number.is_number_integer()) {
      patch.*member = number.get<std::int64_t>();
    } else if (number.is_string()) {
      const auto parsed = parse_integer(number.get_ref<const std::string&>());
      if (!parsed) return refuse(parsed.error().message);
      patch.*member = *parsed;
    } else if (number.is_number()) {
      return refuse(fmt::format("json: cannot unmarshal number {} into Go struct field Status.data.attributes.{} of type int64",
                                number.dump(), name));
    } else {
      return wrong(number, "value of type null.Int");
    }
  }
  return patch;
}

RestReply metrics_document(const metrics::Snapshot& snapshot, const metrics::Thresholds& thresholds) {
  JsonWriter json;
  json.begin_object().key("data").begin_array();
  for_each_metric(snapshot, thresholds,
                  [&](const std::string& name, const metrics::Sink& sink, const metrics::ThresholdGroup* group,
                      const metrics::MetricInfo& info) { write_metric(json, name, info, sink, group, snapshot.elapsed_s()); });
  json.end_array().end_object();
  return {.status = 200, .text = json.take(), .is_json = true};
}

RestReply metric_document(const metrics::Snapshot& snapshot, const metrics::Thresholds& thresholds, std::string_view wanted) {
  JsonWriter json;
  bool found = false;
  json.begin_object().key("data");
  for_each_metric(
      snapshot, thresholds,
      [&](const std::string& name, const metrics::Sink& sink, const metrics::ThresholdGroup* group, const metrics::MetricInfo& info) {
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
