#include "lab/trial/trial.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "lab/trial/steady_state.hpp"

namespace gauntlet::lab {
namespace {

// The generator has no CPU left when the machine has less than this, and the generator uses more than that.
constexpr double kNothingLeftCores = 0.1;
constexpr double kBusyGeneratorCores = 0.5;

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

base::Expected<Trial> trial_of(const engine::results::RunResult& result) {
  Trial trial;
  for (const auto& second : result.series) trial.seconds += second.seconds;
  if (trial.seconds <= 0)
    return base::fail(base::ErrorKind::invalid_argument, "the result has no series of seconds (--out json=FILE.json)");
  const auto value = [&](const char* metric, const char* statistic) { return result.value(metric, statistic).value_or(0); };
  const auto per_s = [&](const char* metric) { return value(metric, "count") / trial.seconds; };
  trial.achieved_per_s = per_s("iterations");
  trial.dropped_per_s = per_s("dropped_iterations");
  trial.wanted_per_s = trial.achieved_per_s + trial.dropped_per_s;
  trial.mean_iteration_s = value("iteration_duration", "avg") / 1000;
  trial.most_vus = value("vus_max", "max");
  trial.generator = result.generator.verdict;
  trial.agents = result.agents;
  trial.requests_per_s = per_s("http_reqs");
  trial.calls_per_s = per_s("grpc_reqs");
  trial.throughput_per_s = trial.requests_per_s + trial.calls_per_s;
  if (trial.throughput_per_s > 0)
    trial.mean_service_s =
        (trial.requests_per_s * value("http_req_duration", "avg") + trial.calls_per_s * value("grpc_req_duration", "avg")) /
        trial.throughput_per_s / 1000;
  for (const auto& metric : result.metrics)
    for (const auto& threshold : metric.thresholds) {
      ThresholdSeries& series = trial.thresholds.emplace_back();
      series.metric = metric.name;
      series.expression = threshold.source;
      series.held_overall = threshold.ok;
      std::string column;
      if (!parse_expression(threshold.source, column, series.must_be_below, series.bound) || column.empty()) continue;
      for (const auto& second : result.series)
        // A shorter last row and one without samples say little.
        if (const double* seen = second.find(metric.name, column); seen != nullptr && second.seconds >= 0.5) series.values.push_back(*seen);
    }
  return trial;
}

bool Trial::thresholds_held() const {
  return std::all_of(thresholds.begin(), thresholds.end(), [](const ThresholdSeries& threshold) { return threshold.held_overall; });
}

double probability_of_holding(const Trial& trial) {
  if (!trial.load_was_applied()) return 0;
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

engine::results::GeneratorVerdict generator_verdict(const Trial& trial) {
  using engine::results::GeneratorLimit;
  if (trial.load_was_applied() && trial.dropped_per_s == 0) return {};
  if (!trial.agents.empty() && trial.generator.machine_was_the_limit()) return trial.generator;
  // Little's law: so many virtual users are busy with iterations at this rate. When far fewer than there are would do,
  // iterations were dropped because the generator did not come round to starting them.
  const double needed = trial.wanted_per_s * trial.mean_iteration_s;
  if (trial.generator_cores > kBusyGeneratorCores && trial.machine_idle_cores < kNothingLeftCores && needed < 0.8 * trial.most_vus)
    return {GeneratorLimit::cores_busy,
            fmt::format("the generator used {:.1f} cores and the machine had none left; {:.0f} of {:.0f} virtual users would have been "
                        "enough",
                        trial.generator_cores, needed, trial.most_vus)};
  if (trial.most_vus > 0 && needed >= 0.95 * trial.most_vus && trial.thresholds_held())
    return {GeneratorLimit::no_free_vu,
            fmt::format("all {:.0f} virtual users were busy while every threshold held: give the script more", trial.most_vus)};
  return {};
}

}  // namespace gauntlet::lab
