#include "engine/metrics/collector.hpp"

#include <algorithm>

#include "base/event_loop.hpp"
#include "engine/metrics/collector_state.hpp"

namespace gauntlet::engine::metrics {
namespace {

MetricState fresh_state(const MetricInfo& info) {
  MetricState state;
  state.info = &info;
  state.total.type = state.window.type = info.type;
  state.submetrics.resize(info.submetrics.size());
  for (Sink& sink : state.submetrics) sink.type = info.type;
  return state;
}

/// The metric's state within a part, which holds only those that were recorded there.
MetricState& state_in(PartState& part, const MetricInfo& info) {
  const auto found =
      std::find_if(part.metrics.begin(), part.metrics.end(), [&](const MetricState& state) { return state.info->id == info.id; });
  if (found != part.metrics.end()) return *found;
  part.metrics.push_back({.info = &info, .total = {}, .submetrics = {}, .window = {}});
  part.metrics.back().total.type = info.type;
  return part.metrics.back();
}

void count(CheckCount& check, const Sink& sink) {
  check.passes += sink.passes;
  check.fails += sink.fails();
}

void pour(const Window& window, const std::vector<Place>& places, Snapshot& snapshot) {
  snapshot.tag_sweeps += window.tag_sweeps;
  for (const PlaceId id : window.used) {
    const Sink& sink = window.sinks[id];
    const Place& place = places[id];
    MetricState& metric = snapshot.metrics[index_of(place.metric)];
    switch (place.kind) {
      case Place::Kind::total:
        metric.total.merge(sink);
        metric.window.merge(sink);
        break;
      case Place::Kind::submetric: metric.submetrics[place.row].merge(sink); break;
      case Place::Kind::endpoint: snapshot.endpoints[place.row].duration.merge(sink.values); break;
      case Place::Kind::check: count(snapshot.checks[place.row], sink); break;
      case Place::Kind::part: state_in(snapshot.parts[place.part], *metric.info).total.merge(sink); break;
      case Place::Kind::part_check: count(snapshot.parts[place.part].checks[place.row], sink); break;
    }
  }
}

/// Rows keep their places; what has no samples is not shown.
void forget_samples(Snapshot& snapshot) {
  for (MetricState& metric : snapshot.metrics) metric = fresh_state(*metric.info);
  for (CheckCount& check : snapshot.checks) check.passes = check.fails = 0;
  for (EndpointState& row : snapshot.endpoints) row.duration = {};
  for (PartState& part : snapshot.parts) {
    part.metrics.clear();
    for (CheckCount& check : part.checks) check.passes = check.fails = 0;
  }
  snapshot.elapsed = snapshot.window = {};
}

}  // namespace

Collector::Collector(MetricRegistry& registry, CollectorOptions options, Instant start)
    : state_(std::make_unique<State>(registry, options, start)) {}

Collector::~Collector() = default;

std::unique_ptr<Recorder> Collector::make_recorder(base::EventLoop* loop) {
  std::unique_ptr<Recorder> recorder(new Recorder(*this, static_cast<std::uint32_t>(state_->producers.size())));
  state_->producers.push_back({recorder.get(), loop});
  return recorder;
}

void Collector::forget(const Recorder& recorder) {
  auto& producers = state_->producers;
  producers.erase(
      std::remove_if(producers.begin(), producers.end(), [&](const State::Producer& producer) { return producer.recorder == &recorder; }),
      producers.end());
}

std::unique_ptr<Window> Collector::exchange(std::unique_ptr<Window> full) {
  std::unique_ptr<Window> next;
  {
    const std::lock_guard lock(state_->mutex);
    state_->full.push_back(std::move(full));
    ++state_->publications;
    if (!state_->empty.empty()) {
      next = std::move(state_->empty.back());
      state_->empty.pop_back();
    }
  }
  state_->delivered.notify_one();
  if (!next) next = std::make_unique<Window>();
  return next;
}

const Snapshot& Collector::sample(Instant now, std::chrono::milliseconds patience) {
  std::uint64_t expected = 0;
  {
    const std::lock_guard lock(state_->mutex);
    expected = state_->publications;
  }
  for (const State::Producer& producer : state_->producers) {
    if (producer.loop != nullptr) {
      producer.loop->post([recorder = producer.recorder] { recorder->publish(); });
    } else {
      producer.recorder->publish();
    }
    ++expected;
  }
  std::vector<std::unique_ptr<Window>> windows;
  {
    std::unique_lock lock(state_->mutex);
    state_->delivered.wait_for(lock, patience, [&] { return state_->publications >= expected; });
    windows.swap(state_->full);
  }
  merge(std::move(windows), now);
  return state_->snapshot;
}

const Snapshot& Collector::finish(Instant now) {
  for (const State::Producer& producer : state_->producers) producer.recorder->publish();
  std::vector<std::unique_ptr<Window>> windows;
  {
    const std::lock_guard lock(state_->mutex);
    windows.swap(state_->full);
  }
  merge(std::move(windows), now);
  return state_->snapshot;
}

void Collector::learn_places() {
  State& state = *state_;
  const std::vector<Place> places = state.places.places_from(state.known_places.size());
  state.known_places.insert(state.known_places.end(), places.begin(), places.end());
  make_room(state.snapshot);
  if (state.options.deltas) make_room(state.delta);
}

void Collector::make_room(Snapshot& snapshot) {
  State& state = *state_;
  for (std::size_t i = snapshot.metrics.size(); i < state.registry.size(); ++i) {
    snapshot.metrics.push_back(fresh_state(state.registry.info(static_cast<MetricId>(i))));
  }
  for (EndpointKey& key : state.places.endpoints_from(snapshot.endpoints.size())) {
    EndpointState row;
    row.protocol = key.protocol;
    row.method = std::move(key.method);
    row.name = std::move(key.name);
    row.status = std::move(key.status);
    row.error_code = std::move(key.error_code);
    row.error = std::move(key.error);
    row.failed = key.failed;
    snapshot.endpoints.push_back(std::move(row));
  }
  for (CheckKey& key : state.places.checks_from(snapshot.checks.size())) {
    snapshot.checks.push_back({std::move(key.name), std::move(key.group), 0, 0});
  }
  for (std::string& path : state.places.groups_from(snapshot.groups.size())) snapshot.groups.push_back(std::move(path));
  for (PartKey& key : state.places.parts_from(snapshot.parts.size())) {
    snapshot.parts.push_back({std::move(key.scenario), std::move(key.group), {}, {}});
  }
  for (std::size_t part = 0; part < snapshot.parts.size(); ++part) {
    for (CheckKey& key : state.places.part_checks_from(part, snapshot.parts[part].checks.size())) {
      snapshot.parts[part].checks.push_back({std::move(key.name), std::move(key.group), 0, 0});
    }
  }
}

void Collector::merge(std::vector<std::unique_ptr<Window>> windows, Instant now) {
  State& state = *state_;
  Snapshot& snapshot = state.snapshot;
  learn_places();
  snapshot.elapsed = now - state.start;
  snapshot.window = now - state.sampled;
  state.sampled = now;
  for (MetricState& metric : snapshot.metrics) metric.window.clear();

  for (const auto& window : windows) {
    pour(*window, state.known_places, snapshot);
    if (state.options.deltas) pour(*window, state.known_places, state.delta);
    window->clear();
  }
  {
    const std::lock_guard lock(state.mutex);
    for (auto& window : windows) state.empty.push_back(std::move(window));
  }
  state.series.add(snapshot);
}

void Collector::restart(Instant now) {
  sample(now);
  State& state = *state_;
  state.start = state.sampled = now;
  state.series.clear();
  forget_samples(state.snapshot);
  forget_samples(state.delta);
}

Snapshot Collector::take_delta() {
  State& state = *state_;
  Snapshot taken = state.delta;
  taken.elapsed = state.snapshot.elapsed;
  forget_samples(state.delta);
  state.delta.tag_sweeps = 0;
  return taken;
}

void Collector::adopt(Snapshot snapshot) {
  state_->snapshot = std::move(snapshot);
  state_->series.add(state_->snapshot);
}

void Collector::forget_series() { state_->series.clear(); }

const Snapshot& Collector::snapshot() const { return state_->snapshot; }
const Series& Collector::series() const { return state_->series; }
SampleStream* Collector::stream() { return state_->stream.get(); }
MetricRegistry& Collector::registry() { return state_->registry; }

}  // namespace gauntlet::engine::metrics
