// Options in their JSON form. What is wrong with one is told by its name, what was given and what should be.
#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/json_document.hpp"
#include "base/parse.hpp"
#include "base/text.hpp"
#include "engine/plan/options_table.hpp"

namespace gauntlet::engine::plan {
namespace {

using OrderedJson = nlohmann::ordered_json;
using Failure = tl::unexpected<base::Error>;

Failure failure(std::string message) { return base::fail(base::ErrorKind::invalid_argument, std::move(message)); }

/// `field` is the option's name, for what is inside one with its path: "scenarios.load.vus".
Failure wrong_value(const OrderedJson& value, std::string_view field, std::string_view wanted) {
  constexpr std::size_t kMostShown = 60;
  std::string shown = base::json_text(value);
  if (shown.size() > kMostShown) shown = value.is_array() ? "a list" : value.is_object() ? "an object" : "a long text";
  return failure(fmt::format("the option {} is {} and should be {}", field, shown, wanted));
}

constexpr std::string_view kDuration = "a duration, as '1m30s', or a number of milliseconds";

base::Expected<void> read(const OrderedJson& value, std::string_view field, std::int64_t& into) {
  const auto parsed = value.is_string() ? base::parse_integer(value.get_ref<const std::string&>()) : std::int64_t{0};
  if (!parsed || (!value.is_string() && !value.is_number_integer())) return wrong_value(value, field, "a whole number");
  into = value.is_string() ? *parsed : value.get<std::int64_t>();
  return {};
}

base::Expected<void> read(const OrderedJson& value, std::string_view field, bool& into) {
  if (!value.is_boolean()) return wrong_value(value, field, "true or false");
  into = value.get<bool>();
  return {};
}

base::Expected<void> read(const OrderedJson& value, std::string_view field, std::string& into) {
  if (!value.is_string()) return wrong_value(value, field, "a text");
  into = value.get<std::string>();
  return {};
}

base::Expected<void> read(const OrderedJson& value, std::string_view field, Nanoseconds& into) {
  if (value.is_string()) {
    const auto parsed = base::parse_duration(value.get_ref<const std::string&>());
    if (!parsed) return wrong_value(value, field, kDuration);
    into = *parsed;
    return {};
  }
  const double nanoseconds = value.is_number() ? value.get<double>() * 1e6 : 0;
  if (!value.is_number() || std::abs(nanoseconds) >= 9.2e18) return wrong_value(value, field, kDuration);  // 64 bits hold no more
  into = Nanoseconds(static_cast<std::int64_t>(nanoseconds));
  return {};
}

base::Expected<void> read(const OrderedJson& value, std::string_view field, std::vector<std::string>& into) {
  if (!value.is_array()) return wrong_value(value, field, "a list of texts");
  into.clear();
  for (const OrderedJson& element : value) {
    const std::string path = fmt::format("{}[{}]", field, into.size());
    if (auto ok = read(element, path, into.emplace_back()); !ok) return ok;
  }
  return {};
}

base::Expected<void> read(const OrderedJson& value, std::string_view field, StringMap& into) {
  if (!value.is_object()) return wrong_value(value, field, "an object whose values are texts");
  into.clear();
  for (const auto& [key, element] : value.items()) {
    if (auto ok = read(element, fmt::format("{}.{}", field, key), into[key]); !ok) return ok;
  }
  return {};
}

base::Expected<void> read(const OrderedJson& value, std::string_view field, std::vector<Stage>& into) {
  constexpr std::string_view kWanted = "{ duration: '10s', target: 5 }";
  if (!value.is_array()) return wrong_value(value, field, fmt::format("a list of stages, as [{}]", kWanted));
  into.clear();
  for (const OrderedJson& element : value) {
    const std::string path = fmt::format("{}[{}]", field, into.size());
    if (!element.is_object()) return wrong_value(element, path, fmt::format("a stage, as {}", kWanted));
    Stage stage;
    stage.has_duration = element.contains("duration") && !element["duration"].is_null();
    stage.has_target = element.contains("target") && !element["target"].is_null();
    if (stage.has_duration) {
      if (auto ok = read(element["duration"], path + ".duration", stage.duration); !ok) return ok;
    }
    if (stage.has_target) {
      if (auto ok = read(element["target"], path + ".target", stage.target); !ok) return ok;
    }
    into.push_back(stage);
  }
  return {};
}

base::Expected<void> read(const OrderedJson& value, std::string_view, DnsOptions& into) {
  if (!value.is_object()) return wrong_value(value, "dns", "an object, as { ttl: '5m', select: 'random', policy: 'preferIPv4' }");
  const auto one = [&](const char* name, Setting<std::string>& setting) -> base::Expected<void> {
    if (!value.contains(name) || value[name].is_null()) return {};
    const OrderedJson& given = value[name];
    setting = given.is_string() ? given.get<std::string>() : given.dump();
    return {};
  };
  if (auto ok = one("ttl", into.ttl); !ok) return ok;
  if (auto ok = one("select", into.select); !ok) return ok;
  if (auto ok = one("policy", into.policy); !ok) return ok;
  return check(into);
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
  }
  if (!value.is_object()) return wrong_value(value, field, "'tls1.0' to 'tls1.3', or two as { min: 'tls1.2', max: 'tls1.3' }");
  if (value.contains("min") && value["min"].is_string()) into.min = value["min"].get<std::string>();
  if (value.contains("max") && value["max"].is_string()) into.max = value["max"].get<std::string>();
  return {};
}

base::Expected<void> read(const OrderedJson& value, std::string_view field, std::vector<TlsAuth>& into) {
  constexpr std::string_view kWanted = "{ domains: ['a.test'], cert: open('cert.pem'), key: open('key.pem') }";
  if (!value.is_array()) return wrong_value(value, field, fmt::format("a list of certificates, as [{}]", kWanted));
  into.clear();
  for (const OrderedJson& element : value) {
    if (!element.is_object()) return wrong_value(element, fmt::format("{}[{}]", field, into.size()), kWanted);
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

base::Expected<void> read(const OrderedJson& value, std::string_view field, Thresholds& into) {
  constexpr std::string_view kWanted = "'p(95)<200', or { threshold: 'p(95)<200', abortOnFail: true }";
  if (!value.is_object()) return wrong_value(value, field, "an object, as { http_req_duration: ['p(95)<200'] }");
  into.clear();
  for (const auto& [metric, list] : value.items()) {
    const std::string of_metric = fmt::format("{}['{}']", field, metric);
    if (!list.is_array()) return wrong_value(list, of_metric, fmt::format("a list of {}", kWanted));
    auto& thresholds = into[metric];
    for (const OrderedJson& element : list) {
      const std::string path = fmt::format("{}[{}]", of_metric, thresholds.size());
      ThresholdOption threshold;
      if (element.is_string()) {
        threshold.expression = element.get<std::string>();
      } else if (element.is_object()) {
        if (!element.contains("threshold")) return wrong_value(element, path, kWanted);
        if (auto ok = read(element["threshold"], path + ".threshold", threshold.expression); !ok) return ok;
        if (element.contains("abortOnFail") && !element["abortOnFail"].is_null()) {
          if (auto ok = read(element["abortOnFail"], path + ".abortOnFail", threshold.abort_on_fail); !ok) return ok;
        }
        if (element.contains("delayAbortEval") && !element["delayAbortEval"].is_null()) {
          if (auto ok = read(element["delayAbortEval"], path + ".delayAbortEval", threshold.delay_abort_eval.emplace()); !ok) return ok;
        }
      } else {
        return wrong_value(element, path, kWanted);
      }
      thresholds.push_back(std::move(threshold));
    }
  }
  return {};
}

base::Expected<ExecutorKind> executor_named(std::string_view name) {
  std::vector<std::string_view> names;
  for (const ExecutorKind kind : {ExecutorKind::shared_iterations, ExecutorKind::per_vu_iterations, ExecutorKind::constant_vus,
                                  ExecutorKind::ramping_vus, ExecutorKind::constant_arrival_rate, ExecutorKind::ramping_arrival_rate}) {
    if (name == name_of(kind)) return kind;
    names.emplace_back(name_of(kind));
  }
  if (name == "externally-controlled") {
    return failure(
        "the executor externally-controlled is gone, as in k6 2: say how the load changes by the stages of ramping-vus or "
        "ramping-arrival-rate");
  }
  return failure(fmt::format("unknown executor type '{}'{}; there are {}", name, base::did_you_mean(name, names), fmt::join(names, ", ")));
}

/// Calls `visit(name, setting)` for each field that the scenario's executor has.
template <class Visit>
void visit_fields(Scenario& scenario, Visit&& visit) {
  const ExecutorKind kind = scenario.executor;
  const bool iterating = kind == ExecutorKind::shared_iterations || kind == ExecutorKind::per_vu_iterations;
  const bool constant_arrivals = kind == ExecutorKind::constant_arrival_rate;
  const bool ramping_arrivals = kind == ExecutorKind::ramping_arrival_rate;
  const bool arrivals = constant_arrivals || ramping_arrivals;
  visit("startTime", scenario.start_time);
  visit("gracefulStop", scenario.graceful_stop);
  visit("exec", scenario.exec);
  visit("env", scenario.env);
  visit("tags", scenario.tags);
  if (iterating || kind == ExecutorKind::constant_vus) visit("vus", scenario.vus);
  if (iterating) visit("iterations", scenario.iterations);
  if (iterating) visit("maxDuration", scenario.max_duration);
  if (kind == ExecutorKind::constant_vus || constant_arrivals) visit("duration", scenario.duration);
  if (kind == ExecutorKind::ramping_vus) visit("startVUs", scenario.start_vus);
  if (kind == ExecutorKind::ramping_vus) visit("gracefulRampDown", scenario.graceful_ramp_down);
  if (kind == ExecutorKind::ramping_vus || ramping_arrivals) visit("stages", scenario.stages);
  if (constant_arrivals) visit("rate", scenario.rate);
  if (ramping_arrivals) visit("startRate", scenario.start_rate);
  if (arrivals) visit("timeUnit", scenario.time_unit);
  if (arrivals) visit("preAllocatedVUs", scenario.pre_allocated_vus);
  if (arrivals) visit("maxVUs", scenario.max_vus);
}

base::Expected<void> read_scenario_field(Scenario& scenario, std::string_view name, const OrderedJson& value) {
  if (name == "executor") return {};
  if (name == "options") {  // browser options
    if (value.is_null() || (value.is_object() && value.empty())) return {};
    return base::fail(base::ErrorKind::unimplemented, "the scenario option 'options' (browser) is not part of gauntlet");
  }
  std::vector<std::string_view> known;
  std::optional<base::Expected<void>> done;
  visit_fields(scenario, [&](std::string_view field, auto& setting) {
    known.push_back(field);
    if (field != name) return;
    done.emplace();
    if (value.is_null()) return;
    done = read(value, fmt::format("scenarios.{}.{}", scenario.name, name), setting.value);
    setting.given = true;
  });
  if (done) return *std::move(done);
  return failure(fmt::format("scenario '{}' has \"{}\", which its executor {} does not know{}", scenario.name, name,
                             name_of(scenario.executor), base::did_you_mean(name, known)));
}

base::Expected<void> read(const OrderedJson& value, std::string_view field, std::vector<Scenario>& into) {
  constexpr std::string_view kWanted = "{ executor: 'constant-vus', vus: 1, duration: '10s' }";
  if (!value.is_object()) return wrong_value(value, field, fmt::format("an object of scenarios by name, as {{ load: {} }}", kWanted));
  into.clear();
  for (const auto& [name, fields] : value.items()) {
    if (!fields.is_object()) return wrong_value(fields, fmt::format("{}.{}", field, name), kWanted);
    if (!fields.contains("executor") || !fields["executor"].is_string() || fields["executor"].get_ref<const std::string&>().empty()) {
      return failure(fmt::format("scenario '{}' doesn't have a specified executor type", name));
    }
    auto kind = executor_named(fields["executor"].get_ref<const std::string&>());
    if (!kind) return Failure(std::move(kind.error()).in(fmt::format("scenario '{}'", name)));
    Scenario scenario;
    scenario.name = name;
    scenario.executor = *kind;
    for (const auto& [option, given] : fields.items()) {
      if (auto ok = read_scenario_field(scenario, option, given); !ok) return ok;
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
  if (!json.is_object()) return failure("the options are no object, as { vus: 10, duration: '30s' }");
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
      if (ok && row.ways.check != nullptr) {
        if (auto fits = row.ways.check(value.get_ref<const std::string&>()); !fits)
          ok = Failure(std::move(fits.error()).in(fmt::format("the option {}", name)));
      }
      setting.given = true;
    });
    if (!ok) return Failure(ok.error());
    if (!known) parsed.unknown_fields.push_back(name);
    if (name == "ext" && value.is_object() && value.contains("loadimpact")) parsed.unknown_fields.emplace_back(kLoadImpact);
  }
  return parsed;
}

std::string unknown_option(std::string_view name) {
  if (name == kLoadImpact) return fmt::format("the option {} is gone, as in k6 2: it is called cloud there", name);
  std::vector<std::string_view> names;
  for_each_option([&](const auto& row) {
    if (row.ways.in_script) names.emplace_back(row.name);
  });
  return fmt::format("there is no option \"{}\"{}", name, base::did_you_mean(name, names));
}

std::string indented(std::string_view json) { return OrderedJson::parse(json, nullptr, false).dump(2); }

std::string to_json(const Options& options) {
  OrderedJson json;
  for_each_option([&](const auto& row) {
    const auto& setting = options.*row.member;
    if (!row.ways.in_script || (row.ways.ours && !setting.given)) return;
    json[row.name] = write_setting(setting);
  });
  json["ext"] = nullptr;
  // These two are shown with their defaults.
  json["summaryTrendStats"] = write(options.summary_trend_stats.value);
  json["dns"] = write(options.dns.value);
  return base::json_text(json);
}

}  // namespace gauntlet::engine::plan
