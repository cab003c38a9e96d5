#include "engine/results/run_result.hpp"

#include <algorithm>
#include <array>
#include <concepts>
#include <nlohmann/json.hpp>
#include <type_traits>

#include "base/duration.hpp"
#include "base/text.hpp"
#include "base/whole_file.hpp"
#include "engine/results/json_writer.hpp"

namespace gauntlet::engine::results {
namespace {

using Json = nlohmann::json;
using metrics::MetricType;
using metrics::ValueKind;

// The tables: a line for each member, which Writer and Reader follow alike.

template <class T, class Kind>
concept Is = std::same_as<std::remove_const_t<T>, Kind>;

void members(Is<ThresholdResult> auto& threshold, auto&& with) { with("ok", threshold.ok); }

void members(Is<MetricResult> auto& metric, auto&& with) {
  with("type", metric.type);
  with("contains", metric.contains);
  with("values", metric.values);
  with.unless_empty("thresholds", metric.thresholds);
}

void members(Is<EndpointResult> auto& row, auto&& with) {
  with("method", row.method);
  with("name", row.name);
  with("count", row.count);
  with("rate", row.per_second);
  with("failed", row.failed);
  with("p50", row.p50);
  with("p95", row.p95);
  with("p99", row.p99);
  with("max", row.max);
  with("outcomes", row.outcomes);
}

void members(Is<OpenModelResult::Latencies> auto& latencies, auto&& with) {
  with("p50", latencies.p50);
  with("p95", latencies.p95);
  with("p99", latencies.p99);
  with("max", latencies.max);
}

void members(Is<OpenModelResult> auto& model, auto&& with) {
  with("service_time", model.service);
  with("from_intended_start", model.intended);
  with("iterations", model.iterations);
  with("dropped", model.dropped);
}

void members(Is<GeneratorHealth> auto& health, auto&& with) {
  with("cpu_share", health.cpu_share);
  with("busiest_thread", health.busiest_thread);
  with("loop_lag_p99_ms", health.loop_lag_p99_ms);
  with("scheduled", health.scheduled);
  with("late", health.late);
  with("schedule_slip_p99_ms", health.slip_p99_ms);
  with("schedule_slip_max_ms", health.slip_max_ms);
  with("dropped_iterations", health.dropped);
  with("interrupted_iterations", health.interrupted);
  with("samples_dropped", health.samples_dropped);
  with("limit", health.verdict.limit);
  with("verdict", health.verdict.words);
}

void members(Is<AgentResult> auto& agent, auto&& with) {
  with("name", agent.name);
  with("host", agent.host);
  with("version", agent.version);
  with("cores", agent.cores);
  with("open_files", agent.open_files);
  with("share", agent.share);
  with("cpu_share", agent.cpu_share);
  with("iterations", agent.iterations);
  with("schedule_slip_p99_ms", agent.slip_p99_ms);
  with("loop_lag_p99_ms", agent.loop_lag_p99_ms);
  with("round_trip_ms", agent.round_trip_ms);
  with("start_error_ms", agent.start_error_ms);
  with("clock_offset_ms", agent.clock_offset_ms);
  with("lost", agent.lost);
  with("lost_at_s", agent.lost_at_s);
}

void members(Is<ResultSecond> auto& second, auto&& with) {
  with("t", second.at_s);
  with("seconds", second.seconds);
  with("metrics", second.metrics);
}

void k6_members(Is<RunResult> auto& result, auto&& with) {
  with.object("options", [&](auto&& within) {
    within("summaryTrendStats", result.options.trend_stats);
    within("summaryTimeUnit", result.options.time_unit);
    within("noColor", result.options.no_color);
  });
  with.object("state", [&](auto&& within) {
    within("isStdOutTTY", result.options.stdout_is_tty);
    within("isStdErrTTY", result.options.stderr_is_tty);
    within("testRunDurationMs", result.duration_ms);
  });
  with("metrics", result.metrics);
  with.json("setup_data", result.options.setup_data_json);
}

void own_members(Is<RunResult> auto& result, auto&& with) {
  with("endpoints", result.endpoints);
  with("open_model", result.open_model);
  with("generator", result.generator);
  with.unless_empty("agents", result.agents);
  with("series", result.series);
  with.json("state", result.state_json);  // k6's member of that name comes first, and a reader takes the last one
}

/// What a list holds by name, and so is an object in JSON, the name being its key.
auto& key_of(Is<MetricResult> auto& metric) { return metric.name; }
auto& key_of(Is<ThresholdResult> auto& threshold) { return threshold.source; }
template <class T>
concept Keyed = requires(T& value) {
  key_of(value);
};

class Writer {
 public:
  explicit Writer(JsonWriter& json) : json_(json) {}

