#include "engine/session/output_spec.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/parse.hpp"

namespace gauntlet::engine::session {
namespace {

constexpr std::string_view kStdout = "-";

base::Error bad_csv(std::string why) { return {base::ErrorKind::invalid_argument, "could not create the 'csv' output: " + std::move(why)}; }

base::Expected<OutputSpec> parse_csv(std::string_view argument) {
  OutputSpec spec;
  spec.kind = OutputSpec::Kind::csv;
  spec.path = "file.csv";
  if (argument.empty()) return spec;
  if (argument.find('=') == std::string_view::npos) {
    spec.path = argument;
    return spec;
  }
  while (true) {
    const std::size_t comma = argument.find(',');
    const std::string_view pair = argument.substr(0, comma);
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos || equals + 1 == pair.size()) {
      return tl::unexpected(bad_csv("couldn't parse \"" + std::string(pair) + "\" as argument for csv output"));
    }
    const std::string_view key = pair.substr(0, equals);
    const std::string_view value = pair.substr(equals + 1);
    if (key == "fileName" || key == "file_name") {
      spec.path = value;
    } else if (key == "saveInterval" || key == "save_interval") {
      const auto interval = base::parse_duration(value);
      if (!interval) return tl::unexpected(bad_csv(interval.error().message));
      if (*interval <= std::chrono::nanoseconds(0))
        return tl::unexpected(bad_csv(fmt::format("{} is {} and has to be above 0", key, value)));
      spec.save_interval = *interval;
    } else if (key == "timeFormat") {
      auto format = sinks::parse_csv_time_format(value);
      if (!format) return tl::unexpected(bad_csv(std::move(format.error().message)));
      spec.time_format = *format;
    } else {
      return tl::unexpected(bad_csv("unknown key \"" + std::string(key) + "\" as argument for csv output"));
    }
    if (comma == std::string_view::npos) return spec;
    argument.remove_prefix(comma + 1);
  }
}

base::Expected<OutputSpec> parse_kind(std::string_view text, bool strict_k6, const sinks::Variables& variable) {
  const std::size_t equals = text.find('=');
  const std::string_view type = text.substr(0, equals);
  const std::string argument(equals == std::string_view::npos ? std::string_view() : text.substr(equals + 1));

  if (type == "csv") return parse_csv(argument);
  if (type == "json" || (type == "points" && !strict_k6)) {
    OutputSpec spec;
    spec.path = argument.empty() ? kStdout : argument;
    spec.kind = type == "json" && !strict_k6 && argument.ends_with(".json") ? OutputSpec::Kind::results : OutputSpec::Kind::points;
    return spec;
  }
  std::vector<std::string_view> available{"csv", "json", "web-dashboard"};
  if (!strict_k6) available.emplace_back("points");
  for (const sinks::Receiver& receiver : sinks::receivers()) {
    if (strict_k6 && !receiver.is_in_k6) continue;
    if (receiver.name == type) {
      auto read = receiver.read(argument, variable);
      if (!read) return tl::unexpected(std::move(read.error()).in(fmt::format("could not create the '{}' output", type)));
      OutputSpec spec;
      spec.kind = OutputSpec::Kind::receiver;
      spec.receiver = std::move(*read);
      spec.receiver.label = receiver.label;
      return spec;
    }
    if (strict_k6 || !receiver.name.starts_with("experimental-")) available.push_back(receiver.name);
  }
  std::sort(available.begin(), available.end());
  if (type == "statsd") {
    return base::fail(
        base::ErrorKind::unimplemented,
        fmt::format("the output 'statsd' is gone, as from k6: send opentelemetry to a collector that speaks StatsD, or use one "
                    "of: {}",
                    fmt::join(available, ", ")));
  }
  for (const std::string_view absent : {"cloud", "datadog", "kafka"}) {
    if (type != absent) continue;
    return base::fail(base::ErrorKind::unimplemented,
                      fmt::format("the output '{}' is not built into this engine; there are: {}", type, fmt::join(available, ", ")));
  }
  return base::fail(base::ErrorKind::invalid_argument,
                    fmt::format("invalid output type '{}', available types are: {}", type, fmt::join(available, ", ")));
}

}  // namespace

std::string OutputSpec::description() const {
  if (kind == Kind::receiver) return receiver.description;
  const std::string kind_name = kind == Kind::csv ? "csv" : kind == Kind::results ? "results" : "json";
  if (path == kStdout) return kind == Kind::points ? "json(stdout)" : kind_name + " (stdout)";
  return kind_name + " (" + path + ")";
}

std::string OutputSpec::label() const {
  switch (kind) {
    case Kind::csv: return "csv";
    case Kind::results: return "results";
    case Kind::points: return "points";
    case Kind::receiver: break;
  }
  return receiver.label;
}

base::Expected<OutputSpec> parse_output(std::string_view text, bool strict_k6, const sinks::Variables& variable) {
  std::map<std::string, std::string> read;
  auto spec = TRY(parse_kind(text, strict_k6, [&](const char* name) {
    const char* const value = variable(name);
    if (value != nullptr) read[name] = value;
    return value;
  }));
  spec.text = text;
  spec.variables = std::move(read);
  return spec;
}

}  // namespace gauntlet::engine::session
