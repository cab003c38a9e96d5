#pragma once
// Whether a change made a difference, from pairs of runs. Pure.
#include <string>
#include <vector>

namespace gauntlet::lab {

/// Relative difference of pairs (after / before - 1), its mean and the 95 % interval by Student's distribution over the
/// pairs' logarithms: each pair ran back to back, so that what drifts over minutes falls out.
struct PairedDifference {
  double before = 0, after = 0;  // geometric means
  double difference = 0, lower = 0, upper = 0;
};
/// Fewer than two pairs, or a value that is not above 0, give an interval without bounds (infinite).
PairedDifference paired_difference(const std::vector<double>& before, const std::vector<double>& after);

/// "better", "worse" (the interval excludes 0), or "no difference seen (below N %)".
std::string judgement(const PairedDifference& difference, bool smaller_is_better);

}  // namespace gauntlet::lab
