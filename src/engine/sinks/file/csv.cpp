#include "engine/sinks/file/csv.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>
#include <vector>

namespace gauntlet::engine::sinks {
namespace {

using Pairs = std::vector<std::pair<std::string_view, std::string_view>>;

/// A field as Go's encoder writes it: quoted where it must be.
void append_field(std::string& out, std::string_view field) {
  const bool quoted = field == "\\." || field.find_first_of(",\"\r\n") != std::string_view::npos ||
                      (!field.empty() && (field[0] == ' ' || field[0] == '\t'));
  if (!quoted) {
    out += field;
    return;
  }
  out += '"';
  for (const char c : field) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

std::string joined(const Pairs& pairs) {
  std::string text;
  for (const auto& [name, value] : pairs) {
    if (!text.empty()) text += '&';
    text.append(name).append("=").append(value);
  }
  return text;
}

}  // namespace

base::Expected<CsvTimeFormat> parse_csv_time_format(std::string_view name) {
  constexpr std::array<std::string_view, 6> kNames = {"unix", "unix_milli", "unix_micro", "unix_nano", "rfc3339", "rfc3339_nano"};
  const auto found = std::find(kNames.begin(), kNames.end(), name);
  if (found == kNames.end()) {
    return base::fail(base::ErrorKind::invalid_argument, std::string(name) + " does not belong to TimeFormat values");
  }
  return static_cast<CsvTimeFormat>(found - kNames.begin());
}

CsvWriter::CsvWriter(OutputFile& file, const metrics::MetricRegistry& registry, metrics::SystemTagSet enabled, CsvTimeFormat time_format)
    : file_(file), registry_(registry), enabled_(enabled), time_format_(time_format) {
  std::string heading = "metric_name,timestamp,metric_value";
  for (std::size_t i = 0; i < metrics::kSystemTagCount; ++i) {
    const auto tag = static_cast<metrics::SystemTag>(i);
    if (enabled_.has(tag)) heading.append(",").append(metrics::name_of(tag));
  }
  file_.write(heading + ",extra_tags,metadata\n");
}

void CsvWriter::define_tags(std::uint32_t producer, std::uint32_t id, const metrics::StreamedTags& tags) {
  std::string& text = tags_.define(producer, id);
  text.clear();
  for (std::size_t i = 0; i < metrics::kSystemTagCount; ++i) {
    if (!enabled_.has(static_cast<metrics::SystemTag>(i))) continue;
    text += ',';
    append_field(text, tags.system[i]);
  }
  text += ',';
  append_field(text, joined(tags.user));
  text += ',';
}

void CsvWriter::append_time(std::int64_t unix_ns) {
  std::int64_t divisor = 1;
  switch (time_format_) {
    case CsvTimeFormat::rfc3339: time_.append_seconds(line_, unix_ns); return;
    case CsvTimeFormat::rfc3339_nano: time_.append_nanoseconds(line_, unix_ns); return;
    case CsvTimeFormat::unix_s: divisor = 1'000'000'000; break;
    case CsvTimeFormat::unix_milli: divisor = 1'000'000; break;
    case CsvTimeFormat::unix_micro: divisor = 1'000; break;
    case CsvTimeFormat::unix_nano: break;
  }
  std::array<char, 24> buffer;
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), unix_ns / divisor);
  line_.append(buffer.data(), end);
}

void CsvWriter::consume(const metrics::StreamedSample& sample) {
  line_ = registry_.info(sample.metric).name;
  line_ += ',';
  append_time(sample.unix_ns);
  line_ += ',';
  append_fixed6(line_, sample.value);
  line_ += tags_.get(sample);
  if (!sample.metadata.empty()) {
    Pairs metadata = sample.metadata;
    std::sort(metadata.begin(), metadata.end());
    append_field(line_, joined(metadata));
  }
  line_ += '\n';
  file_.write(line_);
}

}  // namespace gauntlet::engine::sinks
