#include "engine/metrics/metric.hpp"

#include <algorithm>
#include <cassert>

#include "base/text.hpp"

namespace gauntlet::engine::metrics {
namespace {

struct Builtin {
  MetricId id;
  std::string_view name;
  MetricType type;
  ValueKind contains;
  bool past_k6 = false;
};

constexpr Builtin kBuiltins[] = {
    {MetricId::vus, "vus", MetricType::gauge, ValueKind::plain},
    {MetricId::vus_max, "vus_max", MetricType::gauge, ValueKind::plain},
    {MetricId::iterations, "iterations", MetricType::counter, ValueKind::plain},
    {MetricId::iteration_duration, "iteration_duration", MetricType::trend, ValueKind::time},
    {MetricId::dropped_iterations, "dropped_iterations", MetricType::counter, ValueKind::plain},
    {MetricId::checks, "checks", MetricType::rate, ValueKind::plain},
    {MetricId::group_duration, "group_duration", MetricType::trend, ValueKind::time},
    {MetricId::http_reqs, "http_reqs", MetricType::counter, ValueKind::plain},
    {MetricId::http_req_duration, "http_req_duration", MetricType::trend, ValueKind::time},
    {MetricId::http_req_blocked, "http_req_blocked", MetricType::trend, ValueKind::time},
    {MetricId::http_req_connecting, "http_req_connecting", MetricType::trend, ValueKind::time},
    {MetricId::http_req_tls_handshaking, "http_req_tls_handshaking", MetricType::trend, ValueKind::time},
    {MetricId::http_req_sending, "http_req_sending", MetricType::trend, ValueKind::time},
    {MetricId::http_req_waiting, "http_req_waiting", MetricType::trend, ValueKind::time},
    {MetricId::http_req_receiving, "http_req_receiving", MetricType::trend, ValueKind::time},
    {MetricId::http_req_failed, "http_req_failed", MetricType::rate, ValueKind::plain},
    {MetricId::ws_sessions, "ws_sessions", MetricType::counter, ValueKind::plain},
    {MetricId::ws_msgs_sent, "ws_msgs_sent", MetricType::counter, ValueKind::plain},
    {MetricId::ws_msgs_received, "ws_msgs_received", MetricType::counter, ValueKind::plain},
    {MetricId::ws_ping, "ws_ping", MetricType::trend, ValueKind::time},
    {MetricId::ws_session_duration, "ws_session_duration", MetricType::trend, ValueKind::time},
    {MetricId::ws_connecting, "ws_connecting", MetricType::trend, ValueKind::time},
    {MetricId::grpc_req_duration, "grpc_req_duration", MetricType::trend, ValueKind::time},
    {MetricId::grpc_streams, "grpc_streams", MetricType::counter, ValueKind::plain},
    {MetricId::grpc_streams_msgs_sent, "grpc_streams_msgs_sent", MetricType::counter, ValueKind::plain},
    {MetricId::grpc_streams_msgs_received, "grpc_streams_msgs_received", MetricType::counter, ValueKind::plain},
    {MetricId::data_sent, "data_sent", MetricType::counter, ValueKind::data},
    {MetricId::data_received, "data_received", MetricType::counter, ValueKind::data},
    {MetricId::grpc_reqs, "grpc_reqs", MetricType::counter, ValueKind::plain, true},
    {MetricId::grpc_req_failed, "grpc_req_failed", MetricType::rate, ValueKind::plain, true},
    {MetricId::iteration_duration_intended, "iteration_duration_intended", MetricType::trend, ValueKind::time, true},
    {MetricId::schedule_slip, "schedule_slip", MetricType::trend, ValueKind::time, true},
    {MetricId::loop_lag, "loop_lag", MetricType::trend, ValueKind::time, true},
    {MetricId::generator_ok, "generator_ok", MetricType::rate, ValueKind::plain, true},
    {MetricId::sse_events, "sse_events", MetricType::counter, ValueKind::plain, true},
    {MetricId::sse_time_to_first_event, "sse_time_to_first_event", MetricType::trend, ValueKind::time, true},
    {MetricId::sse_time_between_events, "sse_time_between_events", MetricType::trend, ValueKind::time, true},
};
static_assert(std::size(kBuiltins) == index_of(MetricId::first_custom));

/// k6 1.8.1 takes 2 to 129 characters, whatever its message says.
bool valid_name(std::string_view name) {
  if (name.size() < 2 || name.size() > 129) return false;
  if (!base::is_letter(name[0]) && name[0] != '_') return false;
  return std::all_of(name.begin() + 1, name.end(), [](char c) { return base::is_letter(c) || base::is_digit(c) || c == '_'; });
}

std::string_view unquote(std::string_view text) {
  text = base::trimmed(text, base::kWhiteSpace);
  const std::size_t begin = text.find_first_not_of("\"'");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of("\"'") - begin + 1);
}

}  // namespace

std::string_view name_of(MetricType type) {
  switch (type) {
    case MetricType::counter: return "counter";
    case MetricType::gauge: return "gauge";
    case MetricType::rate: return "rate";
    case MetricType::trend: return "trend";
  }
  return "";
}

