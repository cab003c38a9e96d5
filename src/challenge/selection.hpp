#pragma once
// Which goals a batch or random selection takes (contract section 4.5, 4.6). What it then writes is ProgressStore::set_active's.
#include <functional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "challenge/progress.hpp"

namespace gauntlet::challenge {

/// The goals of a batch selection in the given order, duplicates once; the error names the first that does not fit.
base::Expected<std::vector<GoalIndex>> batch_selection(const Config& config, std::string_view challenge_id,
                                                       std::span<const std::string> goal_ids);

/// A whole number in [0, bound), bound > 0, uniform.
using UniformBelow = std::function<std::uint64_t(std::uint64_t bound)>;

struct RandomSelection {
  std::int32_t count = 0;
  bool replace_existing = false;
  bool exclude_active = false;
};

/// The challenge of a random selection, after the checks that need no rows.
base::Expected<const Challenge*> check_random_selection(const Config& config, std::string_view challenge_id,
                                                        const RandomSelection& request);

/// Goals drawn without replacement among those that are neither completed nor claimed, whose prerequisites are met and,
/// with exclude_active or replace_existing, that are not active. Fewer than asked for when there are no more;
/// invalid_argument when there are none.
base::Expected<std::vector<GoalIndex>> random_selection(const Config& config, const Challenge& challenge, PlayerRows rows,
                                                        const RandomSelection& request, Instant now, const UniformBelow& uniform_below);

}  // namespace gauntlet::challenge
