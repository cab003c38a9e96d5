#pragma once
// What a short window of measurements says about the steady state behind it. Pure.
#include <cstddef>
#include <span>
#include <vector>

namespace gauntlet::lab {

/// Where the warm-up ends: MSER (White, "An effective truncation heuristic for bias reduction in simulation output",
/// 1997). The cut-off in the first half that makes the half-width of the remaining mean smallest.
std::size_t warm_up_length(std::span<const double> values);

/// A mean and its standard error, with the values' autocorrelation honoured.
struct SteadyMean {
  double mean = 0;
  double standard_error = 0;  // infinite with fewer than four values
  double degrees_of_freedom = 1;
};
/// Values of consecutive seconds resemble each other, so that their plain standard error is too small: they are
/// averaged in batches as long as their first-order autocorrelation asks for (the effective sample size of an AR(1)
/// process), and the batches' means are what counts.
SteadyMean steady_mean(std::span<const double> values);

/// The probability that the steady mean lies below `bound`, by Student's distribution.
double probability_below(const SteadyMean& mean, double bound);

}  // namespace gauntlet::lab
