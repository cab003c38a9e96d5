#include "lab/trial/trial.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "lab/trial/steady_state.hpp"

namespace gauntlet::lab {
namespace {

using nlohmann::json;

// A level counts as applied when so much of it was.
constexpr double kLeastAchieved = 0.97;
// The generator has no CPU left when the machine has less than this, and the generator uses more than that.
constexpr double kNothingLeftCores = 0.1;
constexpr double kBusyGeneratorCores = 0.5;

double value_of(const json& object, const char* metric, const char* name) {
  const auto found = object.find(metric);
  if (found == object.end()) return 0;
  const json& values = found->contains("values") ? (*found)["values"] : *found;
  const auto value = values.find(name);
  return value == values.end() || !value->is_number() ? 0 : value->get<double>();
}

/// "p(95)<2000" in parts; `column` is the series' name of the left side, "" when a second has no such value.
bool parse_expression(const std::string& text, std::string& column, bool& below, double& bound) {
  const auto at = text.find_first_of("<>");
  if (at == std::string::npos) return false;
  std::string left = text.substr(0, at);
  left.erase(std::remove(left.begin(), left.end(), ' '), left.end());
  below = text[at] == '<';
  const std::size_t from = text.find_first_of("0123456789.-", at);
  if (from == std::string::npos) return false;
  bound = std::strtod(text.c_str() + from, nullptr);
  if (left == "p(95)") column = "p95";
  else if (left == "p(99)") column = "p99";
  else if (left == "p(50)" || left == "med") column = "p50";
  else if (left == "avg" || left == "rate") column = left;
  else column.clear();
  return true;
}

}  // namespace

base::Expected<Trial> read_trial(const std::string& json_text) {
  const json in = json::parse(json_text, nullptr, false);
  if (!in.is_object() || !in.contains("metrics") || !in.contains("series") || !in["series"].is_array() || in["series"].empty())
    return base::fail(base::ErrorKind::invalid_argument, "it holds no end-of-test summary with a series (--out json=FILE.json)");
  Trial trial;
  const json& metrics = in["metrics"];
  for (const auto& row : in["series"]) trial.seconds += row.value("seconds", 0.0);
  if (trial.seconds <= 0) return base::fail(base::ErrorKind::invalid_argument, "its series is empty");
  auto per_s = [&](const char* metric) { return value_of(metrics, metric, "count") / trial.seconds; };
  trial.achieved_per_s = per_s("iterations");
  trial.dropped_per_s = per_s("dropped_iterations");
  trial.wanted_per_s = trial.achieved_per_s + trial.dropped_per_s;
  trial.mean_iteration_s = value_of(metrics, "iteration_duration", "avg") / 1000;
  trial.most_vus = value_of(metrics, "vus_max", "max");
  const double requests = per_s("http_reqs"), calls = per_s("grpc_reqs");
  trial.generator = engine::output::generator_verdict_of(in);
  trial.requests_per_s = requests;
  trial.calls_per_s = calls;
  trial.throughput_per_s = requests + calls;
  if (trial.throughput_per_s > 0)
    trial.mean_service_s =
        (requests * value_of(metrics, "http_req_duration", "avg") + calls * value_of(metrics, "grpc_req_duration", "avg")) /
        trial.throughput_per_s / 1000;
  for (const auto& [name, metric] : metrics.items()) {
    const auto thresholds = metric.find("thresholds");
    if (thresholds == metric.end()) continue;
    for (const auto& [expression, outcome] : thresholds->items()) {
      ThresholdSeries series;
      series.metric = name;
      series.expression = expression;
      series.held_overall = outcome.is_object() ? outcome.value("ok", true) : !outcome.get<bool>();
      std::string column;
      if (parse_expression(expression, column, series.must_be_below, series.bound) && !column.empty())
        for (const auto& row : in["series"]) {
          const json& seen = row["metrics"];
          // A shorter last row and one without samples say little.
          if (row.value("seconds", 0.0) < 0.5 || !seen.contains(name) || !seen[name].contains(column)) continue;
          series.values.push_back(seen[name][column].get<double>());
        }
      trial.thresholds.push_back(std::move(series));
    }
  }
  return trial;
}

double probability_of_holding(const Trial& trial) {
  if (trial.achieved_per_s < kLeastAchieved * trial.wanted_per_s) return 0;
  double least_sure = 1;
  for (const auto& threshold : trial.thresholds) {
    double probability = threshold.held_overall ? 1 : 0;
    if (threshold.values.size() >= 4) {
      const auto steady = std::span(threshold.values).subspan(warm_up_length(threshold.values));
      const double below = probability_below(steady_mean(steady), threshold.bound);
      probability = threshold.must_be_below ? below : 1 - below;
    }
    least_sure = std::min(least_sure, probability);
  }
  return least_sure;
}

std::string generator_limit(const Trial& trial) {
  if (trial.achieved_per_s >= kLeastAchieved * trial.wanted_per_s && trial.dropped_per_s == 0) return "";
  // Little's law: so many virtual users are busy with iterations at this rate. When far fewer than there are would do,
  // iterations were dropped because the generator did not come round to starting them.
  const double needed = trial.wanted_per_s * trial.mean_iteration_s;
  if (trial.generator_cores > kBusyGeneratorCores && trial.machine_idle_cores < kNothingLeftCores && needed < 0.8 * trial.most_vus)
    return fmt::format(
        "the generator used {:.1f} cores and the machine had none left; {:.0f} of {:.0f} virtual users would have been "
        "enough",
        trial.generator_cores, needed, trial.most_vus);
  if (trial.most_vus > 0 && needed >= 0.95 * trial.most_vus &&
      std::all_of(trial.thresholds.begin(), trial.thresholds.end(), [](const auto& t) { return t.held_overall; }))
    return fmt::format("all {:.0f} virtual users were busy while every threshold held: give the script more", trial.most_vus);
  return "";
}

}  // namespace gauntlet::lab
