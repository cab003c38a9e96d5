#include "engine/sinks/push/prometheus_remote_write.hpp"

#include <fmt/format.h>
#include <snappy.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>
#include <utility>

#include "engine/sinks/push/prometheus_values.hpp"
#include "telemetry/remote_write.pb.h"

namespace gauntlet::engine::sinks {
namespace {

/// The one NaN that Prometheus reads as "this series has ended".
const double kStaleMarker = std::bit_cast<double>(std::uint64_t{0x7ff0000000000002});
/// Series of one request; more go into further ones.
constexpr int kMostSeriesPerPush = 5'000;
/// Of which each is as large as many samples.
constexpr int kMostHistogramsPerPush = 500;
/// Eight buckets to a power of two, each up to 9 % above the last one.
constexpr int kSchema = 3;
/// Below what metrics::Histogram tells from zero.
constexpr double kZeroThreshold = 0x1p-60;

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
remote_write::TimeSeries& add_named(remote_write::WriteRequest& request, const std::string& name,
                                    const std::vector<std::pair<std::string, std::string>>& labels) {
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
  return out;
}

void add_series(remote_write::WriteRequest& request, const std::string& name,
                const std::vector<std::pair<std::string, std::string>>& labels, double value, std::int64_t unix_ms) {
  auto& sample = *add_named(request, name, labels).add_samples();
  sample.set_value(value);
  sample.set_timestamp(unix_ms);
}

using Buckets = std::map<int, std::int64_t>;

/// `spans` and `deltas` of the buckets, whose runs without a gap are spans.
void put_buckets(const Buckets& buckets, google::protobuf::RepeatedPtrField<remote_write::BucketSpan>& spans,
                 google::protobuf::RepeatedField<std::int64_t>& deltas) {
  int next = 0;
  std::int64_t last = 0;
  for (const auto& [index, count] : buckets) {
    if (spans.empty() || index != next) spans.Add()->set_offset(index - next);
    auto& span = *spans.rbegin();
    span.set_length(span.length() + 1);
    deltas.Add(count - last);
    last = count;
    next = index + 1;
  }
}

/// Every value as the middle of its bucket in a metrics::Histogram (to metrics::Histogram::kRelativeError), so that a bucket's count
/// never falls: Prometheus takes that for a restart.
void put_histogram(const metrics::Distribution& values, double unit, std::int64_t unix_ms, remote_write::Histogram& out) {
  Buckets positive;
  Buckets negative;
  std::uint64_t zeros = 0;
  values.for_each([&](double value, std::uint64_t count) {
    const double rounded = metrics::Histogram::rounded(value) * unit;
    if (rounded == 0) {
      zeros += count;
      return;
    }
    const int index = static_cast<int>(std::ceil(std::log2(std::abs(rounded)) * (1 << kSchema)));
    (rounded > 0 ? positive : negative)[index] += static_cast<std::int64_t>(count);
  });
  out.set_count_int(values.count());
  out.set_sum(values.sum() * unit);
  out.set_schema(kSchema);
  out.set_zero_threshold(kZeroThreshold);
  out.set_zero_count_int(zeros);
  put_buckets(positive, *out.mutable_positive_spans(), *out.mutable_positive_deltas());
  put_buckets(negative, *out.mutable_negative_spans(), *out.mutable_negative_deltas());
  out.set_timestamp(unix_ms);
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
  auto histograms = TRY(switch_of(variable, kNativeHistograms, false));
  options.native_histograms = histograms;
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
    if (const auto name = histogram_name(series)) {
      auto& out = *add_named(request, *name, labels).add_histograms();
      put_histogram(series.sink.values, series.info->contains == metrics::ValueKind::time ? 1e-3 : 1, series.last_ns / 1'000'000, out);
      if (request.timeseries_size() >= kMostHistogramsPerPush) send();
      continue;
    }
    for_each_prometheus_value(series, options_.trend_stats, [&](const std::string& name, PrometheusType, double value) {
      add_series(request, name, labels, value, series.last_ns / 1'000'000);
    });
    if (request.timeseries_size() >= kMostSeriesPerPush) send();
  }
  send();
}

std::optional<std::string> PrometheusRemoteWrite::histogram_name(const TimeSeries& series) const {
  return options_.native_histograms ? native_histogram_name(*series.info) : std::nullopt;
}

void PrometheusRemoteWrite::push_stale_markers() {
  remote_write::WriteRequest request;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto unix_ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  for (const TimeSeries& series : table_.series()) {
    const auto labels = labels_of(series, options_.labels);
    if (const auto name = histogram_name(series)) {
      auto& ended = *add_named(request, *name, labels).add_histograms();
      ended.set_sum(kStaleMarker);
      ended.set_timestamp(unix_ms);
      continue;
    }
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
