// Options in their JSON form, with the messages of k6, which are those of Go's decoder.
#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/text.hpp"
#include "engine/json/go_kind.hpp"
#include "engine/run/options_table.hpp"

namespace gauntlet::engine::run {
namespace {

using json::go_kind;

using OrderedJson = nlohmann::ordered_json;
using Failure = tl::unexpected<base::Error>;

Failure failure(std::string message) { return base::fail(base::ErrorKind::invalid_argument, std::move(message)); }

/// Go's decoder on a value of a wrong kind; `field` and `type` are those of k6's structs.
Failure wrong_kind(const OrderedJson& value, std::string_view field, std::string_view type, std::string_view snippet = "") {
  return failure(
      fmt::format("parsing options from script got error while parsing {}: json: cannot unmarshal {} into Go "
                  "struct field Options.{} of type {}",
                  OrderedJson(std::string(snippet)).dump(), go_kind(value), field, type));
}

std::string snippet_of(std::string_view field, const OrderedJson& value) {
  if (value.is_structured()) return "{";
  if (field.starts_with("scenarios.")) return "\"scenarios\"";  // which Go decodes in a second go
  return fmt::format("\"{}\": {}", field, value.dump());
}

base::Expected<void> read(const OrderedJson& value, std::string_view field, std::int64_t& into) {
  if (value.is_string()) {
    const auto parsed = parse_integer(value.get_ref<const std::string&>());
    if (!parsed) return Failure(parsed.error());
    into = *parsed;
    return {};
  }
  if (value.is_number_integer()) {
    into = value.get<std::int64_t>();
    return {};
  }
  if (value.is_number()) {
    return failure(
        fmt::format("parsing options from script got error while parsing {}: json: cannot unmarshal number {} "
                    "into Go struct field Options.{} of type int64",
                    OrderedJson(snippet_of(field, value)).dump(), value.dump(), field));
  }
  return failure(fmt::format("json: cannot unmarshal {} into Go value of type null.Int", go_kind(value)));
}

base::Expected<void> read(const OrderedJson& value, std::string_view, bool& into) {
  if (!value.is_boolean()) {
    return failure(
        fmt::format("json: cannot unmarshal {} into Go value of type null.Bool", value.is_number() ? "float64" : go_kind(value)));
  }
  into = value.get<bool>();
  return {};
}

base::Expected<void> read(const OrderedJson& value, std::string_view, std::string& into) {
  if (!value.is_string()) {
    const char* kind = value.is_number() ? "float64" : value.is_object() ? "map[string]interface {}" : go_kind(value);
    return failure(fmt::format("json: cannot unmarshal {} into Go value of type null.String", kind));
  }
  into = value.get<std::string>();
  return {};
}

base::Expected<void> read(const OrderedJson& value, std::string_view, Nanoseconds& into) {
  if (value.is_number()) {
    const double nanoseconds = value.get<double>() * 1e6;
    if (std::abs(nanoseconds) >= 9.2e18)
      return failure(fmt::format("'{}' is not a valid duration value", value.dump()));  // more than 64 bits
    into = Nanoseconds(static_cast<std::int64_t>(nanoseconds));
    return {};
  }
  if (!value.is_string()) return failure(fmt::format("'{}' is not a valid duration value", value.dump()));
  const auto parsed = parse_duration(value.get_ref<const std::string&>());
  if (!parsed) return Failure(parsed.error());
  into = *parsed;
  return {};
}

base::Expected<void> read(const OrderedJson& value, std::string_view field, std::vector<std::string>& into) {
  if (!value.is_array()) return wrong_kind(value, field, "[]string", snippet_of(field, value));
  into.clear();
  for (const OrderedJson& element : value) {
    if (!element.is_string()) return wrong_kind(element, field, "string", element.dump());
    into.push_back(element.get<std::string>());
  }
  return {};
}

base::Expected<void> read(const OrderedJson& value, std::string_view field, StringMap& into) {
  if (!value.is_object()) return wrong_kind(value, field, "map[string]string", snippet_of(field, value));
  into.clear();
  for (const auto& [key, element] : value.items()) {
    if (!element.is_string()) return wrong_kind(element, field, "string", snippet_of(key, element));
    into[key] = element.get<std::string>();
  }
  return {};
}

base::Expected<void> read(const OrderedJson& value, std::string_view field, std::vector<Stage>& into) {
  if (!value.is_array()) return wrong_kind(value, field, "[]lib.Stage", snippet_of(field, value));
  into.clear();
  for (const OrderedJson& element : value) {
    if (!element.is_object()) return wrong_kind(element, field, "lib.stageFields", element.dump());
    Stage stage;
    stage.has_duration = element.contains("duration") && !element["duration"].is_null();
    stage.has_target = element.contains("target") && !element["target"].is_null();
    if (stage.has_duration) {
      if (auto ok = read(element["duration"], "duration", stage.duration); !ok) return ok;
    }
    if (stage.has_target) {
      if (auto ok = read(element["target"], "target", stage.target); !ok) return ok;
    }
    into.push_back(stage);
  }
  return {};
}

base::Expected<void> read(const OrderedJson& value, std::string_view, DnsOptions& into) {
  if (!value.is_object()) return wrong_kind(value, "dns", "types.DNSConfig", snippet_of("dns", value));
  const auto one = [&](const char* name, Setting<std::string>& setting) -> base::Expected<void> {
    if (!value.contains(name) || value[name].is_null()) return {};
    const OrderedJson& given = value[name];
    setting = given.is_string() ? given.get<std::string>() : given.dump();
    return {};
  };
  if (auto ok = one("ttl", into.ttl); !ok) return ok;
  if (auto ok = one("select", into.select); !ok) return ok;
  if (auto ok = one("policy", into.policy); !ok) return ok;
  if (into.ttl.value != "inf" && !parse_duration(into.ttl.value)) {
    return base::fail(base::ErrorKind::out_of_range, "invalid DNS TTL: " + into.ttl.value);
  }
  const auto among = [](const std::string& word, std::initializer_list<const char*> words) {
    return std::find(words.begin(), words.end(), word) != words.end();
  };
  if (!among(into.select, {"first", "random", "roundRobin"})) {
    return failure(into.select.value + " does not belong to DNSSelect values");
  }
  if (!among(into.policy, {"preferIPv4", "preferIPv6", "onlyIPv4", "onlyIPv6", "any"})) {
    return failure(into.policy.value + " does not belong to DNSPolicy values");
  }
  return {};
}

base::Expected<void> read(const OrderedJson& value, std::string_view field, TlsVersions& into) {
  if (value.is_string()) {
    const auto version = value.get<std::string>();
    for (const char* known : {"", "tls1.0", "tls1.1", "tls1.2", "tls1.3"}) {
      if (version == known) {
        into = {version, version};
        return {};
      }
    }
    return wrong_kind(value, field, "lib.tlsVersionsFields", fmt::format("\"{}\":", field));
  }
  if (!value.is_object()) return wrong_kind(value, field, "lib.tlsVersionsFields", fmt::format("\"{}\":", field));
  if (value.contains("min") && value["min"].is_string()) into.min = value["min"].get<std::string>();
  if (value.contains("max") && value["max"].is_string()) into.max = value["max"].get<std::string>();
  return {};
}

base::Expected<void> read(const OrderedJson& value, std::string_view field, std::vector<TlsAuth>& into) {
  if (!value.is_array()) return wrong_kind(value, field, "[]*lib.TLSAuth", snippet_of(field, value));
  into.clear();
  for (const OrderedJson& element : value) {
    if (!element.is_object()) return wrong_kind(element, field, "lib.TLSAuthFields", element.dump());
    TlsAuth auth;
    const auto text = [&](const char* name) {
      return element.contains(name) && element[name].is_string() ? element[name].get<std::string>() : std::string();
    };
    auth.certificate = text("cert");
    auth.key = text("key");
    auth.password = text("password");
    if (element.contains("domains")) {
      if (auto ok = read(element["domains"], "tlsAuth.domains", auth.domains); !ok) return ok;
    }
    into.push_back(std::move(auth));
  }
  return {};
}

using Thresholds = std::map<std::string, std::vector<ThresholdOption>>;

base::Expected<void> read(const OrderedJson& value, std::string_view, Thresholds& into) {
  constexpr std::string_view kField = "thresholds";
  if (!value.is_object()) return wrong_kind(value, kField, "map[string]metrics.Thresholds", snippet_of(kField, value));
  into.clear();
  for (const auto& [metric, list] : value.items()) {
    if (!list.is_array()) return wrong_kind(list, kField, "[]metrics.thresholdConfig", "\"threshold");
    auto& thresholds = into[metric];
    for (const OrderedJson& element : list) {
      ThresholdOption threshold;
      if (element.is_string()) {
        threshold.expression = element.get<std::string>();
      } else if (element.is_object()) {
        if (element.contains("threshold")) {
          if (auto ok = read(element["threshold"], kField, threshold.expression); !ok) return ok;
        }
        if (element.contains("abortOnFail") && !element["abortOnFail"].is_null()) {
          if (auto ok = read(element["abortOnFail"], kField, threshold.abort_on_fail); !ok) return ok;
        }
        if (element.contains("delayAbortEval") && !element["delayAbortEval"].is_null()) {
          if (auto ok = read(element["delayAbortEval"], kField, threshold.delay_abort_eval.emplace()); !ok) return ok;
        }
      } else {
        return wrong_kind(element, kField, "metrics.rawThresholdConfig", "{");
      }
      thresholds.push_back(std::move(threshold));
    }
  }
  return {};
}

base::Expected<ExecutorKind> executor_named(std::string_view name) {
  for (const ExecutorKind kind : {ExecutorKind::shared_iterations, ExecutorKind::per_vu_iterations, ExecutorKind::constant_vus,
                                  ExecutorKind::ramping_vus, ExecutorKind::constant_arrival_rate, ExecutorKind::ramping_arrival_rate}) {
    if (name == name_of(kind)) return kind;
  }
  if (name == "externally-controlled") {
    return failure(
        "the executor externally-controlled is gone, as in k6 2: say how the load changes by the stages of ramping-vus or "
        "ramping-arrival-rate");
  }
  return failure(fmt::format("unknown executor type '{}'", name));
}

/// Reads one field of a scenario; nothing when its executor has no such field.
std::optional<base::Expected<void>> read_scenario_field(Scenario& scenario, const std::string& name, const OrderedJson& value) {
  const auto field = [&](auto& setting, std::string_view go_name) -> std::optional<base::Expected<void>> {
    if (value.is_null()) return base::Expected<void>();
    auto ok = read(value, fmt::format("scenarios.{}", go_name), setting.value);
    setting.given = true;
    return ok;
  };
  const ExecutorKind kind = scenario.executor;
  const bool iterating = kind == ExecutorKind::shared_iterations || kind == ExecutorKind::per_vu_iterations;
  const bool constant_arrivals = kind == ExecutorKind::constant_arrival_rate;
  const bool ramping_arrivals = kind == ExecutorKind::ramping_arrival_rate;
  const bool arrivals = constant_arrivals || ramping_arrivals;
  if (name == "executor") return base::Expected<void>();
  if (name == "options") {  // browser options
    if (value.is_null() || (value.is_object() && value.empty())) return base::Expected<void>();
    return base::Expected<void>(
        base::fail(base::ErrorKind::unimplemented, "the scenario option 'options' (browser) is not part of gauntlet"));
  }
  if (name == "startTime") return field(scenario.start_time, "BaseConfig.startTime");
  if (name == "gracefulStop") return field(scenario.graceful_stop, "BaseConfig.gracefulStop");
  if (name == "exec") return field(scenario.exec, "BaseConfig.exec");
  if (name == "env") return field(scenario.env, "BaseConfig.env");
  if (name == "tags") return field(scenario.tags, "BaseConfig.tags");
  if (name == "vus" && (iterating || kind == ExecutorKind::constant_vus)) return field(scenario.vus, "vus");
  if (name == "iterations" && iterating) return field(scenario.iterations, "iterations");
  if (name == "maxDuration" && iterating) return field(scenario.max_duration, "maxDuration");
  if (name == "duration" && (kind == ExecutorKind::constant_vus || constant_arrivals)) return field(scenario.duration, "duration");
  if (name == "startVUs" && kind == ExecutorKind::ramping_vus) return field(scenario.start_vus, "startVUs");
  if (name == "gracefulRampDown" && kind == ExecutorKind::ramping_vus) return field(scenario.graceful_ramp_down, "gracefulRampDown");
  if (name == "stages" && (kind == ExecutorKind::ramping_vus || ramping_arrivals)) return field(scenario.stages, "stages");
  if (name == "rate" && constant_arrivals) return field(scenario.rate, "rate");
  if (name == "startRate" && ramping_arrivals) return field(scenario.start_rate, "startRate");
  if (name == "timeUnit" && arrivals) return field(scenario.time_unit, "timeUnit");
  if (name == "preAllocatedVUs" && arrivals) return field(scenario.pre_allocated_vus, "preAllocatedVUs");
  if (name == "maxVUs" && arrivals) return field(scenario.max_vus, "maxVUs");
  return std::nullopt;
}

base::Expected<void> read(const OrderedJson& value, std::string_view, std::vector<Scenario>& into) {
  constexpr std::string_view kMapType = "map[string]lib.protoExecutorConfig";
  if (!value.is_object()) return wrong_kind(value, "scenarios", kMapType, "{");
  into.clear();
  for (const auto& [name, fields] : value.items()) {
    if (!fields.is_object()) {
      return wrong_kind(fields, "scenarios", "struct { ExecutorType string \"json:\\\"executor\\\"\" }", "{");
    }
    if (!fields.contains("executor") || !fields["executor"].is_string() || fields["executor"].get_ref<const std::string&>().empty()) {
      return failure(fmt::format("scenario '{}' doesn't have a specified executor type", name));
    }
    const auto kind = executor_named(fields["executor"].get_ref<const std::string&>());
    if (!kind) return Failure(kind.error());
    Scenario scenario;
    scenario.name = name;
    scenario.executor = *kind;
    for (const auto& [field, given] : fields.items()) {
      const auto ok = read_scenario_field(scenario, field, given);
      if (!ok) return failure(fmt::format("json: unknown field \"{}\"", field));
      if (!*ok) return Failure(ok->error());
    }
    into.push_back(std::move(scenario));
  }
  std::sort(into.begin(), into.end(), [](const Scenario& a, const Scenario& b) { return a.name < b.name; });
  return {};
}

OrderedJson write(bool value) { return value; }
OrderedJson write(std::int64_t value) { return value; }
OrderedJson write(const std::string& value) { return value; }
OrderedJson write(Nanoseconds value) { return format_duration(value); }
OrderedJson write(const std::vector<std::string>& value) { return value; }
OrderedJson write(const StringMap& value) {
  OrderedJson map = OrderedJson::object();
  for (const auto& [key, text] : value) map[key] = text;
  return map;
}
OrderedJson write(const std::vector<Stage>& stages) {
  OrderedJson list = OrderedJson::array();
  for (const Stage& stage : stages) list.push_back({{"duration", format_duration(stage.duration)}, {"target", stage.target}});
  return list;
}
OrderedJson write(const DnsOptions& dns);
OrderedJson write(const std::vector<Scenario>& scenarios);
OrderedJson write(const TlsVersions& versions) { return {{"min", versions.min}, {"max", versions.max}}; }
OrderedJson write(const std::vector<TlsAuth>& list) {
  OrderedJson auths = OrderedJson::array();
  for (const TlsAuth& auth : list) auths.push_back({{"cert", auth.certificate}, {"key", auth.key}, {"domains", auth.domains}});
  return auths;
}
OrderedJson write(const Thresholds& thresholds) {
  OrderedJson map = OrderedJson::object();
  for (const auto& [metric, list] : thresholds) {
    OrderedJson out = OrderedJson::array();
    for (const ThresholdOption& threshold : list) {
      if (!threshold.abort_on_fail) {
        out.push_back(threshold.expression);
      } else {
        out.push_back(
            {{"threshold", threshold.expression},
             {"abortOnFail", threshold.abort_on_fail},
             {"delayAbortEval", threshold.delay_abort_eval ? OrderedJson(format_duration(*threshold.delay_abort_eval)) : OrderedJson()}});
      }
    }
    map[metric] = std::move(out);
  }
  return map;
}
template <class T>
OrderedJson write_setting(const Setting<T>& setting) {
  return setting.given ? write(setting.value) : OrderedJson();
}
OrderedJson write(const DnsOptions& dns) {
  return {{"ttl", write_setting(dns.ttl)}, {"select", write_setting(dns.select)}, {"policy", write_setting(dns.policy)}};
}
OrderedJson write(const std::vector<Scenario>& scenarios) {
  OrderedJson map = OrderedJson::object();
  for (const Scenario& scenario : scenarios) {
    OrderedJson out;
    out["executor"] = name_of(scenario.executor);
    out["startTime"] = write_setting(scenario.start_time);
    out["gracefulStop"] = write_setting(scenario.graceful_stop);
    out["env"] = write_setting(scenario.env);
    out["exec"] = write_setting(scenario.exec);
    out["tags"] = write_setting(scenario.tags);
    switch (scenario.executor) {
      case ExecutorKind::shared_iterations:
      case ExecutorKind::per_vu_iterations:
        out["vus"] = write_setting(scenario.vus);
        out["iterations"] = write_setting(scenario.iterations);
        out["maxDuration"] = write_setting(scenario.max_duration);
        break;
      case ExecutorKind::constant_vus:
        out["vus"] = write_setting(scenario.vus);
        out["duration"] = write_setting(scenario.duration);
        break;
      case ExecutorKind::ramping_vus:
        out["startVUs"] = write_setting(scenario.start_vus);
        out["stages"] = write_setting(scenario.stages);
        out["gracefulRampDown"] = write_setting(scenario.graceful_ramp_down);
        break;
      case ExecutorKind::constant_arrival_rate:
        out["duration"] = write_setting(scenario.duration);
        out["rate"] = write_setting(scenario.rate);
        out["timeUnit"] = write_setting(scenario.time_unit);
        out["preAllocatedVUs"] = write_setting(scenario.pre_allocated_vus);
        out["maxVUs"] = write_setting(scenario.max_vus);
        break;
      case ExecutorKind::ramping_arrival_rate:
        out["startRate"] = write_setting(scenario.start_rate);
        out["timeUnit"] = write_setting(scenario.time_unit);
        out["stages"] = write_setting(scenario.stages);
        out["preAllocatedVUs"] = write_setting(scenario.pre_allocated_vus);
        out["maxVUs"] = write_setting(scenario.max_vus);
        break;
    }
    map[scenario.name] = std::move(out);
  }
  return map;
}

}  // namespace

base::Expected<ParsedOptions> parse_options(std::string_view text) {
  if (base::json_depth(text) > base::kMaxJsonDepth)
    return failure(fmt::format("the options are nested deeper than {} levels", base::kMaxJsonDepth));
  const OrderedJson json = OrderedJson::parse(text, nullptr, false);
  if (json.is_discarded()) return failure("the options are not valid JSON");
  ParsedOptions parsed;
  if (json.is_null()) return parsed;
  if (!json.is_object()) {
    const std::string shown = json.is_array() ? "[" : json.dump();
    return failure(
        fmt::format("parsing options from script got error while parsing {}: json: cannot unmarshal {} into Go "
                    "value of type lib.Options",
                    OrderedJson(shown).dump(), go_kind(json)));
  }
  for (const auto& item : json.items()) {
    const std::string& name = item.key();  // a structured binding cannot be captured by clang 14's lambdas
    const OrderedJson& value = item.value();
    bool known = name == "ext" || name == "cloud" || name == "linger";
    base::Expected<void> ok;
    for_each_option([&](const auto& row) {
      if (name != row.name || !row.ways.in_script) return;
      known = true;
      if (value.is_null()) return;
      auto& setting = parsed.options.*row.member;
      ok = read(value, name, setting.value);
      if (ok && row.ways.check != nullptr) ok = row.ways.check(value.get_ref<const std::string&>());
      setting.given = true;
    });
    if (!ok) return Failure(ok.error());
    if (!known) parsed.unknown_fields.push_back(name);
  }
  return parsed;
}

std::string indented(std::string_view json) { return OrderedJson::parse(json, nullptr, false).dump(2); }

std::string to_json(const Options& options) {
  OrderedJson json;
  for_each_option([&](const auto& row) {
    const auto& setting = options.*row.member;
    if (row.ways.ours && !setting.given) return;
    json[row.name] = write_setting(setting);
  });
  json["ext"] = nullptr;
  // These two are shown with their defaults.
  json["summaryTrendStats"] = write(options.summary_trend_stats.value);
  json["dns"] = write(options.dns.value);
  return json.dump();
}

}  // namespace gauntlet::engine::run
