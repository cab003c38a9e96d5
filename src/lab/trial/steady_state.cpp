#include "lab/trial/steady_state.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace gauntlet::lab {
namespace {

double mean_of(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double squares_around(std::span<const double> values, double mean) {
  return std::accumulate(values.begin(), values.end(), 0.0,
                         [mean](double sum, double value) { return sum + (value - mean) * (value - mean); });
}

/// Regularised incomplete beta function by Lentz's continued fraction (Numerical Recipes, 6.4).
double incomplete_beta(double a, double b, double x) {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  if (x > (a + 1) / (a + b + 2)) return 1 - incomplete_beta(b, a, 1 - x);
  const double front = std::exp(std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) + a * std::log(x) + b * std::log(1 - x)) / a;
  constexpr double kTiny = 1e-300;
  double c = 1, d = 1 - (a + b) * x / (a + 1);
  d = 1 / (std::abs(d) < kTiny ? kTiny : d);
  double fraction = d;
  for (int m = 1; m <= 200; ++m) {
    for (const double numerator :
         {m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)), -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))}) {
      d = 1 + numerator * d;
      d = 1 / (std::abs(d) < kTiny ? kTiny : d);
      c = 1 + numerator / c;
      if (std::abs(c) < kTiny) c = kTiny;
      fraction *= c * d;
    }
    if (std::abs(c * d - 1) < 1e-12) break;
  }
  return front * fraction;
}

}  // namespace

std::size_t warm_up_length(std::span<const double> values) {
  std::size_t best = 0;
  double smallest = std::numeric_limits<double>::infinity();
  for (std::size_t cut = 0; cut <= values.size() / 2 && values.size() - cut >= 4; ++cut) {
    const auto rest = values.subspan(cut);
    const auto n = static_cast<double>(rest.size());
    const double statistic = squares_around(rest, mean_of(rest)) / (n * n);
    if (statistic < smallest) {
      smallest = statistic;
      best = cut;
    }
  }
  return best;
}

SteadyMean steady_mean(std::span<const double> values) {
  SteadyMean out;
  if (values.empty()) return {0, std::numeric_limits<double>::infinity(), 1};
  out.mean = mean_of(values);
  if (values.size() < 4) return {out.mean, std::numeric_limits<double>::infinity(), 1};
  const double variance = squares_around(values, out.mean);
  double products = 0;
  for (std::size_t i = 1; i < values.size(); ++i) products += (values[i] - out.mean) * (values[i - 1] - out.mean);
  // A short series underestimates its autocorrelation by about (1 + 3 rho) / n (Marriott and Pope, 1954).
  const auto n = static_cast<double>(values.size());
  double correlation = variance > 0 ? products / variance : 0;
  correlation = std::clamp(correlation + (1 + 3 * correlation) / n, 0.0, 0.95);
  const auto batch = static_cast<std::size_t>(std::clamp(std::ceil((1 + correlation) / (1 - correlation)), 1.0, n / 3));
  std::vector<double> means;
  for (std::size_t at = values.size() % batch; at + batch <= values.size(); at += batch)
    means.push_back(mean_of(values.subspan(at, batch)));
  const auto batches = static_cast<double>(means.size());
  out.standard_error = std::sqrt(squares_around(means, mean_of(means)) / (batches - 1) / batches);
  out.degrees_of_freedom = batches - 1;
  return out;
}

double student_probability(double t, double degrees_of_freedom) {
  const double tail = incomplete_beta(degrees_of_freedom / 2, 0.5, degrees_of_freedom / (degrees_of_freedom + t * t)) / 2;
  return t > 0 ? 1 - tail : tail;
}

double probability_below(const SteadyMean& mean, double bound) {
  if (!std::isfinite(mean.standard_error)) return 0.5;
  if (mean.standard_error == 0) return mean.mean < bound ? 1 : 0;
  return student_probability((bound - mean.mean) / mean.standard_error, mean.degrees_of_freedom);
}

}  // namespace gauntlet::lab
