#include "lab/comparison/paired_difference.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <limits>

namespace gauntlet::lab {
engine::results::Difference paired_difference(const std::vector<double>& before, const std::vector<double>& after, bool more_is_better) {
  constexpr auto percent = [](double logarithm) { return 100 * (std::exp(logarithm) - 1); };
  engine::results::Difference out{.low = -100, .high = std::numeric_limits<double>::infinity(), .more_is_better = more_is_better};
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
  out.a = std::exp(sum_before / count);
  out.b = std::exp(sum_after / count);
  out.change = percent(sum / count);
  if (n < 2) return out;
  double squares = 0;
  for (const double ratio : ratios) squares += (ratio - sum / count) * (ratio - sum / count);
  const double half = boost::math::quantile(boost::math::students_t(count - 1), 0.975) * std::sqrt(squares / (count - 1) / count);
  out.low = percent(sum / count - half);
  out.high = percent(sum / count + half);
  return out;
}

std::string judgement(const engine::results::Difference& difference) {
  const auto verdict = difference.verdict();
  if (verdict != engine::results::Difference::Verdict::no_difference_shown) return to_text(verdict);
  const double most = std::max(std::abs(difference.low), std::abs(difference.high));
  return std::isfinite(most) ? fmt::format("no difference seen (below {:.0f} %)", most) : "not enough pairs";
}

}  // namespace gauntlet::lab
