#include "engine/sinks/push/opentelemetry.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <string_view>
#include <utility>

#include "base/base64.hpp"
#include "base/text.hpp"
#include "base/version.hpp"
#include "engine/wire/url.hpp"
#include "telemetry/otlp_metrics.pb.h"

namespace gauntlet::engine::sinks {
namespace {

/// OpenTelemetry's default bounds of histograms.
constexpr std::array<double, 15> kBounds{0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10000};

std::int64_t unix_now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

void add_attribute(google::protobuf::RepeatedPtrField<otlp::KeyValue>& attributes, const std::string& key, const std::string& value) {
  otlp::KeyValue& attribute = *attributes.Add();
  attribute.set_key(key);
  attribute.mutable_value()->set_string_value(value);
}

const char* unit_of(metrics::ValueKind kind) {
  switch (kind) {
    case metrics::ValueKind::time: return "ms";
    case metrics::ValueKind::data: return "By";
    case metrics::ValueKind::plain: break;
  }
  return "";
}

/// The metrics of a message, by name.
class Metrics {
 public:
  Metrics(otlp::ScopeMetrics& scope, std::int64_t start_ns, std::int64_t now_ns) : scope_(scope), start_ns_(start_ns), now_ns_(now_ns) {}

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
    counts[static_cast<std::size_t>(std::lower_bound(kBounds.begin(), kBounds.end(), value) - kBounds.begin())] += count;
  });
  point.set_count(values.count());
  point.set_sum(values.sum());
  point.set_min(values.min());
  point.set_max(values.max());
  for (const std::uint64_t count : counts) point.add_bucket_counts(count);
  for (const double bound : kBounds) point.add_explicit_bounds(bound);
}

}  // namespace

namespace {

constexpr std::string_view kGrpcPath = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";

/// By what is said first of: the variables, the address in --out, the endpoint that has a value. k6's default is the last.
base::Expected<OpenTelemetryOptions::Protocol> protocol_of(const std::string& argument, const Variables& variable) {
  using Protocol = OpenTelemetryOptions::Protocol;
  if (const std::string protocol = text_of(variable, "K6_OTEL_EXPORTER_PROTOCOL"); !protocol.empty()) {
    if (protocol == "grpc") return Protocol::grpc;
    if (protocol == "http/protobuf" || protocol == "http") return Protocol::http;
    return base::fail(base::ErrorKind::invalid_argument,
                      fmt::format("error validating OpenTelemetry output config: unsupported exporter protocol \"{}\", only "
                                  "\"grpc\" and \"http/protobuf\" are supported",
                                  protocol));
  }
  if (argument.starts_with("grpc://") || argument.starts_with("grpcs://")) return Protocol::grpc;
  const bool names_http = !argument.empty() || !text_of(variable, "K6_OTEL_HTTP_EXPORTER_ENDPOINT").empty();
  return names_http && text_of(variable, "K6_OTEL_GRPC_EXPORTER_ENDPOINT").empty() ? Protocol::http : Protocol::grpc;
}

/// An endpoint of the protocol's variables, or of --out. Without a scheme k6 means TLS, but for its own default nobody has
/// a certificate.
struct Endpoint {
  std::string text;
  bool tls = true;
};
base::Expected<Endpoint> endpoint_of(const std::string& argument, const Variables& variable, const std::string& prefix,
                                     const char* otherwise) {
  const std::string insecure_name = prefix + "_INSECURE";
  auto insecure = TRY(switch_of(variable, insecure_name.c_str(), false));
  Endpoint endpoint{!argument.empty() ? argument : text_of(variable, (prefix + "_ENDPOINT").c_str()), !insecure};
  if (endpoint.text.empty()) {
    endpoint.text = otherwise;
    if (text_of(variable, insecure_name.c_str()).empty()) endpoint.tls = false;
  }
  for (const auto& [scheme, tls] :
       {std::pair{"http://", false}, std::pair{"https://", true}, std::pair{"grpc://", false}, std::pair{"grpcs://", true}}) {
    if (!endpoint.text.starts_with(scheme)) continue;
    endpoint.text.erase(0, std::string_view(scheme).size());
    endpoint.tls = tls;
  }
  while (endpoint.text.ends_with('/')) endpoint.text.pop_back();
  return endpoint;
}

}  // namespace

std::string OpenTelemetryOptions::description() const {
  if (protocol == Protocol::http) return "opentelemetry (http/protobuf, " + wire::hide_password(http.url) + ")";
  return fmt::format("opentelemetry (grpc{}, {})", grpc.tls ? "" : " (insecure)", grpc.address);
}

