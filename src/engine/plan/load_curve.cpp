#include "engine/plan/load_curve.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/duration.hpp"
#include "engine/plan/schedule.hpp"

namespace gauntlet::engine::plan {
namespace {

bool counts_iterations(const Scenario& scenario) {
  return scenario.executor == ExecutorKind::shared_iterations || scenario.executor == ExecutorKind::per_vu_iterations;
}

/// Where a value changes linearly from one to another; both are the same where it stays.
struct Slope {
  double begin_s = 0;
  double end_s = 0;
  double from = 0;
  double to = 0;

  double at(double time_s) const {
    return end_s <= begin_s ? to : from + (to - from) * std::clamp((time_s - begin_s) / (end_s - begin_s), 0.0, 1.0);
  }
};

/// Counted from the scenario's own start.
std::vector<Slope> slopes_of(const Scenario& scenario) {
  const double length_s = base::seconds_of(regular_duration(scenario));
  const double unit_s = base::seconds_of(scenario.time_unit.value);
  std::vector<Slope> slopes;
  const auto follow_stages = [&](double value, double share) {
    double begin_s = 0;
    for (const Stage& stage : scenario.stages.value) {
      const double target = static_cast<double>(stage.target) * share;
      const double end_s = begin_s + base::seconds_of(stage.duration);
      slopes.push_back({begin_s, end_s, value, target});
      begin_s = end_s;
      value = target;
    }
  };
  switch (scenario.executor) {
    case ExecutorKind::shared_iterations:
    case ExecutorKind::per_vu_iterations:
    case ExecutorKind::constant_vus: {
      const auto vus = static_cast<double>(scenario.vus.value);
      slopes.push_back({0, length_s, vus, vus});
      break;
    }
    case ExecutorKind::ramping_vus: follow_stages(static_cast<double>(scenario.start_vus.value), 1); break;
    case ExecutorKind::constant_arrival_rate: {
      const double rate = static_cast<double>(scenario.rate.value) / unit_s;
      slopes.push_back({0, length_s, rate, rate});
      break;
    }
    case ExecutorKind::ramping_arrival_rate: follow_stages(static_cast<double>(scenario.start_rate.value) / unit_s, 1 / unit_s); break;
  }
  return slopes;
}

}  // namespace

Nanoseconds drawn_time(const std::vector<Scenario>& scenarios) {
  Nanoseconds timed{0};
  Nanoseconds any{0};
  for (const Scenario& scenario : scenarios) {
    const Nanoseconds end = scenario.start_time.value + regular_duration(scenario);
    any = std::max(any, end);
    if (!counts_iterations(scenario)) timed = std::max(timed, end);
  }
  return timed.count() > 0 ? timed : any;
}

LoadCurve load_curve(const Scenario& scenario, Nanoseconds whole, std::size_t parts) {
  LoadCurve curve;
  curve.values.assign(parts, 0);
  curve.is_rate = scenario.executor == ExecutorKind::constant_arrival_rate || scenario.executor == ExecutorKind::ramping_arrival_rate;
  curve.may_end_before_it = counts_iterations(scenario);
  const double part_s = base::seconds_of(whole) / static_cast<double>(parts);
  const double start_s = base::seconds_of(scenario.start_time.value);
  for (const Slope& slope : slopes_of(scenario)) {
    for (std::size_t part = 0; part < parts; ++part) {
      const double begin_s = static_cast<double>(part) * part_s - start_s;
      const double end_s = begin_s + part_s;
      if (end_s <= slope.begin_s || begin_s >= slope.end_s) continue;
      curve.values[part] = std::max({curve.values[part], slope.at(begin_s), slope.at(end_s)});
    }
  }
  curve.most = *std::max_element(curve.values.begin(), curve.values.end());
  return curve;
}

std::string drawn(const LoadCurve& curve) {
  static constexpr std::array kHeights = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  std::string text;
  for (const double value : curve.values) {
    if (value <= 0) {
      text += ' ';
    } else if (curve.may_end_before_it) {
      text += "░";
    } else {
      const auto height = static_cast<std::size_t>(std::ceil(value / curve.most * static_cast<double>(kHeights.size())));
      text += kHeights[std::clamp<std::size_t>(height, 1, kHeights.size()) - 1];
    }
  }
  return text;
}

}  // namespace gauntlet::engine::plan
