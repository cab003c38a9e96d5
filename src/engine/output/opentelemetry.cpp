#include "engine/output/opentelemetry.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "telemetry/otlp_metrics.pb.h"

namespace gauntlet::engine::output {
namespace {

/// OpenTelemetry's default bounds of histograms.
constexpr std::array<double, 15> kBounds{0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10000};

std::int64_t unix_now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

void add_attribute(google::protobuf::RepeatedPtrField<otlp::KeyValue>& attributes, const std::string& key,
                   const std::string& value) {
  otlp::KeyValue& attribute = *attributes.Add();
  attribute.set_key(key);
  attribute.mutable_value()->set_string_value(value);
}

const char* unit_of(metrics::ValueKind kind) {
  switch (kind) {
    case metrics::ValueKind::time:
      return "ms";
    case metrics::ValueKind::data:
      return "By";
    case metrics::ValueKind::plain:
      break;
  }
  return "";
}

/// The metrics of a message, by name.
class Metrics {
 public:
  Metrics(otlp::ScopeMetrics& scope, std::int64_t start_ns, std::int64_t now_ns)
      : scope_(scope), start_ns_(start_ns), now_ns_(now_ns) {}

  otlp::NumberDataPoint& gauge_point(const std::string& name, const TimeSeries& series) {
    return point(*metric(name, series).mutable_gauge()->add_data_points(), series);
  }
  otlp::NumberDataPoint& sum_point(const std::string& name, const TimeSeries& series) {
    otlp::Sum& sum = *metric(name, series).mutable_sum();
    sum.set_aggregation_temporality(otlp::CUMULATIVE);
    sum.set_is_monotonic(true);
    return point(*sum.add_data_points(), series);
  }
  otlp::HistogramDataPoint& histogram_point(const std::string& name, const TimeSeries& series) {
    otlp::Histogram& histogram = *metric(name, series).mutable_histogram();
    histogram.set_aggregation_temporality(otlp::CUMULATIVE);
    return point(*histogram.add_data_points(), series);
  }

 private:
  otlp::Metric& metric(const std::string& name, const TimeSeries& series) {
    otlp::Metric*& found = by_name_[name];
    if (found == nullptr) {
      found = scope_.add_metrics();
      found->set_name(name);
      if (series.sink.type != metrics::MetricType::rate) found->set_unit(unit_of(series.info->contains));
    }
    return *found;
  }
  template <class Point>
  Point& point(Point& point, const TimeSeries& series) const {
    point.set_start_time_unix_nano(static_cast<std::uint64_t>(start_ns_));
    point.set_time_unix_nano(static_cast<std::uint64_t>(now_ns_));
    for (const auto& [tag, value] : *series.tags) add_attribute(*point.mutable_attributes(), tag, value);
    return point;
  }