base::Expected<OpenTelemetryOptions> read_open_telemetry_options(const std::string& argument, const Variables& variable) {
  OpenTelemetryOptions options;
  PushTarget& http = options.http;
  GrpcPushTarget& grpc = options.grpc;
  for (const auto& [name, instead] :
       {std::pair{"K6_OTEL_EXPORTER_TYPE", "use K6_OTEL_EXPORTER_PROTOCOL"},
        std::pair{"K6_OTEL_SINGLE_COUNTER_FOR_RATE", "a rate is NAME.total, whose attribute condition is zero or nonzero"}}) {
    if (!text_of(variable, name).empty())
      return base::fail(base::ErrorKind::invalid_argument, fmt::format("{} is gone, as in k6 2: {}", name, instead));
  }
  auto protocol = TRY(protocol_of(argument, variable));
  options.protocol = protocol;
  if (options.protocol == OpenTelemetryOptions::Protocol::http) {
    auto endpoint = TRY(endpoint_of(argument, variable, "K6_OTEL_HTTP_EXPORTER", "localhost:4318"));
    std::string path = text_of(variable, "K6_OTEL_HTTP_EXPORTER_URL_PATH");
    if (path.empty()) path = "/v1/metrics";
    if (path.front() != '/') path.insert(0, "/");
    http.url = (endpoint.tls ? "https://" : "http://") + endpoint.text;
    if (!http.url.ends_with(path)) http.url += path;
  } else {
    auto endpoint = TRY(endpoint_of(argument, variable, "K6_OTEL_GRPC_EXPORTER", "localhost:4317"));
    const std::size_t colon = endpoint.text.rfind(':');
    const bool has_port = colon != std::string::npos && endpoint.text.find(']', colon) == std::string::npos;
    grpc.address = has_port ? endpoint.text : endpoint.text + ":4317";
    grpc.tls = endpoint.tls;
    grpc.path = kGrpcPath;
  }
  http.headers = {"Content-Type: application/x-protobuf"};
  for (const std::string& pair : list_of(text_of(variable, "K6_OTEL_HEADERS"))) {
    const std::size_t equals = pair.find('=');
    if (equals == std::string::npos || equals == 0) {
      return base::fail(base::ErrorKind::invalid_argument, fmt::format("K6_OTEL_HEADERS: \"{}\" is not of the form name=value", pair));
    }
    const std::string name = pair.substr(0, equals);
    http.headers.push_back(fmt::format("{}: {}", name, pair.substr(equals + 1)));
    grpc.metadata.emplace_back(base::lower_case(name), pair.substr(equals + 1));
  }
  http.username = text_of(variable, "K6_OTEL_USERNAME");
  http.password = text_of(variable, "K6_OTEL_PASSWORD");
  if (!http.username.empty())
    grpc.metadata.emplace_back("authorization", "Basic " + base::encode_base64(http.username + ":" + http.password));
  auto any_certificate = TRY(switch_of(variable, "K6_OTEL_TLS_INSECURE_SKIP_VERIFY", false));
  http.accept_any_certificate = grpc.accept_any_certificate = any_certificate;
  http.authority_path = grpc.authority_path = text_of(variable, "K6_OTEL_TLS_CERTIFICATE");
  http.client_certificate_path = grpc.client_certificate_path = text_of(variable, "K6_OTEL_TLS_CLIENT_CERTIFICATE");
  http.client_key_path = grpc.client_key_path = text_of(variable, "K6_OTEL_TLS_CLIENT_KEY");
  auto interval = TRY(interval_of(variable, "K6_OTEL_EXPORT_INTERVAL", options.export_interval));
  options.export_interval = interval;
  options.metric_prefix = text_of(variable, "K6_OTEL_METRIC_PREFIX");
  if (const std::string name = text_of(variable, "K6_OTEL_SERVICE_NAME"); !name.empty()) options.service_name = name;
  const std::string version = text_of(variable, "K6_OTEL_SERVICE_VERSION");
  options.service_version = version.empty() ? base::kVersion : version;
  return options;
}

namespace {

std::unique_ptr<PushQueue> push_to_collector(const OpenTelemetryOptions& options, Tell tell) {
  constexpr const char* kName = "OpenTelemetry collector";
  if (options.protocol == OpenTelemetryOptions::Protocol::grpc) return std::make_unique<GrpcPush>(kName, options.grpc, std::move(tell));
  return std::make_unique<HttpPush>(kName, options.http, std::move(tell));
}

}  // namespace

OpenTelemetryOutput::OpenTelemetryOutput(OpenTelemetryOptions options, const metrics::MetricRegistry& registry, Tell tell)
    : SeriesOutput(registry),
      options_(std::move(options)),
      tell_(tell),
      queue_(push_to_collector(options_, std::move(tell))),
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
      case metrics::MetricType::counter: out.sum_point(name, series).set_as_double(sink.sum); break;
      case metrics::MetricType::gauge: out.gauge_point(name, series).set_as_double(sink.last); break;
      case metrics::MetricType::trend: fill(out.histogram_point(name, series), sink.values); break;
      case metrics::MetricType::rate:
        for (const auto& [condition, count] : {std::pair{"nonzero", sink.passes}, std::pair{"zero", sink.fails()}}) {
          if (count == 0) continue;
          otlp::NumberDataPoint& point = out.sum_point(name + ".total", series);
          point.set_as_int(static_cast<std::int64_t>(count));
          add_attribute(*point.mutable_attributes(), "condition", condition);
        }
        break;
    }
  }
  queue_->send(request.SerializeAsString(), take_sample_count());
}

void OpenTelemetryOutput::tick(Clock::time_point now) {
  if (now - pushed_ < options_.export_interval) return;
  pushed_ = now;
  push();
}

base::Expected<void> OpenTelemetryOutput::finish() {
  push();
  queue_->finish(kFinishPatience);
  tell_of_refused(table_, "OpenTelemetry", tell_);
  return {};
}

}  // namespace gauntlet::engine::sinks
