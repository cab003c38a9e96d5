#pragma once
// Finds the highest level that a system holds, from trials whose outcome is uncertain near it. Pure: it says which
// level to try next and takes what the trial showed; a simulated server serves as well as a real one.
//
//   LimitSearch search(50, 5000);
//   while (!search.is_settled()) search.observe(level = search.next_level(), probability_of_holding(level));
//   search.estimate();
#include <cstddef>
#include <vector>

namespace gauntlet::lab {

struct LimitEstimate {
  double lower = 0, upper = 0;  // 95 % interval
  double median = 0;
  bool above_range = false;  // the highest level of the range held: the limit lies at or beyond it
  bool below_range = false;  // the lowest level failed
};

/// Probabilistic bisection (Horstein 1963; Waeber, Frazier and Henderson 2013) with the noise's width unknown: a
/// posterior over limit and width, on a logarithmic grid, that starts flat. The first trials are made at the
/// posterior's median, later ones to its sides in turn.
class LimitSearch {
 public:
  /// `precision`: settled once the interval's ends are within this ratio of each other (0.1: 10 %).
  LimitSearch(double lowest, double highest, double precision = 0.1);

  /// A whole number within the range.
  double next_level() const;
  /// The level held with this probability, as the trial's own noise tells (0 or 1: no doubt).
  void observe(double level, double probability_of_holding);

  LimitEstimate estimate() const;
  bool is_settled() const;
  std::size_t trials() const { return trials_; }

 private:
  double quantile(double share) const;

  double lowest_, highest_, precision_;
  std::vector<double> limits_;   // natural logarithms
  std::vector<double> widths_;   // of the transition from holding to failing, in the same unit
  std::vector<double> weights_;  // limits x widths, sums to 1
  std::size_t trials_ = 0;
};

}  // namespace gauntlet::lab
