#pragma once
// Whether a change made a difference, from pairs of runs. Pure.
#include <string>
#include <vector>

#include "engine/results/comparison.hpp"

namespace gauntlet::lab {

/// A is before and B after, both as geometric means: the mean change of pairs and its 95 % interval by Student's distribution
/// over the pairs' logarithms. Each pair ran back to back, so that what drifts over minutes falls out. Fewer than two pairs,
/// or a value that is not above 0, give an interval without bounds (infinite).
engine::results::Difference paired_difference(const std::vector<double>& before, const std::vector<double>& after, bool more_is_better);

/// "better", "worse", "no difference seen (below N %)" or "not enough pairs".
std::string judgement(const engine::results::Difference& difference);

}  // namespace gauntlet::lab
