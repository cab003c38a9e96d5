#pragma once
// Measurements of consecutive seconds, which resemble each other.
#include <cmath>
#include <random>
#include <vector>

namespace gauntlet::lab {

/// AR(1): each value is the last one's deviation times `correlation` plus fresh noise.
inline std::vector<double> autocorrelated(std::mt19937& random, double mean, double correlation, int count) {
  std::normal_distribution<double> noise;
  std::vector<double> values;
  double deviation = noise(random) / std::sqrt(1 - correlation * correlation);
  for (int i = 0; i < count; ++i) {
    values.push_back(mean + deviation);
    deviation = correlation * deviation + noise(random);
  }
  return values;
}

}  // namespace gauntlet::lab
