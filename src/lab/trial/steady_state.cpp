#include "lab/trial/steady_state.hpp"

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
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

double probability_below(const SteadyMean& mean, double bound) {
  if (!std::isfinite(mean.standard_error)) return 0.5;
  if (mean.standard_error == 0) return mean.mean < bound ? 1 : 0;
  return boost::math::cdf(boost::math::students_t(mean.degrees_of_freedom), (bound - mean.mean) / mean.standard_error);
}

}  // namespace gauntlet::lab
