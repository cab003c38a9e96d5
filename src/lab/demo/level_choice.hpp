#pragma once
// Which of the guide's load levels a machine holds, told from what a request and an event cost it.
#include <algorithm>
#include <array>
#include <cstddef>

#include "lab/trial/load_level.hpp"

namespace gauntlet::lab {

/// CPU seconds of the whole machine's work (generator, services, database) for one.
struct UnitCost {
  double request_cpu_s = 0;
  double event_cpu_s = 0;
};

/// What one more iteration costs, from two short runs of a scenario: what a run costs however few iterations it makes
/// (the generator's start, a thousand connections) falls out of the difference. Runs that tell no difference: the
/// second one's mean. Pure.
inline double cost_of_one_more(double few, double few_cpu_s, double many, double many_cpu_s) {
  if (many <= few || many_cpu_s <= few_cpu_s) return many_cpu_s / std::max(1.0, many);
  return (many_cpu_s - few_cpu_s) / (many - few);
}

/// The cores that a demonstration can count on: what it used and what was left idle meanwhile. Never less than half of
/// the machine, since the kernel gives a newcomer its share of one that others keep busy. Pure.
inline double cores_available(double used_cpu_s, double idle_cpu_s, double wall_s, double cores) {
  return std::clamp((used_cpu_s + idle_cpu_s) / std::max(wall_s, 1e-3), cores / 2, cores);
}

/// The share of the machine that a demonstration may fill: at half, queues stay short and the figures are those of the
/// system and not of its saturation.
inline constexpr double kFillShare = 0.5;

/// The highest of `levels` that stays within `cores` x kFillShare; the lowest when none does. Pure.
template <std::size_t N>
LoadLevel level_that_fits(const std::array<LoadLevel, N>& levels, const UnitCost& cost, double cores) {
  LoadLevel best = levels.front();
  for (const auto& level : levels)
    if (level.requests_per_s * cost.request_cpu_s + level.events_per_s * cost.event_cpu_s <= cores * kFillShare) best = level;
  return best;
}

/// The level below `level`; the same one when it is the lowest. Pure.
template <std::size_t N>
LoadLevel level_below(const std::array<LoadLevel, N>& levels, const LoadLevel& level) {
  LoadLevel below = levels.front();
  for (const auto& candidate : levels)
    if (candidate.requests_per_s + candidate.events_per_s < level.requests_per_s + level.events_per_s) below = candidate;
  return below;
}

}  // namespace gauntlet::lab
