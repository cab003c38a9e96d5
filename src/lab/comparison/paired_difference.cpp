#include "lab/comparison/paired_difference.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "lab/trial/steady_state.hpp"

namespace gauntlet::lab {
namespace {

/// The t that Student's distribution stays below with this probability, by bisection.
double student_quantile(double probability, double degrees_of_freedom) {
  double low = 0, high = 1000;
  for (int i = 0; i < 100; ++i) {
    const double middle = (low + high) / 2;
    (student_probability(middle, degrees_of_freedom) < probability ? low : high) = middle;
  }
  return high;
}

}  // namespace

PairedDifference paired_difference(const std::vector<double>& before, const std::vector<double>& after) {
  PairedDifference out;
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  out.lower = -1;
  out.upper = kInfinity;
  const std::size_t n = std::min(before.size(), after.size());
  double sum = 0, sum_before = 0, sum_after = 0;
  std::vector<double> ratios;
  for (std::size_t i = 0; i < n; ++i) {
    if (before[i] <= 0 || after[i] <= 0) return out;
    ratios.push_back(std::log(after[i] / before[i]));
    sum += ratios.back();
    sum_before += std::log(before[i]);
    sum_after += std::log(after[i]);
  }
  if (n == 0) return out;
  const auto count = static_cast<double>(n);
  out.before = std::exp(sum_before / count);
  out.after = std::exp(sum_after / count);
  out.difference = std::exp(sum / count) - 1;
  if (n < 2) return out;
  double squares = 0;
  for (const double ratio : ratios) squares += (ratio - sum / count) * (ratio - sum / count);
  const double half = student_quantile(0.975, count - 1) * std::sqrt(squares / (count - 1) / count);
  out.lower = std::exp(sum / count - half) - 1;
  out.upper = std::exp(sum / count + half) - 1;
  return out;
}

std::string judgement(const PairedDifference& d, bool smaller_is_better) {
  if (d.lower > 0) return smaller_is_better ? "worse" : "better";
  if (d.upper < 0) return smaller_is_better ? "better" : "worse";
  const double most = std::max(std::abs(d.lower), std::abs(d.upper));
  return std::isfinite(most) ? fmt::format("no difference seen (below {:.0f} %)", most * 100) : "not enough pairs";
}

}  // namespace gauntlet::lab