  void operator()(std::string_view name, const auto& value) {
    json_.key(name);
    write(value);
  }
  template <class T>
  void operator()(std::string_view name, const std::optional<T>& value) {
    if (value) (*this)(name, *value);
  }
  void unless_empty(std::string_view name, const auto& list) {
    if (!list.empty()) (*this)(name, list);
  }
  void json(std::string_view name, const std::string& text) {
    if (!text.empty()) json_.key(name).raw(text);
  }
  void object(std::string_view name, const auto& body) {
    json_.key(name).begin_object();
    body(*this);
    json_.end_object();
  }

 private:
  void write(const std::string& value) { json_.string(value); }
  void write(bool value) { json_.boolean(value); }
  void write(double value) { json_.number(value); }
  void write(std::uint64_t value) { json_.integer(value); }
  template <class T>
  requires std::is_enum_v<T>
  void write(T value) { json_.string(name_of(value)); }
  template <class T>
  requires std::is_class_v<T>
  void write(const T& value) {
    json_.begin_object();
    members(value, *this);
    json_.end_object();
  }
  template <class T>
  void write(const std::vector<std::pair<std::string, T>>& list) {
    json_.begin_object();
    for (const auto& [name, value] : list) (*this)(name, value);
    json_.end_object();
  }
  template <class T>
  void write(const std::vector<T>& list) {
    Keyed<T> ? json_.begin_object() : json_.begin_array();
    for (const T& value : list) {
      if constexpr (Keyed<T>) json_.key(key_of(value));
      write(value);
    }
    Keyed<T> ? json_.end_object() : json_.end_array();
  }

  JsonWriter& json_;
};

/// What is absent, or not of the kind that it should be, leaves its member as it is.
class Reader {
 public:
  explicit Reader(const Json& object) : object_(object) {}

  void operator()(std::string_view name, auto& value) {
    if (const auto found = object_.find(name); found != object_.end()) read(*found, value);
  }
  template <class T>
  void operator()(std::string_view name, std::optional<T>& value) {
    T read_value{};
    if (const auto found = object_.find(name); found != object_.end() && read(*found, read_value)) value = std::move(read_value);
  }
  void unless_empty(std::string_view name, auto& list) { (*this)(name, list); }
  void json(std::string_view name, std::string& text) {
    if (const auto found = object_.find(name); found != object_.end()) text = found->dump();
  }
  void object(std::string_view name, const auto& body) {
    if (const auto found = object_.find(name); found != object_.end()) body(Reader(*found));
  }

 private:
  static bool read(const Json& from, std::string& value) { return from.is_string() && (from.get_to(value), true); }
  static bool read(const Json& from, bool& value) { return from.is_boolean() && (from.get_to(value), true); }
  static bool read(const Json& from, double& value) { return from.is_number() && (from.get_to(value), true); }
  static bool read(const Json& from, std::uint64_t& value) { return from.is_number_unsigned() && (from.get_to(value), true); }
  static bool read(const Json& from, MetricType& value) {
    return read_name(from, value, std::array{MetricType::counter, MetricType::gauge, MetricType::rate, MetricType::trend});
  }
  static bool read(const Json& from, ValueKind& value) {
    return read_name(from, value, std::array{ValueKind::plain, ValueKind::time, ValueKind::data});
  }
  static bool read(const Json& from, GeneratorLimit& value) {
    using enum GeneratorLimit;
    return read_name(from, value, std::array{none, cores_busy, starts_late, no_free_vu});
  }
  static bool read_name(const Json& from, auto& value, const auto& known) {
    const auto found = std::find_if(known.begin(), known.end(),
                                    [&](auto kind) { return from.is_string() && from.get_ref<const std::string&>() == name_of(kind); });
    if (found == known.end()) return false;
    value = *found;
    return true;
  }
  template <class T>
  requires std::is_class_v<T>
  static bool read(const Json& from, T& value) {
    if (from.is_object()) members(value, Reader(from));
    return from.is_object();
  }
  template <class T>
  static bool read(const Json& from, std::vector<std::pair<std::string, T>>& list) {
    return read_object(from, list, [](auto& element, const std::string& name) -> T& {
      element.first = name;
      return element.second;
    });
  }
  template <Keyed T>
  static bool read(const Json& from, std::vector<T>& list) {
    return read_object(from, list, [](T& element, const std::string& name) -> T& {
      key_of(element) = name;
      return element;
    });
  }
  template <class T>
  static bool read(const Json& from, std::vector<T>& list) {
    if (!from.is_array()) return false;
    list.clear();
    for (const Json& item : from)
      if (T element{}; read(item, element)) list.push_back(std::move(element));
    return true;
  }
  template <class T>
  static bool read_object(const Json& from, std::vector<T>& list, const auto& place_of) {
    if (!from.is_object()) return false;
    list.clear();
    for (const auto& [name, item] : from.items())
      if (T element{}; read(item, place_of(element, name))) list.push_back(std::move(element));
    return true;
  }

