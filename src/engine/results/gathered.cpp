#include "engine/results/gathered.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>
#include <utility>

#include "base/text.hpp"
#include "engine/results/json_writer.hpp"

namespace gauntlet::engine::results {
namespace {

using metrics::CheckCount;
using metrics::Distribution;
using metrics::EndpointState;
using metrics::MetricId;
using metrics::MetricInfo;
using metrics::MetricRegistry;
using metrics::MetricState;
using metrics::MetricType;
using metrics::PartState;
using metrics::SeriesPoint;
using metrics::SeriesRow;
using metrics::Sink;
using metrics::ValueKind;
using Json = nlohmann::json;
using std::chrono::nanoseconds;

constexpr int kVersion = 1;

// Twice what a collector makes (its limits, PlaceTable::Limits), since it folds the rest into further rows.
constexpr std::size_t kMostChecks = 8192;
constexpr std::size_t kMostGroups = 8192;
constexpr std::size_t kMostEndpoints = 1024;
constexpr std::size_t kMostParts = 1024;
constexpr std::size_t kMostBytes = std::size_t{512} << 20;

bool adds_up_as_gauge(MetricId id) { return id == MetricId::vus || id == MetricId::vus_max; }

// Writing

void write(JsonWriter& json, const Sink& sink) {
  json.begin_object().key("samples").integer(sink.samples);
  switch (sink.type) {
    case MetricType::counter: json.key("sum").number(sink.sum); break;
    case MetricType::rate: json.key("passes").integer(sink.passes); break;
    case MetricType::gauge: json.key("last").number(sink.last).key("min").number(sink.min).key("max").number(sink.max); break;
    case MetricType::trend: json.key("values").raw(sink.values.serialize()); break;
  }
  json.end_object();
}

void write_strings(JsonWriter& json, std::initializer_list<std::string_view> texts) {
  json.begin_array();
  for (const std::string_view text : texts) json.string(text);
  json.end_array();
}

void write(JsonWriter& json, const std::vector<CheckCount>& checks) {
  json.begin_array();
  for (const CheckCount& check : checks) {
    if (check.passes + check.fails == 0) continue;
    json.begin_object().key("group").string(check.group).key("name").string(check.name);
    json.key("passes").integer(check.passes).key("fails").integer(check.fails).end_object();
  }
  json.end_array();
}

void write(JsonWriter& json, const std::vector<MetricState>& states) {
  json.begin_object();
  for (const MetricState& state : states) {
    const MetricInfo& info = *state.info;
    const bool used =
        !state.total.empty() || std::any_of(state.submetrics.begin(), state.submetrics.end(), [](const Sink& s) { return !s.empty(); });
    if (!used) continue;
    json.key(info.name).begin_object();
    json.key("type").string(name_of(info.type)).key("contains").string(name_of(info.contains)).key("custom").boolean(info.custom);
    json.key("total");
    write(json, state.total);
    json.key("submetrics").begin_object();
    for (std::size_t i = 0; i < state.submetrics.size(); ++i) {
      if (state.submetrics[i].empty()) continue;
      json.key(info.submetrics[i].name);
      write(json, state.submetrics[i]);
    }
    json.end_object().end_object();
  }
  json.end_object();
}

void write(JsonWriter& json, const SeriesRow& row, const MetricRegistry& registry) {
  json.begin_object()
      .key("at_ns")
      .number(static_cast<double>(row.at.count()))
      .key("length_ns")
      .number(static_cast<double>(row.length.count()));
  json.key("points").begin_object();
  for (const SeriesPoint& point : row.points) {
    json.key(registry.info(point.metric).name).begin_object();
    json.key("samples").integer(point.samples).key("sum").number(point.sum);
    json.key("min").number(point.min).key("max").number(point.max);
    json.key("p50").number(point.p50).key("p95").number(point.p95).key("p99").number(point.p99);
    if (!point.buckets.empty()) {
      json.key("buckets").begin_array();
      for (const metrics::SeriesBucket& bucket : point.buckets) {
        json.begin_array().number(bucket.index).integer(bucket.count).end_array();
      }
      json.end_array();
    }
    json.end_object();
  }
  json.end_object().end_object();
}

// Reading. What is not as it was written throws a Json::exception, caught in add().

/// Of a number that was written as one without sign or fraction.
std::uint64_t count_in(const Json& json) { return json.get_ref<const Json::number_unsigned_t&>(); }

nanoseconds time_in(const Json& json) {
  constexpr double kFarthest = 4e18;
  return nanoseconds(static_cast<std::int64_t>(std::clamp(json.get<double>(), -kFarthest, kFarthest)));
}

std::optional<MetricType> type_named(std::string_view name) {
  for (const MetricType type : {MetricType::counter, MetricType::gauge, MetricType::rate, MetricType::trend}) {
    if (name == name_of(type)) return type;
  }
  return std::nullopt;
}

ValueKind kind_named(std::string_view name) {
  for (const ValueKind kind : {ValueKind::time, ValueKind::data}) {
    if (name == name_of(kind)) return kind;
  }
  return ValueKind::plain;
}

base::Error bad(std::string what) {
  return {base::ErrorKind::invalid_argument, std::move(what) + "; results are made by gauntlet run --out json=FILE.json"};
}

base::Expected<Sink> read_sink(const Json& json, MetricType type) {
  Sink sink;
  sink.type = type;
  sink.samples = count_in(json.at("samples"));
  switch (type) {
    case MetricType::counter: sink.sum = json.at("sum"); break;
    case MetricType::rate: sink.passes = count_in(json.at("passes")); break;
    case MetricType::gauge:
      sink.last = json.at("last");
      sink.min = json.at("min");
      sink.max = json.at("max");
      break;
    case MetricType::trend: {
      auto values = TRY(Distribution::deserialize(json.at("values")));
      sink.values = std::move(values);
      break;
    }
  }
  return sink;
}

void add_up(Sink& into, const Sink& from, bool gauge_adds_up) {
  if (!gauge_adds_up || into.empty() || from.empty()) {
    into.merge(from);
    return;
  }
  into.samples += from.samples;
  into.last += from.last;
  into.min += from.min;
  into.max += from.max;
}

base::Expected<MetricId> id_of(const std::string& name, const Json& json, MetricRegistry& registry) {
  const auto type = type_named(json.at("type").get_ref<const std::string&>());
  if (!type) return tl::unexpected(bad("metric " + name + " has an unknown type"));
  if (const MetricInfo* known = registry.find(name)) {
    if (known->type != *type) return tl::unexpected(bad("metric " + name + " is not of the same type everywhere"));
    return known->id;
  }
  return registry.declare(name, *type, kind_named(json.at("contains").get_ref<const std::string&>()));
}

void make_room(std::vector<MetricState>& states, const MetricRegistry& registry) {
  for (std::size_t i = states.size(); i < registry.size(); ++i) {
    MetricState state;
    state.info = &registry.info(static_cast<MetricId>(i));
    state.total.type = state.window.type = state.info->type;
    state.submetrics.resize(state.info->submetrics.size());
    for (Sink& sink : state.submetrics) sink.type = state.info->type;
    states.push_back(std::move(state));
  }
}

/// `by_id`: states are by MetricId, as in a snapshot; else only those with samples, as in its parts.
base::Expected<std::vector<MetricState>> read_metrics(const Json& json, MetricRegistry& registry, bool by_id) {
  std::vector<MetricState> states;
  for (const auto& [name, saved] : json.items()) {
    const auto id = TRY(id_of(name, saved, registry));
    const MetricInfo& info = registry.info(id);
    if (by_id) make_room(states, registry);
    MetricState& state = by_id ? states[metrics::index_of(id)] : states.emplace_back();
    state.info = &info;
    auto total = TRY(read_sink(saved.at("total"), info.type));
    state.total = std::move(total);
    for (const auto& [submetric, saved_sink] : saved.at("submetrics").items()) {
      for (std::size_t i = 0; i < state.submetrics.size(); ++i) {
        if (info.submetrics[i].name != submetric) continue;
        auto sink = TRY(read_sink(saved_sink, info.type));
        state.submetrics[i] = std::move(sink);
      }
    }
  }
  return states;
}

void add_metrics(std::vector<MetricState>& into, const std::vector<MetricState>& from, bool gauges_add_up) {
  for (std::size_t place = 0; place < from.size(); ++place) {
    const MetricState& state = from[place];
    // In snapshots they are at the same place.
    const auto known = place < into.size() && into[place].info == state.info
                           ? into.begin() + static_cast<std::ptrdiff_t>(place)
                           : std::find_if(into.begin(), into.end(), [&](const MetricState& other) { return other.info == state.info; });
    if (known == into.end()) {
      into.push_back(state);
      continue;
    }
    const bool adds_up = gauges_add_up && adds_up_as_gauge(state.info->id);
    add_up(known->total, state.total, adds_up);
    for (std::size_t i = 0; i < std::min(known->submetrics.size(), state.submetrics.size()); ++i) {
      add_up(known->submetrics[i], state.submetrics[i], adds_up);
    }
  }
}

std::vector<CheckCount> read_checks(const Json& json) {
  std::vector<CheckCount> checks;
  for (const Json& saved : json)
    checks.push_back({saved.at("name"), saved.at("group"), count_in(saved.at("passes")), count_in(saved.at("fails"))});
  return checks;
}

void add_checks(std::vector<CheckCount>& into, const std::vector<CheckCount>& from) {
  into.reserve(into.size() + from.size());  // keys are views of what stands in it
  std::map<std::pair<std::string_view, std::string_view>, CheckCount*> known;
  for (CheckCount& check : into) known.try_emplace({check.group, check.name}, &check);
  for (const CheckCount& check : from) {
    CheckCount*& place = known[{check.group, check.name}];
    if (place == nullptr) place = &into.emplace_back(CheckCount{check.name, check.group, 0, 0});
    place->passes += check.passes;
    place->fails += check.fails;
  }
}

base::Expected<std::vector<EndpointState>> read_endpoints(const Json& json) {
  std::vector<EndpointState> rows;
  for (const Json& saved : json) {
    EndpointState& row = rows.emplace_back();
    const std::vector<std::string> key = saved.at("key");
    if (key.size() != 6) return tl::unexpected(bad("a row of the endpoint table cannot be read"));
    row.protocol = key[0] == "grpc" ? EndpointState::Protocol::grpc : EndpointState::Protocol::http;
    row.method = key[1];
    row.name = key[2];
    row.status = key[3];
    row.error_code = key[4];
    row.error = key[5];
    row.failed = saved.at("failed");
    auto values = TRY(Distribution::deserialize(saved.at("values")));
    row.duration = std::move(values);
  }
  return rows;
}

void add_endpoints(std::vector<EndpointState>& into, const std::vector<EndpointState>& from) {
  for (const EndpointState& row : from) {
    const auto known = std::find_if(into.begin(), into.end(), [&](const EndpointState& other) {
      return other.protocol == row.protocol && other.method == row.method && other.name == row.name && other.status == row.status &&
             other.error_code == row.error_code && other.error == row.error && other.failed == row.failed;
    });
    if (known == into.end()) {
      into.push_back(row);
    } else {
      known->duration.merge(row.duration);
    }
  }
}

void merge_point(SeriesPoint& into, const SeriesPoint& from, const MetricInfo& info) {
  const bool trend = info.type == MetricType::trend;
  if (info.type == MetricType::gauge && !adds_up_as_gauge(info.id)) {
    into.sum = from.sum;
  } else {
    into.sum += from.sum;
  }
  into.samples += from.samples;
  if (adds_up_as_gauge(info.id)) {
    into.min += from.min;
    into.max += from.max;
  } else {
    into.min = std::min(into.min, from.min);
    into.max = std::max(into.max, from.max);
  }
  if (!trend) return;
  metrics::merge_buckets(into.buckets, from.buckets);
  if (!into.buckets.empty()) {
    into.p50 = metrics::percentile_of(into.buckets, 0.5);
    into.p95 = metrics::percentile_of(into.buckets, 0.95);
    into.p99 = metrics::percentile_of(into.buckets, 0.99);
  } else {
    // Phases of a request keep no buckets; the larger figure is the safe one.
    into.p50 = std::max(into.p50, from.p50);
    into.p95 = std::max(into.p95, from.p95);
    into.p99 = std::max(into.p99, from.p99);
  }
}

void add_row(std::vector<SeriesRow>& rows, SeriesRow row, const metrics::Snapshot& known_metrics) {
  // Rows of two processes belong together when one begins within half a row of the other.
  auto near = std::find_if(rows.begin(), rows.end(), [&](const SeriesRow& known) {
    return std::chrono::abs(known.at - row.at) * 2 < std::max(known.length, row.length);
  });
  if (near == rows.end()) {
    const auto after = std::find_if(rows.begin(), rows.end(), [&](const SeriesRow& known) { return known.at > row.at; });
    rows.insert(after, std::move(row));
    return;
  }
  near->length = std::max(near->length, row.length);
  for (SeriesPoint& point : row.points) {
    auto known =
        std::find_if(near->points.begin(), near->points.end(), [&](const SeriesPoint& other) { return other.metric == point.metric; });
    if (known == near->points.end()) {
      near->points.push_back(std::move(point));
    } else {
      if (const MetricState* metric = known_metrics.find(point.metric)) merge_point(*known, point, *metric->info);
    }
  }
}

SeriesRow read_row(const Json& json, const MetricRegistry& registry) {
  SeriesRow row;
  row.at = time_in(json.at("at_ns"));
  row.length = time_in(json.at("length_ns"));
  for (const auto& [name, saved] : json.at("points").items()) {
    const MetricInfo* info = registry.find(name);
    if (info == nullptr) continue;  // all with samples are among the metrics
    SeriesPoint point;
    point.metric = info->id;
    point.samples = count_in(saved.at("samples"));
    point.sum = saved.at("sum");
    point.min = saved.at("min");
    point.max = saved.at("max");
    point.p50 = saved.at("p50");
    point.p95 = saved.at("p95");
    point.p99 = saved.at("p99");
    if (saved.contains("buckets")) {
      for (const Json& bucket : saved.at("buckets")) point.buckets.push_back({bucket.at(0).get<std::int32_t>(), count_in(bucket.at(1))});
    }
    row.points.push_back(std::move(point));
  }
  return row;
}

ThresholdSpecs read_thresholds(const Json& json) {
  ThresholdSpecs specs;
  for (const auto& [key, list] : json.items()) {
    auto& into = specs.emplace_back(key, std::vector<metrics::ThresholdSpec>()).second;
    for (const Json& saved : list) {
      into.push_back({saved.at("threshold"), saved.at("abortOnFail"), time_in(saved.at("delayAbortEval_ns"))});
    }
  }
  return specs;
}

base::Expected<Gathered> read_json(const Json& json, MetricRegistry& registry) {
  if (json.at("version") != kVersion) return tl::unexpected(bad("the results are of another version of gauntlet"));
  Gathered read;
  metrics::Snapshot& snapshot = read.snapshot;
  snapshot.elapsed = time_in(json.at("elapsed_ns"));
  snapshot.tag_sweeps = count_in(json.at("tag_sweeps"));
  auto states = TRY(read_metrics(json.at("metrics"), registry, true));
  snapshot.metrics = std::move(states);
  snapshot.checks = read_checks(json.at("checks"));
  snapshot.groups = json.at("groups").get<std::vector<std::string>>();
  auto endpoints = TRY(read_endpoints(json.at("endpoints")));
  snapshot.endpoints = std::move(endpoints);
  for (const Json& saved : json.at("parts")) {
    PartState& part = snapshot.parts.emplace_back();
    part.scenario = saved.at("scenario");
    part.group = saved.at("group");
    auto of_part = TRY(read_metrics(saved.at("metrics"), registry, false));
    part.metrics = std::move(of_part);
    part.checks = read_checks(saved.at("checks"));
  }
  for (const Json& row : json.at("rows")) read.rows.push_back(read_row(row, registry));
  read.thresholds = read_thresholds(json.at("thresholds"));
  if (json.contains("cpu_share")) read.cpu_share = json.at("cpu_share").get<double>();
  if (json.contains("busiest_thread")) read.busiest_thread = json.at("busiest_thread").get<double>();
  read.interrupted = count_in(json.at("interrupted"));
  read.samples_dropped = count_in(json.at("samples_dropped"));
  return read;
}

}  // namespace

std::string to_json(const Gathered& gathered, const MetricRegistry& registry) {
  const metrics::Snapshot& snapshot = gathered.snapshot;
  JsonWriter json;
  json.begin_object().key("version").integer(kVersion);
  json.key("elapsed_ns").number(static_cast<double>(snapshot.elapsed.count())).key("tag_sweeps").integer(snapshot.tag_sweeps);
  if (gathered.cpu_share) json.key("cpu_share").number(*gathered.cpu_share);
  if (gathered.busiest_thread) json.key("busiest_thread").number(*gathered.busiest_thread);
  json.key("interrupted").integer(gathered.interrupted).key("samples_dropped").integer(gathered.samples_dropped);
  json.key("metrics");
  write(json, snapshot.metrics);
  json.key("checks");
  write(json, snapshot.checks);
  json.key("groups").begin_array();
  for (const std::string& group : snapshot.groups) json.string(group);
  json.end_array();
  json.key("endpoints").begin_array();
  for (const EndpointState& row : snapshot.endpoints) {
    if (row.duration.count() == 0) continue;
    json.begin_object().key("key");
    write_strings(json, {row.protocol == EndpointState::Protocol::grpc ? "grpc" : "http", row.method, row.name, row.status, row.error_code,
                         row.error});
    json.key("failed").boolean(row.failed).key("values").raw(row.duration.serialize()).end_object();
  }
  json.end_array();
  json.key("parts").begin_array();
  for (const PartState& part : snapshot.parts) {
    json.begin_object().key("scenario").string(part.scenario).key("group").string(part.group).key("metrics");
    write(json, part.metrics);
    json.key("checks");
    write(json, part.checks);
    json.end_object();
  }
  json.end_array();
  json.key("rows").begin_array();
  for (const SeriesRow& row : gathered.rows) write(json, row, registry);
  json.end_array();
  json.key("thresholds").begin_object();
  for (const auto& [key, specs] : gathered.thresholds) {
    json.key(key).begin_array();
    for (const metrics::ThresholdSpec& spec : specs) {
      json.begin_object().key("threshold").string(spec.expression).key("abortOnFail").boolean(spec.abort_on_fail);
      json.key("delayAbortEval_ns").number(static_cast<double>(spec.delay_abort_eval.value_or(nanoseconds(0)).count())).end_object();
    }
    json.end_array();
  }
  json.end_object().end_object();
  return json.take();
}

base::Expected<ThresholdSpecs> thresholds_in(std::string_view text) {
  try {
    return read_thresholds(Json::parse(text).at("thresholds"));
  } catch (const Json::exception&) {
    return tl::unexpected(bad("these are no results of a test"));
  }
}

void add(Gathered& into, const Gathered& from, Generators generators) {
  const bool later = generators == Generators::are_the_same;
  metrics::Snapshot& snapshot = into.snapshot;
  snapshot.elapsed = std::max(snapshot.elapsed, from.snapshot.elapsed);
  snapshot.tag_sweeps += from.snapshot.tag_sweeps;
  add_metrics(snapshot.metrics, from.snapshot.metrics, !later);
  add_checks(snapshot.checks, from.snapshot.checks);
  snapshot.groups.reserve(snapshot.groups.size() + from.snapshot.groups.size());
  std::set<std::string_view> known_groups(snapshot.groups.begin(), snapshot.groups.end());
  for (const std::string& group : from.snapshot.groups) {
    if (known_groups.insert(group).second) snapshot.groups.push_back(group);
  }
  add_endpoints(snapshot.endpoints, from.snapshot.endpoints);
  for (const PartState& part : from.snapshot.parts) {
    auto known = std::find_if(snapshot.parts.begin(), snapshot.parts.end(),
                              [&](const PartState& other) { return other.scenario == part.scenario && other.group == part.group; });
    if (known == snapshot.parts.end()) known = snapshot.parts.insert(snapshot.parts.end(), {part.scenario, part.group, {}, {}});
    add_metrics(known->metrics, part.metrics, !later);
    add_checks(known->checks, part.checks);
  }
  for (const SeriesRow& row : from.rows) add_row(into.rows, row, snapshot);
  if (into.thresholds.empty()) into.thresholds = from.thresholds;
  if (from.cpu_share) {
    const double before = into.cpu_share.value_or(0);
    into.cpu_share = later                                       ? *from.cpu_share
                     : generators == Generators::share_the_cores ? before + *from.cpu_share
                                                                 : std::max(before, *from.cpu_share);
  }
  if (from.busiest_thread)
    into.busiest_thread = later ? *from.busiest_thread : std::max(into.busiest_thread.value_or(0), *from.busiest_thread);
  into.interrupted = later ? from.interrupted : into.interrupted + from.interrupted;
  into.samples_dropped = later ? from.samples_dropped : into.samples_dropped + from.samples_dropped;
}

base::Expected<void> check_bounds(const Gathered& gathered) {
  const metrics::Snapshot& snapshot = gathered.snapshot;
  std::size_t bytes = 0;
  std::size_t most_checks = snapshot.checks.size();
  const auto count_checks = [&](const std::vector<CheckCount>& checks) {
    most_checks = std::max(most_checks, checks.size());
    for (const CheckCount& check : checks) bytes += sizeof check + check.name.size() + check.group.size();
  };
  const auto count_metrics = [&](const std::vector<MetricState>& states) {
    for (const MetricState& state : states) {
      bytes += sizeof state + state.total.values.bytes();
      for (const Sink& sink : state.submetrics) bytes += sizeof sink + sink.values.bytes();
    }
  };
  count_metrics(snapshot.metrics);
  count_checks(snapshot.checks);
  for (const std::string& group : snapshot.groups) bytes += sizeof group + group.size();
  for (const EndpointState& row : snapshot.endpoints) {
    bytes += sizeof row + row.duration.bytes();
    for (const std::string* name : {&row.method, &row.name, &row.status, &row.error_code, &row.error}) bytes += name->size();
  }
  for (const PartState& part : snapshot.parts) {
    bytes += sizeof part + part.scenario.size() + part.group.size();
    count_metrics(part.metrics);
    count_checks(part.checks);
  }
  for (const SeriesRow& row : gathered.rows) {
    for (const SeriesPoint& point : row.points) bytes += sizeof point + point.buckets.size() * sizeof(metrics::SeriesBucket);
  }
  const auto too_many = [](const char* what) {
    return base::fail(base::ErrorKind::invalid_argument, std::string("there are too many ") + what);
  };
  if (most_checks > kMostChecks) return too_many("checks");
  if (snapshot.groups.size() > kMostGroups) return too_many("groups");
  if (snapshot.endpoints.size() > kMostEndpoints) return too_many("endpoints");
  if (snapshot.parts.size() > kMostParts) return too_many("scenarios and groups");
  if (bytes > kMostBytes) return too_many("bytes of names and distributions");
  return {};
}

base::Expected<Gathered> read_gathered(std::string_view text, MetricRegistry& registry) {
  // A level costs a reader many times its one byte.
  if (base::json_depth(text) > base::kMaxJsonDepth) return tl::unexpected(bad("these results nest deeper than those of a test"));
  try {
    return read_json(Json::parse(text), registry);
  } catch (const Json::exception&) {
    return tl::unexpected(bad("these are no results of a test"));
  }
}

base::Expected<void> add(Gathered& into, std::string_view text, MetricRegistry& registry, Generators generators) {
  const auto read = TRY(read_gathered(text, registry));
  add(into, read, generators);
  return {};
}

}  // namespace gauntlet::engine::results
