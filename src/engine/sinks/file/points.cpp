#include "engine/sinks/file/points.hpp"

#include <algorithm>

#include "base/duration.hpp"
#include "base/json_text.hpp"
#include "engine/results/json_writer.hpp"
#include "engine/results/number_text.hpp"

namespace gauntlet::engine::sinks {
namespace {

using metrics::MetricInfo;

/// As Go writes strings that came from a script: it escapes what could end a script element in HTML.
void append_go_string(std::string& out, std::string_view text) {
  const std::size_t begin = out.size();
  base::append_json_string(out, text);
  if (text.find_first_of("<>&\xe2") == std::string_view::npos) return;
  std::string escaped;
  const std::string_view plain = std::string_view(out).substr(begin);
  for (std::size_t i = 0; i < plain.size(); ++i) {
    const std::string_view rest = plain.substr(i);
    if (plain[i] == '<') {
      escaped += "\\u003c";
    } else if (plain[i] == '>') {
      escaped += "\\u003e";
    } else if (plain[i] == '&') {
      escaped += "\\u0026";
    } else if (rest.starts_with("\xe2\x80\xa8") || rest.starts_with("\xe2\x80\xa9")) {
      escaped += rest[2] == '\xa8' ? "\\u2028" : "\\u2029";
      i += 2;
    } else {
      escaped += plain[i];
    }
  }
  out.replace(begin, std::string::npos, escaped);
}

using Pairs = std::vector<std::pair<std::string_view, std::string_view>>;

void append_object(std::string& out, const Pairs& sorted) {
  out += '{';
  const char* separator = "";
  for (const auto& [name, value] : sorted) {
    out += separator;
    append_go_string(out, name);
    out += ':';
    append_go_string(out, value);
    separator = ",";
  }
  out += '}';
}

/// As k6: the expression alone unless it can end the test.
void write(results::JsonWriter& json, const metrics::ThresholdSpec& threshold) {
  if (!threshold.abort_on_fail) {
    json.string(threshold.expression);
    return;
  }
  json.begin_object().key("threshold").string(threshold.expression).key("abortOnFail").boolean(true).key("delayAbortEval");
  if (threshold.delay_abort_eval) {
    json.string(results::humanize_duration(base::milliseconds_of(*threshold.delay_abort_eval), ""));
  } else {
    json.null();
  }
  json.end_object();
}

}  // namespace

const std::string& PointsWriter::announce(const MetricInfo& info) {
  const std::size_t index = metrics::index_of(info.id);
  if (index >= metrics_.size()) metrics_.resize(index + 1);
  std::string& begin = metrics_[index];
  if (!begin.empty()) return begin;

  results::JsonWriter json;
  json.begin_object().key("type").string("Metric").key("data").begin_object();
  json.key("name").string(info.name);
  json.key("type").string(metrics::name_of(info.type));
  json.key("contains").string(metrics::name_of(info.contains));
  json.key("thresholds").begin_array();
  for (const metrics::ThresholdSpec& threshold : info.thresholds) write(json, threshold);
  json.end_array();
  json.key("submetrics");
  if (info.submetrics.empty()) {
    json.null();
  } else {
    json.begin_array();
    for (const metrics::Submetric& submetric : info.submetrics) {
      json.begin_object().key("name").string(submetric.name).key("suffix").string(submetric.suffix);
      json.key("tags").begin_object();
      for (const auto& [name, value] : submetric.tags) json.key(name).string(value);
      json.end_object().end_object();
    }
    json.end_array();
  }
  json.end_object().key("metric").string(info.name).end_object();
  file_.write(json.text() + "\n");

  begin = "{\"metric\":";
  base::append_json_string(begin, info.name);
  begin += ",\"type\":\"Point\",\"data\":{\"time\":\"";
  return begin;
}

void PointsWriter::define_tags(std::uint32_t producer, std::uint32_t id, const metrics::StreamedTags& tags) {
  std::string& text = tags_.define(producer, id);
  text = ",\"tags\":";
  append_object(text, sorted_pairs(tags));
}

void PointsWriter::consume(const metrics::StreamedSample& sample) {
  line_ = announce(registry_.info(sample.metric));
  time_.append_nanoseconds(line_, sample.unix_ns);
  line_ += "\",\"value\":";
  append_go_number(line_, sample.value);
  line_ += tags_.get(sample);
  if (!sample.metadata.empty()) {
    Pairs metadata = sample.metadata;
    std::sort(metadata.begin(), metadata.end());
    line_ += ",\"metadata\":";
    append_object(line_, metadata);
  }
  line_ += "}}\n";
  file_.write(line_);
}

}  // namespace gauntlet::engine::sinks