  otlp::ScopeMetrics& scope_;
  const std::int64_t start_ns_;
  const std::int64_t now_ns_;
  std::map<std::string, otlp::Metric*> by_name_;
};

void fill(otlp::HistogramDataPoint& point, const metrics::Distribution& values) {
  std::array<std::uint64_t, kBounds.size() + 1> counts{};
  values.for_each([&](double value, std::uint64_t count) {
    counts[static_cast<std::size_t>(std::lower_bound(kBounds.begin(), kBounds.end(), value) - kBounds.begin())] +=
        count;
  });
  point.set_count(values.count());
  point.set_sum(values.sum());
  point.set_min(values.min());
  point.set_max(values.max());
  for (const std::uint64_t count : counts) point.add_bucket_counts(count);
  for (const double bound : kBounds) point.add_explicit_bounds(bound);
}

}  // namespace

base::Expected<OpenTelemetryOptions> read_open_telemetry_options(const std::string& argument,
                                                                 const Variables& variable) {
  OpenTelemetryOptions options;
  for (const char* name : {"K6_OTEL_EXPORTER_PROTOCOL", "K6_OTEL_EXPORTER_TYPE"}) {
    const std::string protocol = text_of(variable, name);
    if (protocol.empty() || protocol == "http/protobuf" || protocol == "http") continue;
    return base::fail(
        base::ErrorKind::unimplemented,
        fmt::format("{}: \"{}\" is not part of this version of gauntlet; collectors take http/protobuf at port 4318",
                    name, protocol));
  }
  if (!text_of(variable, "K6_OTEL_GRPC_EXPORTER_ENDPOINT").empty()) {
    return base::fail(base::ErrorKind::unimplemented,
                      "K6_OTEL_GRPC_EXPORTER_ENDPOINT: this version of gauntlet exports by http/protobuf; say where "
                      "with K6_OTEL_HTTP_EXPORTER_ENDPOINT");
  }
  auto insecure = switch_of(variable, "K6_OTEL_HTTP_EXPORTER_INSECURE", false);
  if (!insecure) return tl::unexpected(std::move(insecure.error()));
  std::string endpoint = !argument.empty() ? argument : text_of(variable, "K6_OTEL_HTTP_EXPORTER_ENDPOINT");
  const bool is_default = endpoint.empty();
  if (is_default) endpoint = "localhost:4318";
  // Without a scheme k6 means TLS, but for its own default nobody has a certificate.
  if (endpoint.find("://") == std::string::npos) endpoint.insert(0, *insecure || is_default ? "http://" : "https://");
  while (endpoint.back() == '/') endpoint.pop_back();
  std::string path = text_of(variable, "K6_OTEL_HTTP_EXPORTER_URL_PATH");
  if (path.empty()) path = "/v1/metrics";
  if (path.front() != '/') path.insert(0, "/");
  PushTarget& target = options.target;
  target.url = endpoint.ends_with(path) ? endpoint : endpoint + path;
  target.headers = {"Content-Type: application/x-protobuf"};
  for (const std::string& pair : list_of(text_of(variable, "K6_OTEL_HEADERS"))) {
    const std::size_t equals = pair.find('=');
    if (equals == std::string::npos || equals == 0) {
      return base::fail(base::ErrorKind::invalid_argument,
                        fmt::format("K6_OTEL_HEADERS: \"{}\" is not of the form name=value", pair));
    }
    target.headers.push_back(fmt::format("{}: {}", pair.substr(0, equals), pair.substr(equals + 1)));
  }
  auto any_certificate = switch_of(variable, "K6_OTEL_TLS_INSECURE_SKIP_VERIFY", false);
  if (!any_certificate) return tl::unexpected(std::move(any_certificate.error()));
  target.accept_any_certificate = *any_certificate;
  target.authority_path = text_of(variable, "K6_OTEL_TLS_CERTIFICATE");
  target.client_certificate_path = text_of(variable, "K6_OTEL_TLS_CLIENT_CERTIFICATE");
  target.client_key_path = text_of(variable, "K6_OTEL_TLS_CLIENT_KEY");
  auto interval = interval_of(variable, "K6_OTEL_EXPORT_INTERVAL", options.export_interval);
  if (!interval) return tl::unexpected(std::move(interval.error()));
  options.export_interval = *interval;
  auto single = switch_of(variable, "K6_OTEL_SINGLE_COUNTER_FOR_RATE", true);
  if (!single) return tl::unexpected(std::move(single.error()));
  options.single_counter_for_rate = *single;
  options.metric_prefix = text_of(variable, "K6_OTEL_METRIC_PREFIX");
  if (const std::string name = text_of(variable, "K6_OTEL_SERVICE_NAME"); !name.empty()) options.service_name = name;
  const std::string version = text_of(variable, "K6_OTEL_SERVICE_VERSION");
  options.service_version = version.empty() ? GAUNTLET_VERSION : version;
  return options;
}

OpenTelemetryOutput::OpenTelemetryOutput(OpenTelemetryOptions options, const metrics::MetricRegistry& registry,
                                         Tell tell)
    : options_(std::move(options)),
      tell_(tell),
      table_(registry),
      http_("OpenTelemetry collector", options_.target, std::move(tell)),
      start_ns_(unix_now_ns()) {}

void OpenTelemetryOutput::push() {
  if (table_.series().empty()) return;
  otlp::ExportMetricsServiceRequest request;
  otlp::ResourceMetrics& resource = *request.add_resource_metrics();
  add_attribute(*resource.mutable_resource()->mutable_attributes(), "service.name", options_.service_name);
  add_attribute(*resource.mutable_resource()->mutable_attributes(), "service.version", options_.service_version);
  otlp::ScopeMetrics& scope = *resource.add_scope_metrics();
  scope.mutable_scope()->set_name("k6");
  Metrics out(scope, start_ns_, unix_now_ns());
  for (const TimeSeries& series : table_.series()) {
    const std::string name = options_.metric_prefix + series.info->name;
    const metrics::Sink& sink = series.sink;
    switch (sink.type) {
      case metrics::MetricType::counter:
        out.sum_point(name, series).set_as_double(sink.sum);
        break;
      case metrics::MetricType::gauge:
        out.gauge_point(name, series).set_as_double(sink.last);
        break;
      case metrics::MetricType::trend:
        fill(out.histogram_point(name, series), sink.values);
        break;
      case metrics::MetricType::rate:
        if (!options_.single_counter_for_rate) {
          out.sum_point(name + ".occurred", series).set_as_int(static_cast<std::int64_t>(sink.passes));
          out.sum_point(name + ".total", series).set_as_int(static_cast<std::int64_t>(sink.samples));
          break;
        }
        for (const auto& [condition, count] : {std::pair{"nonzero", sink.passes}, std::pair{"zero", sink.fails()}}) {
          if (count == 0) continue;
          otlp::NumberDataPoint& point = out.sum_point(name + ".total", series);
          point.set_as_int(static_cast<std::int64_t>(count));
          add_attribute(*point.mutable_attributes(), "condition", condition);
        }
        break;
    }
  }
  http_.send(request.SerializeAsString(), std::exchange(samples_, 0));
}

void OpenTelemetryOutput::tick(Clock::time_point now) {
  if (now - pushed_ < options_.export_interval) return;
  pushed_ = now;
  push();
}

base::Expected<void> OpenTelemetryOutput::finish() {
  push();
  http_.finish(kFinishPatience);
  tell_of_refused(table_, "OpenTelemetry", tell_);
  return {};
}

}  // namespace gauntlet::engine::output
