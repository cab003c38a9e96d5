#include "engine/metrics/recorder.hpp"

#include <algorithm>

#include "engine/metrics/collector.hpp"
#include "engine/metrics/collector_state.hpp"

namespace gauntlet::engine::metrics {
namespace {

constexpr PlaceId kUnknownPlace = 0xffffffff;
/// Rows that a thread remembers; beyond them it asks the shared table, which folds what is past its own limits.
constexpr std::size_t kMaxRemembered = 8192;

bool matches(const TagSet& tags, const Submetric& submetric) {
  return std::all_of(submetric.tags.begin(), submetric.tags.end(), [&](const auto& wanted) {
    const std::string_view* value = tags.find(wanted.first);
    return value != nullptr && *value == wanted.second;
  });
}

EndpointKey endpoint_of(MetricId metric, const TagSet& tags) {
  EndpointKey key;
  key.protocol = metric == MetricId::http_req_duration ? EndpointState::Protocol::http : EndpointState::Protocol::grpc;
  key.method = tags.get(SystemTag::method);
  key.name = tags.get(tags.has(SystemTag::name) ? SystemTag::name : SystemTag::url);
  key.status = tags.get(SystemTag::status);
  key.error_code = tags.get(SystemTag::error_code);
  key.error = tags.get(SystemTag::error);
  key.failed = key.protocol == EndpointState::Protocol::http ? tags.get(SystemTag::expected_response) == "false"
                                                             : !key.status.empty() && key.status != "0";
  return key;
}

}  // namespace

Recorder::Recorder(Collector& collector, std::uint32_t index)
    : collector_(collector),
      registry_(collector.state_->registry),
      places_(collector.state_->places),
      index_(index),
      parts_(collector.state_->options.parts),
      lifecycle_apart_(collector.state_->options.lifecycle_apart),
      unix_offset_ns_(collector.state_->unix_offset_ns),
      tags_(collector.state_->options.system_tags),
      window_(std::make_unique<Window>()) {
  if (collector.state_->stream) {
    stream_ = std::make_unique<SampleWriter>(collector.state_->stream->add_ring(), collector.state_->options.system_tags);
  }
}

Recorder::~Recorder() { collector_.forget(*this); }

void Recorder::use(PlaceId place, MetricType type) {
  if (place >= place_types_.size()) place_types_.resize(place + 1, MetricType::counter);
  place_types_[place] = type;
  fit_window();
  window_->sinks[place].type = type;
}

void Recorder::fit_window() {
  std::vector<Sink>& sinks = window_->sinks;
  if (sinks.size() < place_types_.size()) sinks.resize(place_types_.size());
  // All of them: the window may come from another thread, which knows only the types of the places that it uses.
  for (std::size_t i = 0; i < place_types_.size(); ++i) sinks[i].type = place_types_[i];
  window_->used.reserve(sinks.size());
}

void Recorder::resolve(MetricId metric, TagSet* tags) {
  const MetricInfo& info = registry_.info(metric);
  const std::size_t index = index_of(metric);
  std::vector<PlaceId> places;

  if (index >= totals_.size()) {
    totals_.resize(index + 1, kUnknownPlace);
    submetrics_.resize(index + 1);
  }
  if (totals_[index] == kUnknownPlace) {
    totals_[index] = places_.total(metric);
    for (std::size_t i = 0; i < info.submetrics.size(); ++i) submetrics_[index].push_back(places_.submetric(metric, i));
  }
  const std::string_view group = tags->get(SystemTag::group);
  const bool apart = lifecycle_apart_ && (group.starts_with("::setup") || group.starts_with("::teardown"));
  if (apart && (metric == MetricId::http_req_duration || metric == MetricId::grpc_req_duration)) {
    EndpointKey key = endpoint_of(metric, *tags);
    key.name = (group.starts_with("::setup") ? "setup(): " : "teardown(): ") + key.name;
    places.push_back(places_.endpoint(key));
  } else if (!apart && registry_.records(metric)) {
    places.push_back(totals_[index]);
    for (std::size_t i = 0; i < info.submetrics.size(); ++i) {
      if (matches(*tags, info.submetrics[i])) places.push_back(submetrics_[index][i]);
    }
    const auto remembered = [](auto& known, const auto& key, auto&& ask) {
      if (const auto found = known.find(key); found != known.end()) return found->second;
      const PlaceId place = ask();
      if (known.size() < kMaxRemembered) known.emplace(key, place);
      return place;
    };
    if (metric == MetricId::http_req_duration || metric == MetricId::grpc_req_duration) {
      const EndpointKey key = endpoint_of(metric, *tags);
      places.push_back(remembered(endpoints_, key, [&] { return places_.endpoint(key); }));
    } else if (metric == MetricId::checks) {
      const CheckKey key{std::string(tags->get(SystemTag::group)), std::string(tags->get(SystemTag::check))};
      places.push_back(remembered(checks_, key, [&] { return places_.check(key); }));
    }
    if (metric == MetricId::checks || metric == MetricId::group_duration) places_.note_group(tags->get(SystemTag::group));
    if (parts_) resolve_parts(metric, *tags, places);
  }

  for (const PlaceId place : places) use(place, info.type);
  if (index >= tags->routes_.size()) tags->routes_.resize(std::max(index + 1, index_of(MetricId::first_custom)));
  tags->routes_[index] = {static_cast<std::uint32_t>(tags->places_.size()), static_cast<std::uint32_t>(places.size())};
  tags->places_.insert(tags->places_.end(), places.begin(), places.end());
}

void Recorder::resolve_parts(MetricId metric, const TagSet& tags, std::vector<PlaceId>& places) {
  const std::string scenario(tags.get(SystemTag::scenario));
  const std::string group(tags.get(SystemTag::group));
  const auto add_to = [&](const PartKey& part) {
    PlaceId place = 0;
    if (places_.part(part, metric, &place)) places.push_back(place);
    if (metric != MetricId::checks) return;
    const CheckKey check{group, std::string(tags.get(SystemTag::check))};
    if (places_.part_check(part, check, &place)) places.push_back(place);
  };
  if (!scenario.empty()) add_to({scenario, ""});
  if (!group.empty()) add_to({scenario, group});
}

void Recorder::add(MetricId metric, TagSet* tags, double value, Instant at, const Metadata* metadata) {
  const std::size_t index = index_of(metric);
  if (index >= tags->routes_.size() || tags->routes_[index].count == TagSet::Route::kUnknown) resolve(metric, tags);
  const TagSet::Route route = tags->routes_[index];
  const PlaceId* place = tags->places_.data() + route.begin;
  Window& window = *window_;
  for (std::uint32_t i = 0; i < route.count; ++i, ++place) {
    Sink& sink = window.sinks[*place];
    if (sink.samples++ == 0) window.used.push_back(*place);
    switch (sink.type) {
      case MetricType::trend: sink.values.add(value); break;
      case MetricType::counter: sink.sum += value; break;
      case MetricType::rate: sink.passes += value != 0 ? 1U : 0U; break;
      case MetricType::gauge:
        if (sink.samples == 1) sink.min = sink.max = value;
        sink.min = std::min(sink.min, value);
        sink.max = std::max(sink.max, value);
        sink.last = value;
        sink.last_at_ns = at.time_since_epoch().count();
        break;
    }
  }
  // Lines of single samples are k6's, so what it does not measure is not among them.
  const bool past_k6 = metric >= MetricId::grpc_reqs && metric < MetricId::first_custom;
  if (stream_ && !past_k6) {
    stream_->write(metric, tags, value, at.time_since_epoch().count() + unix_offset_ns_, metadata);
  }
}

void Recorder::add_http_request(TagSet* tags, const HttpRequestTimes& times, int failed, Instant at, const Metadata* metadata) {
  add(MetricId::http_reqs, tags, 1, at, metadata);
  add(MetricId::http_req_duration, tags, times.duration, at, metadata);
  add(MetricId::http_req_blocked, tags, times.blocked, at, metadata);
  add(MetricId::http_req_connecting, tags, times.connecting, at, metadata);
  add(MetricId::http_req_tls_handshaking, tags, times.tls_handshaking, at, metadata);
  add(MetricId::http_req_sending, tags, times.sending, at, metadata);
  add(MetricId::http_req_waiting, tags, times.waiting, at, metadata);
  add(MetricId::http_req_receiving, tags, times.receiving, at, metadata);
  if (failed >= 0) add(MetricId::http_req_failed, tags, failed, at, metadata);
}

void Recorder::add_grpc_request(TagSet* tags, double duration_ms, bool failed, Instant at, const Metadata* metadata) {
  add(MetricId::grpc_req_duration, tags, duration_ms, at, metadata);
  add(MetricId::grpc_reqs, tags, 1, at, metadata);
  add(MetricId::grpc_req_failed, tags, failed ? 1 : 0, at, metadata);
}

void Recorder::publish() {
  window_->recorder = index_;
  window_->tag_sweeps = tags_.sweeps() - sweeps_told_;
  sweeps_told_ = tags_.sweeps();
  window_ = collector_.exchange(std::move(window_));
  fit_window();
}

}  // namespace gauntlet::engine::metrics
