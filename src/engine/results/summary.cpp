#include "engine/results/summary.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <string_view>

#include "base/duration.hpp"
#include "base/grpc/framing.hpp"
#include "engine/metrics/address_template.hpp"

namespace gauntlet::engine::results {
namespace {

using metrics::CheckCount;
using metrics::Distribution;
using metrics::EndpointState;
using metrics::MetricId;
using metrics::MetricInfo;
using metrics::MetricState;
using metrics::MetricType;
using metrics::PartState;
using metrics::Sink;
using metrics::Snapshot;

MetricResult result_of(const MetricInfo& info, const Sink& sink, const SummaryOptions& options, double elapsed_s) {
  MetricResult result;
  result.name = info.name;
  result.type = info.type;
  result.contains = info.contains;
  result.custom = info.custom;
  result.past_k6 = info.past_k6;
  const auto take = [&](const std::string& name) {
    const auto value = sink.aggregate(name, elapsed_s);
    if (value || options.rate_over_no_time) result.values.emplace_back(name, value.value_or(0));
  };
  switch (info.type) {
    case MetricType::counter: take("count"), take("rate"); break;
    case MetricType::gauge: take("value"), take("min"), take("max"); break;
    case MetricType::rate: take("rate"), take("passes"), take("fails"); break;
    case MetricType::trend:
      for (const std::string& name : options.trend_stats) take(name);
      result.avg = sink.values.mean();
      result.min = sink.values.min();
      result.med = sink.values.median();
      result.max = sink.values.max();
      result.p90 = sink.values.percentile(0.9);
      result.p95 = sink.values.percentile(0.95);
      break;
  }
  return result;
}

void add_thresholds(MetricResult& result, const metrics::ThresholdGroup* group) {
  if (group == nullptr) return;
  for (const metrics::Threshold& threshold : group->thresholds) {
    result.thresholds.push_back({threshold.expression.source, threshold.expression.aggregation, threshold.last_value.value_or(0),
                                 threshold.ok, threshold.has_samples});
  }
}

void sort_by_name(std::vector<MetricResult>& results) {
  std::sort(results.begin(), results.end(), [](const MetricResult& a, const MetricResult& b) { return a.name < b.name; });
}

std::vector<MetricResult> metric_results(const Snapshot& snapshot, const metrics::Thresholds& thresholds, const SummaryOptions& options) {
  struct Family {
    MetricResult parent;
    bool parent_shown = false;
    std::vector<MetricResult> submetrics;
  };
  std::vector<Family> families;
  for (const MetricState& metric : snapshot.metrics) {
    const MetricInfo& info = *metric.info;
    Family family;
    const metrics::ThresholdGroup* group = thresholds.find(info.id, std::nullopt);
    bool wanted = group != nullptr;
    for (std::size_t i = 0; i < info.submetrics.size(); ++i) {
      const metrics::ThresholdGroup* sub_group = thresholds.find(info.id, i);
      if (metric.submetrics[i].empty() && sub_group == nullptr) continue;
      MetricResult result = result_of(info, metric.submetrics[i], options, snapshot.elapsed_s());
      result.name = info.submetrics[i].name;
      result.suffix = info.submetrics[i].suffix;
      result.submetric = true;
      add_thresholds(result, sub_group);
      family.submetrics.push_back(std::move(result));
      wanted = true;
    }
    if (metric.total.empty() && !wanted) continue;
    family.parent = result_of(info, metric.total, options, snapshot.elapsed_s());
    add_thresholds(family.parent, group);
    sort_by_name(family.submetrics);
    families.push_back(std::move(family));
  }
  std::sort(families.begin(), families.end(), [](const Family& a, const Family& b) { return a.parent.name < b.parent.name; });
  std::vector<MetricResult> results;
  for (Family& family : families) {
    results.push_back(std::move(family.parent));
    for (MetricResult& submetric : family.submetrics) results.push_back(std::move(submetric));
  }
  return results;
}

std::vector<CheckResult> checks_by_name(const std::vector<CheckCount>& counts) {
  std::vector<CheckResult> checks;
  std::map<std::string_view, std::size_t> places;
  for (const CheckCount& count : counts) {
    if (count.passes + count.fails == 0) continue;
    const auto [place, is_new] = places.try_emplace(count.name, checks.size());
    if (is_new) checks.push_back({count.name, count.group + "::" + count.name, 0, 0});
    checks[place->second].passes += count.passes;
    checks[place->second].fails += count.fails;
  }
  return checks;
}

/// Where "::b" begins in "::a::b". A tag of the script's own may have none: then it is a group at the top.
std::size_t begin_of_last(std::string_view path) {
  const std::size_t found = path.rfind("::");
  return found == std::string_view::npos ? 0 : found;
}
std::string_view parent_path(std::string_view path) { return path.substr(0, begin_of_last(path)); }
std::string_view last_name(std::string_view path) {
  const std::string_view last = path.substr(begin_of_last(path));
  return last.substr(last.starts_with("::") ? 2 : 0);
}

GroupResult* group_at(GroupResult& root, std::string_view path) {
  GroupResult* group = &root;
  for (std::size_t end = 0; group != nullptr && end < path.size();) {
    end = std::min(path.find("::", end + 1), path.size());
    const auto child =
        std::find_if(group->groups.begin(), group->groups.end(), [&](const GroupResult& one) { return one.path == path.substr(0, end); });
    group = child == group->groups.end() ? nullptr : &*child;
  }
  return group;
}

GroupResult group_tree(const Snapshot& snapshot) {
  GroupResult root;
  // Parents come before their children in the order of first sight.
  for (const std::string& path : snapshot.groups) {
    if (GroupResult* parent = group_at(root, parent_path(path))) {
      parent->groups.push_back({.name = std::string(last_name(path)), .path = path, .groups = {}, .checks = {}});
    }
  }
  for (const CheckCount& count : snapshot.checks) {
    if (count.passes + count.fails == 0) continue;
    if (GroupResult* group = group_at(root, count.group)) {
      group->checks.push_back({count.name, count.group + "::" + count.name, count.passes, count.fails});
    }
  }
  return root;
}

PartResult part_result(const PartState& state, std::string name, const Snapshot& snapshot, const SummaryOptions& options) {
  PartResult part;
  part.name = std::move(name);
  for (const MetricState& metric : state.metrics) {
    if (metric.info->id == MetricId::checks) {
      part.check_passes = metric.total.passes;
      part.check_fails = metric.total.fails();
    }
    part.metrics.push_back(result_of(*metric.info, metric.total, options, snapshot.elapsed_s()));
  }
  sort_by_name(part.metrics);
  part.checks = checks_by_name(state.checks);
  return part;
}

const PartState* find_part(const Snapshot& snapshot, std::string_view scenario, std::string_view group) {
  for (const PartState& part : snapshot.parts) {
    if (part.scenario == scenario && part.group == group) return &part;
  }
  return nullptr;
}

/// True when the script opened this group (rather than k6 having tagged a sample with it), or one within it.
bool opened(const Snapshot& snapshot, std::string_view scenario, std::string_view path) {
  return std::any_of(snapshot.parts.begin(), snapshot.parts.end(), [&](const PartState& part) {
    if (part.scenario != scenario) return false;
    if (part.group != path && !part.group.starts_with(std::string(path) + "::")) return false;
    const bool of_lifecycle = part.group == "::setup" || part.group == "::teardown";
    return !of_lifecycle && std::any_of(part.metrics.begin(), part.metrics.end(), [](const MetricState& metric) {
      return metric.info->id == MetricId::group_duration || metric.info->id == MetricId::checks;
    });
  });
}

std::vector<PartResult> groups_within(const Snapshot& snapshot, std::string_view scenario, std::string_view parent,
                                      const SummaryOptions& options) {
  std::vector<PartResult> groups;
  for (const std::string& path : snapshot.groups) {
    if (parent_path(path) != parent || !opened(snapshot, scenario, path)) continue;
    const PartState* state = find_part(snapshot, scenario, path);
    // What setup and teardown did outside of groups of their own is in the totals only.
    const bool of_lifecycle = scenario.empty() && (path == "::setup" || path == "::teardown");
    PartResult group =
        part_result(state == nullptr || of_lifecycle ? PartState{} : *state, std::string(last_name(path)), snapshot, options);
    group.groups = groups_within(snapshot, scenario, path, options);
    groups.push_back(std::move(group));
  }
  return groups;
}

void add_parts(Summary& summary, const Snapshot& snapshot) {
  summary.groups = groups_within(snapshot, "", "", summary.options);
  for (const PartState& state : snapshot.parts) {
    if (state.scenario.empty() || !state.group.empty()) continue;
    PartResult scenario = part_result(state, state.scenario, snapshot, summary.options);
    scenario.groups = groups_within(snapshot, state.scenario, "", summary.options);
    if (summary.options.explicit_scenarios) {
      summary.scenarios.push_back(std::move(scenario));
    } else {
      for (PartResult& group : scenario.groups) summary.groups.push_back(std::move(group));
    }
  }
  const auto by_name = [](const PartResult& a, const PartResult& b) { return a.name < b.name; };
  std::sort(summary.scenarios.begin(), summary.scenarios.end(), by_name);
}

std::string_view grpc_status_name(std::string_view code) {
  int number = -1;
  const auto [end, problem] = std::from_chars(code.data(), code.data() + code.size(), number);
  if (problem != std::errc() || end != code.data() + code.size()) return code;
  const std::string_view name = base::grpc::code_name(number);
  return name.empty() ? code : name;
}

std::string outcome_of(const EndpointState& row) {
  if (row.protocol == EndpointState::Protocol::grpc) return std::string(grpc_status_name(row.status));
  if (row.status.empty() || row.status == "0") {
    const std::string words = row.error.empty() ? "no answer" : row.error;
    return row.error_code.empty() ? words : words + " (" + row.error_code + ")";
  }
  return row.status;
}

std::vector<EndpointResult> endpoint_results(const Snapshot& snapshot) {
  struct Row {
    EndpointResult result;
    Distribution duration;
  };
  std::map<std::pair<std::string, std::string>, Row> rows;
  std::set<std::string_view> names;
  for (const EndpointState& state : snapshot.endpoints) names.insert(state.name);
  for (const EndpointState& state : snapshot.endpoints) {
    if (state.duration.count() == 0) continue;
    // Addresses that came before there was a row for all of their kind are in that, too.
    std::string name = metrics::address_template(state.name);
    if (!names.contains(name)) name = state.name;
    const bool grpc = state.protocol == EndpointState::Protocol::grpc;
    std::string method = grpc ? "gRPC" : state.method;
    Row& row = rows[{method, name}];
    row.result.method = std::move(method);
    row.result.name = std::move(name);
    row.result.count += state.duration.count();
    if (state.failed) row.result.failed += state.duration.count();
    row.duration.merge(state.duration);
    const std::string outcome = outcome_of(state);
    auto& outcomes = row.result.outcomes;
    auto found = std::find_if(outcomes.begin(), outcomes.end(), [&](const auto& known) { return known.first == outcome; });
    if (found == outcomes.end()) found = outcomes.insert(outcomes.end(), {outcome, 0});
    found->second += state.duration.count();
  }
  std::vector<EndpointResult> results;
  for (auto& [key, row] : rows) {
    EndpointResult& result = row.result;
    if (snapshot.elapsed_s() > 0) result.per_second = static_cast<double>(result.count) / snapshot.elapsed_s();
    result.p50 = row.duration.percentile(0.5);
    result.p95 = row.duration.percentile(0.95);
    result.p99 = row.duration.percentile(0.99);
    result.max = row.duration.max();
    std::stable_sort(result.outcomes.begin(), result.outcomes.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
    results.push_back(std::move(result));
  }
  std::stable_sort(results.begin(), results.end(), [](const EndpointResult& a, const EndpointResult& b) { return a.count > b.count; });
  return results;
}

std::vector<std::pair<std::string, std::uint64_t>> failure_counts(const Snapshot& snapshot) {
  std::map<std::string, std::uint64_t> counts;
  for (const EndpointState& state : snapshot.endpoints) {
    if (state.failed && state.duration.count() != 0) counts[outcome_of(state)] += state.duration.count();
  }
  std::vector<std::pair<std::string, std::uint64_t>> sorted(counts.begin(), counts.end());
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  return sorted;
}

std::uint64_t dropped_iterations(const Snapshot& snapshot) {
  const MetricState* dropped = snapshot.find(MetricId::dropped_iterations);
  return dropped == nullptr ? 0 : static_cast<std::uint64_t>(dropped->total.sum);
}

std::optional<OpenModelResult> open_model_result(const Snapshot& snapshot) {
  const MetricState* intended = snapshot.find(MetricId::iteration_duration_intended);
  const MetricState* service = snapshot.find(MetricId::iteration_duration);
  if (intended == nullptr || intended->total.empty()) return std::nullopt;
  const auto latencies_of = [](const Distribution& values) {
    return OpenModelResult::Latencies{values.percentile(0.5), values.percentile(0.95), values.percentile(0.99), values.max()};
  };
  OpenModelResult result;
  result.service = latencies_of(service->total.values);
  result.intended = latencies_of(intended->total.values);
  result.iterations = intended->total.values.count();
  result.dropped = dropped_iterations(snapshot);
  return result;
}

GeneratorHealth health_of(const Snapshot& snapshot, GeneratorHealth health) {
  if (const MetricState* slip = snapshot.find(MetricId::schedule_slip); slip != nullptr && !slip->total.empty()) {
    const Distribution& values = slip->total.values;
    health.scheduled = values.count();
    health.slip_p99_ms = values.percentile(0.99);
    health.slip_max_ms = values.max();
    values.for_each([&](double milliseconds, std::uint64_t count) {
      if (milliseconds > GeneratorHealth::kLateMs) health.late += count;
    });
  }
  if (const MetricState* lag = snapshot.find(MetricId::loop_lag); lag != nullptr && !lag->total.empty()) {
    health.loop_lag_p99_ms = lag->total.values.percentile(0.99);
  }
  health.dropped = dropped_iterations(snapshot);
  health.tag_sweeps = snapshot.tag_sweeps;
  health.verdict = health.judged();
  return health;
}

}  // namespace

base::Expected<void> check_trend_stats(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (name == "avg" || name == "min" || name == "med" || name == "max" || name == "count" || name.empty()) continue;
    if (name.starts_with("p(")) {
      if (metrics::parse_percentile(name)) continue;
      return base::fail(base::ErrorKind::invalid_argument,
                        "summaryTrendStats has \"" + name + "\": a percentile is from 0 to 100, as p(95)");
    }
    return base::fail(base::ErrorKind::invalid_argument,
                      "summaryTrendStats has \"" + name + "\" and should have avg, min, med, max, count and percentiles, as p(95)");
  }
  return {};
}

Summary summarize(const Snapshot& snapshot, const metrics::Thresholds& thresholds, SummaryOptions options) {
  Summary summary;
  std::erase(options.trend_stats, "");
  summary.options = std::move(options);
  summary.duration_s = snapshot.elapsed_s();
  summary.duration_ms = base::milliseconds_of(snapshot.elapsed);
  summary.metrics = metric_results(snapshot, thresholds, summary.options);
  summary.checks = checks_by_name(snapshot.checks);
  summary.root = group_tree(snapshot);
  add_parts(summary, snapshot);
  summary.endpoints = endpoint_results(snapshot);
  summary.failures = failure_counts(snapshot);
  summary.open_model = open_model_result(snapshot);
  summary.generator = health_of(snapshot, summary.options.health);
  return summary;
}

}  // namespace gauntlet::engine::results