std::string_view name_of(ValueKind kind) {
  switch (kind) {
    case ValueKind::plain: return "default";
    case ValueKind::time: return "time";
    case ValueKind::data: return "data";
  }
  return "";
}

base::Expected<MetricKey> parse_metric_key(std::string_view text) {
  const auto malformed = [text] {
    return base::fail(base::ErrorKind::invalid_argument,
                      "\"" + std::string(text) + "\" is no metric with tags: write http_req_duration{status:200,method:GET}");
  };
  MetricKey key;
  const std::size_t open = text.find('{');
  if (open == std::string_view::npos && text.find('}') == std::string_view::npos) {
    key.name = text;
    return key;
  }
  if (open == std::string_view::npos || text.back() != '}') return malformed();
  key.name = text.substr(0, open);
  key.has_tags = true;
  key.suffix = base::trimmed(text.substr(open + 1, text.size() - open - 2), base::kWhiteSpace);
  std::string_view rest = key.suffix;
  while (true) {
    const std::size_t comma = rest.find(',');
    const std::string_view pair = base::trimmed(rest.substr(0, comma), base::kWhiteSpace);
    const std::size_t colon = pair.find(':');
    if (colon == std::string_view::npos || colon + 1 == pair.size()) return malformed();
    key.tags.emplace_back(unquote(pair.substr(0, colon)), unquote(pair.substr(colon + 1)));
    if (comma == std::string_view::npos) break;
    rest.remove_prefix(comma + 1);
  }
  std::sort(key.tags.begin(), key.tags.end());
  return key;
}

MetricRegistry::MetricRegistry(bool strict_k6) : strict_k6_(strict_k6) {
  for (const Builtin& builtin : kBuiltins) {
    [[maybe_unused]] const MetricId id = insert(builtin.name, builtin.type, builtin.contains, builtin.past_k6, false);
    assert(id == builtin.id);
  }
  add_submetric(MetricId::http_req_duration, {.name = "http_req_duration{expected_response:true}",
                                              .suffix = "expected_response:true",
                                              .tags = {{"expected_response", "true"}},
                                              .from_threshold = false});
}

MetricId MetricRegistry::insert(std::string_view name, MetricType type, ValueKind contains, bool past_k6, bool custom) {
  const std::size_t index = size_.load(std::memory_order_relaxed);
  auto info = std::make_unique<MetricInfo>();
  info->id = static_cast<MetricId>(index);
  info->name = name;
  info->type = type;
  info->contains = contains;
  info->past_k6 = past_k6;
  info->custom = custom;
  infos_[index] = std::move(info);
  // A strict registry keeps the places of metrics past k6 but finds nothing under their names.
  if (!(strict_k6_ && past_k6)) by_name_.emplace(name, static_cast<MetricId>(index));
  size_.store(index + 1, std::memory_order_release);
  return static_cast<MetricId>(index);
}

base::Expected<MetricId> MetricRegistry::declare(std::string_view name, MetricType type, ValueKind contains) {
  if (!valid_name(name)) {
    return base::fail(base::ErrorKind::invalid_argument,
                      "Invalid metric name: '" + std::string(name) +
                          "'. Metric names must only include up to 128 ASCII letters, numbers, or underscores and "
                          "start with a letter or an underscore.");
  }
  const std::lock_guard lock(mutex_);
  if (const auto found = by_name_.find(std::string(name)); found != by_name_.end()) {
    const MetricInfo& existing = info(found->second);
    const std::string exists = "metric '" + existing.name + "' already exists but with ";
    if (existing.type != type) {
      return base::fail(base::ErrorKind::already_exists,
                        exists + "type " + std::string(name_of(existing.type)) + ", instead of " + std::string(name_of(type)));
    }
    if (existing.contains != contains) {
      return base::fail(base::ErrorKind::already_exists, exists + "a value type " + std::string(name_of(existing.contains)) +
                                                             ", instead of " + std::string(name_of(contains)));
    }
    return existing.id;
  }
  if (size_.load(std::memory_order_relaxed) == kMaxMetrics) {
    return base::fail(base::ErrorKind::resource_exhausted,
                      "metric '" + std::string(name) + "' is one too many: a test can have " + std::to_string(kMaxMetrics) + " metrics");
  }
  return insert(name, type, contains, false, true);
}

const MetricInfo* MetricRegistry::find(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  const auto found = by_name_.find(std::string(name));
  return found == by_name_.end() ? nullptr : infos_[index_of(found->second)].get();
}

void MetricRegistry::add_submetric(MetricId id, Submetric submetric) {
  std::vector<Submetric>& submetrics = infos_[index_of(id)]->submetrics;
  for (Submetric& existing : submetrics) {
    if (existing.tags == submetric.tags) {
      existing.from_threshold |= submetric.from_threshold;
      return;
    }
  }
  const auto builtin =
      std::find_if(submetrics.begin(), submetrics.end(), [](const Submetric& existing) { return !existing.from_threshold; });
  submetrics.insert(submetric.from_threshold ? builtin : submetrics.end(), std::move(submetric));
}

void MetricRegistry::add_threshold(MetricId id, ThresholdSpec threshold) {
  infos_[index_of(id)]->thresholds.push_back(std::move(threshold));
}

}  // namespace gauntlet::engine::metrics