  const Json& object_;
};

const double* find_in(const std::vector<std::pair<std::string, double>>& values, std::string_view wanted) {
  const auto found = std::find_if(values.begin(), values.end(), [&](const auto& known) { return known.first == wanted; });
  return found == values.end() ? nullptr : &found->second;
}

}  // namespace

const double* MetricResult::find(std::string_view wanted) const { return find_in(values, wanted); }

double MetricResult::value(std::string_view wanted) const {
  const double* found = find(wanted);
  return found == nullptr ? 0 : *found;
}

const double* ResultSecond::find(std::string_view metric, std::string_view statistic) const {
  const auto found = std::find_if(metrics.begin(), metrics.end(), [&](const auto& known) { return known.first == metric; });
  return found == metrics.end() ? nullptr : find_in(found->second, statistic);
}

const MetricResult* RunResult::find(std::string_view name) const {
  const auto found = std::find_if(metrics.begin(), metrics.end(), [&](const MetricResult& metric) { return metric.name == name; });
  return found == metrics.end() ? nullptr : &*found;
}

std::optional<double> RunResult::value(std::string_view metric, std::string_view statistic) const {
  const MetricResult* found = find(metric);
  const double* number = found == nullptr ? nullptr : found->find(statistic);
  return number == nullptr ? std::nullopt : std::optional(*number);
}

std::vector<ResultSecond> series_of(const std::vector<metrics::SeriesRow>& rows, const metrics::MetricRegistry& registry) {
  std::vector<ResultSecond> seconds;
  for (const metrics::SeriesRow& row : rows) {
    ResultSecond& second = seconds.emplace_back(ResultSecond{base::seconds_of(row.at), base::seconds_of(row.length), {}});
    for (const metrics::SeriesPoint& point : row.points) {
      const metrics::MetricInfo& info = registry.info(point.metric);
      const auto samples = static_cast<double>(point.samples);
      const auto per_second = [&](double count) { return second.seconds > 0 ? count / second.seconds : 0; };
      auto& [name, values] = second.metrics.emplace_back();
      name = info.name;
      switch (info.type) {
        case MetricType::counter: values = {{"count", point.sum}, {"rate", per_second(point.sum)}}; break;
        case MetricType::gauge: values = {{"value", point.sum}, {"min", point.min}, {"max", point.max}}; break;
        case MetricType::rate: values = {{"rate", point.sum / samples}, {"passes", point.sum}, {"fails", samples - point.sum}}; break;
        case MetricType::trend:
          values = {{"count", samples},           {"rate", per_second(samples)},
                    {"avg", point.sum / samples}, {"min", point.min},
                    {"p50", point.p50},           {"p95", point.p95},
                    {"p99", point.p99},           {"max", point.max}};
          break;
      }
    }
  }
  return seconds;
}

void write_k6_members(JsonWriter& json, const RunResult& result) { k6_members(result, Writer(json)); }
void write_own_members(JsonWriter& json, const RunResult& result) { own_members(result, Writer(json)); }

base::Expected<RunResult> parse_run_result(std::string_view text) {
  if (base::json_depth(text) > base::kMaxJsonDepth) return base::fail(base::ErrorKind::invalid_argument, "it is nested too deep");
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object() || !json.contains("metrics") || !json["metrics"].is_object())
    return base::fail(base::ErrorKind::invalid_argument, "it holds no end-of-test summary (--out json=FILE.json)");
  RunResult result;
  k6_members(result, Reader(json));
  own_members(result, Reader(json));
  return result;
}

base::Expected<RunResult> read_run_result(const std::filesystem::path& file) {
  const auto text = TRY(base::read_file(file));
  auto result = parse_run_result(text);
  if (!result) return tl::unexpected(std::move(result.error()).in(file.string()));
  return result;
}

}  // namespace gauntlet::engine::results
