#include "challenge/selection.hpp"

#include <algorithm>

namespace gauntlet::challenge {
namespace {

using base::ErrorKind;
using base::fail;

base::Expected<const Challenge*> find_challenge(const Config& config, std::string_view id) {
  if (const Challenge* challenge = config.find_challenge(id)) return challenge;
  return fail(ErrorKind::not_found, "challenge '" + std::string(id) + "' not found");
}

}  // namespace

base::Expected<std::vector<GoalIndex>> batch_selection(const Config& config, std::string_view challenge_id,
                                                       std::span<const std::string> goal_ids) {
  if (goal_ids.empty()) return fail(ErrorKind::invalid_argument, "goal_ids cannot be empty");
  const auto challenge = TRY(find_challenge(config, challenge_id));
  std::vector<GoalIndex> goals;
  std::vector<bool> taken(challenge->goal_count);
  for (const std::string& id : goal_ids) {
    const Goal* goal = config.find_goal(id);
    if (goal == nullptr) return fail(ErrorKind::not_found, "goal '" + id + "' not found");
    if (goal->challenge != challenge->index) {
      return fail(ErrorKind::invalid_argument, "goal '" + id + "' does not belong to challenge '" + challenge->id + "'");
    }
    const GoalIndex position = goal->index - challenge->first_goal;
    if (!taken[position]) goals.push_back(goal->index);
    taken[position] = true;
  }
  return goals;
}

base::Expected<const Challenge*> check_random_selection(const Config& config, std::string_view challenge_id,
                                                        const RandomSelection& request) {
  if (request.count <= 0) return fail(ErrorKind::invalid_argument, "count must be greater than 0");
  return find_challenge(config, challenge_id);
}

base::Expected<std::vector<GoalIndex>> random_selection(const Config& config, const Challenge& challenge, PlayerRows rows,
                                                        const RandomSelection& request, Instant now, const UniformBelow& uniform_below) {
  std::vector<GoalIndex> candidates;
  for (const Goal& goal : config.goals_of(challenge)) {
    const Row* row = find_row(rows, goal.index);
    const bool shut_out_as_active = (request.exclude_active || request.replace_existing) && row != nullptr && row->is_active;
    if (!shut_out_as_active && !is_met(goal, row, now) && !is_locked(config, goal, rows, now)) candidates.push_back(goal.index);
  }
  if (candidates.empty()) {
    return fail(ErrorKind::invalid_argument,
                "INSUFFICIENT_GOALS: no goals available for selection (available: 0, requested: " + std::to_string(request.count) + ")");
  }
  // Fisher-Yates, stopped once enough are drawn.
  const std::size_t drawn = std::min(candidates.size(), static_cast<std::size_t>(request.count));
  for (std::size_t i = 0; i < drawn; ++i) std::swap(candidates[i], candidates[i + uniform_below(candidates.size() - i)]);
  candidates.resize(drawn);
  return candidates;
}

}  // namespace gauntlet::challenge
