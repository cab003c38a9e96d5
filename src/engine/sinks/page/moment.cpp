#include "engine/sinks/page/moment.hpp"

#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/duration.hpp"
#include "engine/results/json_writer.hpp"

namespace gauntlet::engine::dashboard {
namespace {

using results::JsonWriter;

std::string_view name_of(results::RunProgress::Phase phase) {
  constexpr std::array<std::string_view, 4> kNames{"init", "setup", "running", "teardown"};
  return kNames[static_cast<std::size_t>(phase)];
}

std::string_view name_of(results::ScenarioProgress::Status status) {
  constexpr std::array<std::string_view, 5> kNames{"waiting", "running", "stopping", "done", "interrupted"};
  return kNames[static_cast<std::size_t>(status)];
}

void write_progress(JsonWriter& json, const results::RunProgress& progress) {
  json.key("phase").string(name_of(progress.phase));
  json.key("elapsed_s").number(base::seconds_of(progress.elapsed));
  std::chrono::nanoseconds planned{0};
  for (const results::ScenarioProgress& scenario : progress.scenarios) planned = std::max(planned, scenario.start_time + scenario.duration);
  json.key("planned_s").number(base::seconds_of(planned));
  json.key("vus_active").number(static_cast<double>(progress.vus_active));
  json.key("vus_initialized").number(static_cast<double>(progress.vus_initialized));
  json.key("max_vus").number(static_cast<double>(progress.max_vus));
  json.key("iterations").integer(progress.iterations_complete);
  json.key("interrupted").integer(progress.iterations_interrupted);
  json.key("scenarios").begin_array();
  for (const results::ScenarioProgress& scenario : progress.scenarios) {
    json.begin_object();
    json.key("name").string(scenario.name);
    json.key("status").string(name_of(scenario.status));
    json.key("fraction").number(scenario.fraction);
    json.key("starts_in_s").number(base::seconds_of(scenario.starts_in));
    json.key("elapsed_s").number(base::seconds_of(scenario.elapsed));
    json.key("duration_s").number(base::seconds_of(scenario.duration));
    json.key("vus").number(static_cast<double>(scenario.vus));
    json.key("vus_active").number(static_cast<double>(scenario.vus_active));
    json.key("vus_most").number(static_cast<double>(scenario.vus_most));
    json.key("done_rate").number(scenario.done_rate);
    json.key("rate").number(scenario.rate);
    json.key("max_rate").number(scenario.max_rate);
    json.key("iterations_done").integer(scenario.iterations_done);
    json.key("iterations_total").integer(scenario.iterations_total);
    json.end_object();
  }
  json.end_array();
}

void write_metrics(JsonWriter& json, const results::Summary& summary) {
  json.key("metrics").begin_array();
  for (const results::MetricResult& metric : summary.metrics) {
    json.begin_object();
    json.key("name").string(metric.name);
    json.key("type").string(metrics::name_of(metric.type));
    json.key("contains").string(metrics::name_of(metric.contains));
    if (metric.submetric) json.key("submetric").boolean(true);
    json.key("values").begin_object();
    for (const auto& [name, value] : metric.values) json.key(name).number(value);
    json.end_object();
    json.end_object();
  }
  json.end_array();
}

void write_thresholds(JsonWriter& json, const metrics::Thresholds& thresholds) {
  json.key("thresholds").begin_array();
  for (const metrics::ThresholdGroup& group : thresholds.groups()) {
    for (const metrics::Threshold& threshold : group.thresholds) {
      json.begin_object();
      json.key("metric").string(group.name);
      json.key("source").string(threshold.expression.source);
      json.key("aggregation").string(threshold.expression.aggregation);
      json.key("limit").number(threshold.expression.limit);
      json.key("value");
      threshold.last_value ? json.number(*threshold.last_value) : json.null();
      json.key("ok").boolean(threshold.ok);
      json.key("aborts").boolean(threshold.abort_on_fail);
      json.end_object();
    }
  }
  json.end_array();
}

void write_counts(JsonWriter& json, std::string_view key, const std::vector<std::pair<std::string, std::uint64_t>>& counts) {
  json.key(key).begin_array();
  for (const auto& [name, count] : counts) json.begin_array().string(name).integer(count).end_array();
  json.end_array();
}

void write_endpoints(JsonWriter& json, const results::Summary& summary) {
  json.key("endpoints").begin_array();
  for (const results::EndpointResult& endpoint : summary.endpoints) {
    json.begin_object();
    json.key("method").string(endpoint.method);
    json.key("name").string(endpoint.name);
    json.key("count").integer(endpoint.count);
    json.key("failed").integer(endpoint.failed);
    json.key("per_second").number(endpoint.per_second);
    json.key("p50").number(endpoint.p50);
    json.key("p95").number(endpoint.p95);
    json.key("p99").number(endpoint.p99);
    json.key("max").number(endpoint.max);
    write_counts(json, "outcomes", endpoint.outcomes);
    json.end_object();
  }
  json.end_array();
}

void write_checks(JsonWriter& json, const results::Summary& summary) {
  json.key("checks").begin_array();
  for (const results::CheckResult& check : summary.checks) {
    json.begin_object();
    json.key("name").string(check.name);
    json.key("passes").integer(check.passes);
    json.key("fails").integer(check.fails);
    json.end_object();
  }
  json.end_array();
}

void write_open_model(JsonWriter& json, const results::Summary& summary) {
  if (!summary.open_model) return;
  const results::OpenModelResult& open = *summary.open_model;
  json.key("open_model").begin_object();
  json.key("service_p50").number(open.service.p50).key("service_p95").number(open.service.p95);
  json.key("service_p99").number(open.service.p99).key("service_max").number(open.service.max);
  json.key("intended_p50").number(open.intended.p50).key("intended_p95").number(open.intended.p95);
  json.key("intended_p99").number(open.intended.p99).key("intended_max").number(open.intended.max);
  json.key("iterations").integer(open.iterations).key("dropped").integer(open.dropped);
  json.end_object();
}

void write_generator(JsonWriter& json, const results::GeneratorHealth& health, const GeneratorUse& use) {
  json.key("generator").begin_object();
  json.key("cpu_cores").number(use.cpu_cores);
  json.key("resident_bytes").integer(use.resident_bytes);
  json.key("cpu_share");
  health.cpu_share ? json.number(*health.cpu_share) : json.null();
  json.key("scheduled").integer(health.scheduled).key("late").integer(health.late);
  json.key("slip_p99_ms").number(health.slip_p99_ms).key("slip_max_ms").number(health.slip_max_ms);
  json.key("dropped").integer(health.dropped);
  json.key("samples_dropped").integer(health.samples_dropped);
  json.key("verdict").string(health.verdict.words);
  json.end_object();
}

void write_agents(JsonWriter& json, const std::vector<results::AgentResult>& agents) {
  if (agents.empty()) return;
  json.key("agents").begin_array();
  for (const results::AgentResult& agent : agents) {
    json.begin_object().key("name").string(agent.name).key("host").string(agent.host);
    json.key("share").number(agent.share).key("iterations").integer(agent.iterations).key("cpu_share").number(agent.cpu_share);
    json.key("slip_p99_ms").number(agent.slip_p99_ms).key("loop_lag_p99_ms").number(agent.loop_lag_p99_ms);
    json.key("round_trip_ms").number(agent.round_trip_ms).key("late_s").number(agent.late_s);
    json.key("lost").string(agent.lost).key("lost_at_s").number(agent.lost_at_s).end_object();
  }
  json.end_array();
}

std::uint64_t memory_bytes() {
  const long pages = sysconf(_SC_PHYS_PAGES);
  const long page = sysconf(_SC_PAGESIZE);
  return pages > 0 && page > 0 ? static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(page) : 0;
}

}  // namespace

std::vector<std::string> trend_stats() { return {"avg", "min", "med", "max", "p(90)", "p(95)", "p(99)", "count"}; }

std::string run_json(const RunFacts& facts, const RunPart& part) {
  utsname machine{};
  uname(&machine);
  JsonWriter json;
  json.begin_object();
  json.key("script").string(facts.script);
  json.key("version").string(facts.version);
  json.key("started_unix_ms")
      .number(static_cast<double>(std::chrono::duration_cast<std::chrono::milliseconds>(facts.started.time_since_epoch()).count()));
  json.key("max_duration_s").number(base::seconds_of(facts.max_duration));
  json.key("max_vus").number(static_cast<double>(facts.max_vus));
  json.key("threads").integer(facts.threads);
  json.key("cores").integer(facts.cores);
  json.key("host").string(machine.nodename);
  json.key("kernel").string(std::string(machine.sysname) + " " + machine.release);
  json.key("architecture").string(machine.machine);
  json.key("memory_bytes").integer(memory_bytes());
  json.key("scenarios").begin_array();
  for (const auto& [name, description] : facts.scenarios) json.begin_array().string(name).string(description).end_array();
  json.end_array();
  if (part.index > 0)
    json.key("part")
        .begin_object()
        .key("index")
        .integer(static_cast<std::uint64_t>(part.index))
        .key("count")
        .integer(static_cast<std::uint64_t>(part.count))
        .key("text")
        .string(part.text)
        .end_object();
  json.end_object();
  return json.take();
}

std::string state_json(const Moment& moment) {
  const results::Summary& summary = moment.summary;
  JsonWriter json;
  json.begin_object();
  write_progress(json, moment.progress);
  json.key("duration_s").number(summary.duration_s);
  write_metrics(json, summary);
  write_thresholds(json, moment.thresholds);
  write_endpoints(json, summary);
  write_counts(json, "failures", summary.failures);
  write_checks(json, summary);
  write_open_model(json, summary);
  write_generator(json, summary.generator, moment.generator);
  write_agents(json, summary.agents);
  json.end_object();
  return json.take();
}

std::string end_json(const Ending& ending) {
  JsonWriter json;
  json.begin_object();
  json.key("exit_code").number(ending.exit_code);
  json.key("reason").string(ending.reason);
  json.end_object();
  return json.take();
}

}  // namespace gauntlet::engine::dashboard
