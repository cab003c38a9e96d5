#include "lab/limit/limit_search.hpp"

#include <algorithm>
#include <cmath>

namespace gauntlet::lab {
namespace {

constexpr std::size_t kGrid = 600;
// How far beyond the range the limit may lie, for the posterior to have somewhere to put that.
constexpr double kBeyond = 1.3;
// A trial that shows the contrary of what the level deserves for a reason of its own: a checkpoint, a noisy neighbour.
constexpr double kLapse = 0.04;
constexpr std::size_t kFewestTrials = 6;
constexpr std::size_t kHalvings = 5;  // trials that only narrow the range
constexpr double kAside = 0.2;
// The interval is wider than the posterior alone would have it, because its model of the noise is one of many.
constexpr double kTail = 0.02;

double normal_probability(double z) { return std::erfc(-z / std::sqrt(2.0)) / 2; }

}  // namespace

LimitSearch::LimitSearch(double lowest, double highest, double precision)
    : lowest_(lowest), highest_(highest), precision_(precision), widths_{0.005, 0.015, 0.04, 0.1, 0.2} {
  const double from = std::log(lowest / kBeyond), to = std::log(highest * kBeyond);
  for (std::size_t i = 0; i < kGrid; ++i) limits_.push_back(from + (to - from) * static_cast<double>(i) / (kGrid - 1));
  weights_.assign(limits_.size() * widths_.size(), 1.0 / static_cast<double>(limits_.size() * widths_.size()));
}

double LimitSearch::quantile(double share) const {
  double sum = 0;
  for (std::size_t i = 0; i < limits_.size(); ++i) {
    for (std::size_t w = 0; w < widths_.size(); ++w) sum += weights_[i * widths_.size() + w];
    if (sum >= share) return std::exp(limits_[i]);
  }
  return std::exp(limits_.back());
}

double LimitSearch::next_level() const {
  // At the median every width of the transition explains either outcome equally well; a little to its sides, a narrow
  // one would rarely err, so that only trials there can tell that it is narrow.
  const double share = trials_ < kHalvings ? 0.5 : trials_ % 2 == 0 ? kAside : 1 - kAside;
  return std::clamp(std::round(quantile(share)), lowest_, highest_);
}

void LimitSearch::observe(double level, double probability_of_holding) {
  const double at = std::log(level);
  double sum = 0;
  for (std::size_t i = 0; i < limits_.size(); ++i)
    for (std::size_t w = 0; w < widths_.size(); ++w) {
      const double holds = kLapse / 2 + (1 - kLapse) * normal_probability((limits_[i] - at) / widths_[w]);
      double& weight = weights_[i * widths_.size() + w];
      weight *= probability_of_holding * holds + (1 - probability_of_holding) * (1 - holds);
      sum += weight;
    }
  for (double& weight : weights_) weight /= sum;
  ++trials_;
}

LimitEstimate LimitSearch::estimate() const {
  LimitEstimate estimate{quantile(kTail), quantile(1 - kTail), quantile(0.5), false, false};
  // A limit lies between two points of the grid.
  const double step = std::exp(limits_[1] - limits_[0]);
  estimate.lower /= step;
  estimate.upper *= step;
  estimate.above_range = estimate.median >= highest_;
  estimate.below_range = estimate.median <= lowest_;
  return estimate;
}

bool LimitSearch::is_settled() const {
  if (trials_ < kFewestTrials) return false;
  const auto now = estimate();
  return now.upper / now.lower <= 1 + precision_ || now.lower >= highest_ || now.upper <= lowest_;
}

}  // namespace gauntlet::lab
