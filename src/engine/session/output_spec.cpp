#include "engine/session/output_spec.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <utility>

namespace gauntlet::engine::output {
namespace {

constexpr std::string_view kStdout = "-";

base::Error bad_csv(std::string why) { return {base::ErrorKind::invalid_argument, "could not create the 'csv' output: " + std::move(why)}; }

/// "200ms", "1s", "1.5s", "1m".
base::Expected<std::chrono::nanoseconds> parse_interval(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  double scale = 0;
  if (unit == "ms") scale = 1e6;
  if (unit == "s") scale = 1e9;
  if (unit == "m") scale = 60e9;
  if (error != std::errc() || scale == 0 || number <= 0 || number * scale > 1e18) {
    return base::fail(base::ErrorKind::invalid_argument, fmt::format("\"{}\" is no duration, as 10s or 500ms", text));
  }
  return std::chrono::nanoseconds(static_cast<std::int64_t>(number * scale));
}

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
      auto interval = parse_interval(value);
      if (!interval) return tl::unexpected(bad_csv(std::move(interval.error().message)));
      spec.save_interval = *interval;
    } else if (key == "timeFormat") {
      auto format = parse_csv_time_format(value);
      if (!format) return tl::unexpected(bad_csv(std::move(format.error().message)));
      spec.time_format = *format;
    } else {
      return tl::unexpected(bad_csv("unknown key \"" + std::string(key) + "\" as argument for csv output"));
    }
    if (comma == std::string_view::npos) return spec;
    argument.remove_prefix(comma + 1);
  }
}

}  // namespace

std::string OutputSpec::description() const {
  struct Words {
    std::string operator()(const std::monostate&) const { return ""; }
    std::string operator()(const RemoteWriteOptions& o) const { return "Prometheus remote write (" + o.target.url + ")"; }
    std::string operator()(const ScrapeOptions& o) const {
      return fmt::format("Prometheus scrape page (http://{}:{}/metrics)", o.address, o.port);
    }
    std::string operator()(const InfluxOptions& o) const { return "InfluxDBv1 (" + o.address + ")"; }
    std::string operator()(const OpenTelemetryOptions& o) const {
      if (o.protocol == OpenTelemetryOptions::Protocol::http) return "opentelemetry (http/protobuf, " + o.http.url + ")";
      return fmt::format("opentelemetry (grpc{}, {})", o.grpc.tls ? "" : " (insecure)", o.grpc.address);
    }
  };
  if (kind == Kind::receiver) return std::visit(Words(), receiver);
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
  constexpr std::array kNames{"", "prometheus-rw", "prometheus", "influxdb", "opentelemetry"};
  return kNames[receiver.index()];
}

base::Expected<OutputSpec> parse_output(std::string_view text, bool strict_k6, const Variables& variable) {
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
  const auto receiver = [&](auto options) -> base::Expected<OutputSpec> {
    if (!options) return tl::unexpected(std::move(options.error()).in(fmt::format("could not create the '{}' output", type)));
    OutputSpec spec;
    spec.kind = OutputSpec::Kind::receiver;
    spec.receiver = std::move(*options);
    return spec;
  };
  if (type == "influxdb") return receiver(read_influx_options(argument, variable));
  if (type == "experimental-prometheus-rw" || (type == "prometheus-rw" && !strict_k6))
    return receiver(read_remote_write_options(argument, variable));
  if (type == "opentelemetry" || type == "experimental-opentelemetry") return receiver(read_open_telemetry_options(argument, variable));
  if (type == "prometheus" && !strict_k6) return receiver(read_scrape_options(argument, variable));

  const std::string available =
      strict_k6 ? "csv, experimental-opentelemetry, experimental-prometheus-rw, influxdb, json, opentelemetry, web-dashboard"
                : "csv, influxdb, json, opentelemetry, points, prometheus, prometheus-rw, web-dashboard";
  if (type == "statsd") {
    return base::fail(
        base::ErrorKind::unimplemented,
        fmt::format("the output 'statsd' is gone, as from k6: send opentelemetry to a collector that speaks StatsD, or use one "
                    "of: {}",
                    available));
  }
  for (const std::string_view absent : {"cloud", "datadog", "kafka"}) {
    if (type != absent) continue;
    return base::fail(base::ErrorKind::unimplemented,
                      fmt::format("the output '{}' is not built into this engine; there are: {}", type, available));
  }
  return base::fail(base::ErrorKind::invalid_argument, fmt::format("invalid output type '{}', available types are: {}", type, available));
}

}  // namespace gauntlet::engine::output
