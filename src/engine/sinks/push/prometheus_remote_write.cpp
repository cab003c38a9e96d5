#include "engine/sinks/push/prometheus_remote_write.hpp"

#include <fmt/format.h>
#include <snappy.h>

#include <algorithm>
#include <bit>
#include <utility>

#include "engine/sinks/push/prometheus_values.hpp"
#include "telemetry/remote_write.pb.h"

namespace gauntlet::engine::sinks {
namespace {

/// The one NaN that Prometheus reads as "this series has ended".
const double kStaleMarker = std::bit_cast<double>(std::uint64_t{0x7ff0000000000002});
/// Series of one request; more go into further ones.
constexpr int kMostSeriesPerPush = 5'000;

std::vector<std::pair<std::string, std::string>> labels_of(const TimeSeries& series,
                                                           const std::vector<std::pair<std::string, std::string>>& of_all) {
  std::vector<std::pair<std::string, std::string>> labels;
  for (const auto& [tag, value] : *series.tags) labels.emplace_back(prometheus_label(tag), value);
  const std::size_t own = labels.size();
  for (const auto& label : of_all) {
    const auto end = labels.begin() + static_cast<std::ptrdiff_t>(own);
    if (std::none_of(labels.begin(), end, [&](const auto& tag) { return tag.first == label.first; })) labels.push_back(label);
  }
  std::sort(labels.begin(), labels.end());
  return labels;
}

/// Labels sorted by name as receivers demand; "__name__" is before all small letters.
void add_series(remote_write::WriteRequest& request, const std::string& name,
                const std::vector<std::pair<std::string, std::string>>& labels, double value, std::int64_t unix_ms) {
  auto& out = *request.add_timeseries();
  bool named = false;
  const auto add_name = [&] {
    auto& label = *out.add_labels();
    label.set_name("__name__");
    label.set_value(name);
    named = true;
  };
  for (const auto& [key, text] : labels) {
    if (!named && key > "__name__") add_name();
    auto& label = *out.add_labels();
    label.set_name(key);
    label.set_value(text);
  }
  if (!named) add_name();
  auto& sample = *out.add_samples();
  sample.set_value(value);
  sample.set_timestamp(unix_ms);
}

std::string compressed(const remote_write::WriteRequest& request) {
  std::string body;
  const std::string plain = request.SerializeAsString();
  snappy::Compress(plain.data(), plain.size(), &body);
  return body;
}

}  // namespace

base::Expected<RemoteWriteOptions> read_remote_write_options(const std::string& argument, const Variables& variable) {
  RemoteWriteOptions options;
  PushTarget& target = options.target;
  target.url = !argument.empty() ? argument : text_of(variable, "K6_PROMETHEUS_RW_SERVER_URL");
  if (target.url.empty()) target.url = "http://localhost:9090/api/v1/write";
  target.username = text_of(variable, "K6_PROMETHEUS_RW_USERNAME");
  target.password = text_of(variable, "K6_PROMETHEUS_RW_PASSWORD");
  target.client_certificate_path = text_of(variable, "K6_PROMETHEUS_RW_CLIENT_CERTIFICATE");
  target.client_key_path = text_of(variable, "K6_PROMETHEUS_RW_CLIENT_CERTIFICATE_KEY");
  target.headers = {"Content-Type: application/x-protobuf", "Content-Encoding: snappy", "X-Prometheus-Remote-Write-Version: 0.1.0",
                    "User-Agent: k6-prometheus-rw-output"};
  if (const std::string token = text_of(variable, "K6_PROMETHEUS_RW_BEARER_TOKEN"); !token.empty()) {
    target.headers.push_back("Authorization: Bearer " + token);
  }
  for (const std::string& pair : list_of(text_of(variable, "K6_PROMETHEUS_RW_HTTP_HEADERS"))) {
    const std::size_t colon = pair.find(':');
    if (colon == std::string::npos || colon == 0) {
      return base::fail(base::ErrorKind::invalid_argument,
                        fmt::format("K6_PROMETHEUS_RW_HTTP_HEADERS: \"{}\" is not of the form name:value", pair));
    }
    target.headers.push_back(fmt::format("{}: {}", pair.substr(0, colon), pair.substr(colon + 1)));
  }
  for (const std::string& pair : list_of(text_of(variable, "K6_PROMETHEUS_RW_LABELS"))) {
    const std::size_t equals = pair.find('=');
    if (equals == std::string::npos || equals == 0)
      return base::fail(base::ErrorKind::invalid_argument,
                        fmt::format("K6_PROMETHEUS_RW_LABELS: \"{}\" is not of the form name=value", pair));
    const std::string name = prometheus_label(pair.substr(0, equals));
    std::erase_if(options.labels, [&](const auto& label) { return label.first == name; });
    options.labels.emplace_back(name, pair.substr(equals + 1));
  }
  auto insecure = TRY(switch_of(variable, "K6_PROMETHEUS_RW_INSECURE_SKIP_TLS_VERIFY", false));
  target.accept_any_certificate = insecure;
  auto interval = TRY(interval_of(variable, "K6_PROMETHEUS_RW_PUSH_INTERVAL", options.push_interval));
  options.push_interval = interval;
  if (const std::string stats = text_of(variable, "K6_PROMETHEUS_RW_TREND_STATS"); !stats.empty()) {
    auto parsed = parse_prometheus_stats(stats);
    if (!parsed) return tl::unexpected(std::move(parsed.error()).in("K6_PROMETHEUS_RW_TREND_STATS"));
    options.trend_stats = std::move(*parsed);
  }
  auto stale = TRY(switch_of(variable, "K6_PROMETHEUS_RW_STALE_MARKERS", false));
  options.stale_markers = stale;
  auto histograms = TRY(switch_of(variable, "K6_PROMETHEUS_RW_TREND_AS_NATIVE_HISTOGRAM", false));
  if (histograms) {
    return base::fail(base::ErrorKind::unimplemented,
                      "K6_PROMETHEUS_RW_TREND_AS_NATIVE_HISTOGRAM: native histograms are not part of this version of gauntlet; "
                      "K6_PROMETHEUS_RW_TREND_STATS=p(50),p(99),count,sum gives statistics, --out opentelemetry histograms");
  }
  return options;
}

PrometheusRemoteWrite::PrometheusRemoteWrite(RemoteWriteOptions options, const metrics::MetricRegistry& registry, Tell tell)
    : SeriesOutput(registry),
      options_(std::move(options)),
      tell_(tell),
      http_("Prometheus remote write", options_.target, std::move(tell)) {}

void PrometheusRemoteWrite::tick(Clock::time_point now) {
  if (now - pushed_ < options_.push_interval) return;
  pushed_ = now;
  push();
}

void PrometheusRemoteWrite::push() {
  remote_write::WriteRequest request;
  const auto send = [&] {
    if (request.timeseries_size() == 0) return;
    http_.send(compressed(request), take_sample_count());
    request.Clear();
  };
  for (TimeSeries& series : table_.series()) {
    if (!std::exchange(series.changed, false)) continue;
    const auto labels = labels_of(series, options_.labels);
    for_each_prometheus_value(series, options_.trend_stats, [&](const std::string& name, PrometheusType, double value) {
      add_series(request, name, labels, value, series.last_ns / 1'000'000);
    });
    if (request.timeseries_size() >= kMostSeriesPerPush) send();
  }
  send();
}

void PrometheusRemoteWrite::push_stale_markers() {
  remote_write::WriteRequest request;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto unix_ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  for (const TimeSeries& series : table_.series()) {
    const auto labels = labels_of(series, options_.labels);
    for_each_prometheus_value(series, options_.trend_stats, [&](const std::string& name, PrometheusType, double) {
      add_series(request, name, labels, kStaleMarker, unix_ms);
    });
  }
  if (request.timeseries_size() != 0) http_.send(compressed(request), 0);
}

base::Expected<void> PrometheusRemoteWrite::finish() {
  push();
  if (options_.stale_markers) push_stale_markers();
  http_.finish(kFinishPatience);
  tell_of_refused(table_, "Prometheus remote write", tell_);
  return {};
}

}  // namespace gauntlet::engine::sinks
