#pragma once
// May this player claim this goal now? The checks and their words are the contract's (sections 1 and 4.4), in its
// order.
#include "base/error.hpp"
#include "challenge/progress.hpp"

namespace gauntlet::challenge {

/// The goal of a claim; not_found when it is unknown or of another challenge.
base::Expected<const Goal*> find_claimed_goal(const Config& config, std::string_view challenge_id, std::string_view goal_id);

/// Everything that is checked on the rows: `rows` must hold the goal's own row and those of its prerequisites, where
/// the player has them. The error is what the client gets.
base::Expected<void> check_claim(const Config& config, const Goal& goal, PlayerRows rows, Instant now);

base::Error already_claimed(const Goal& goal, Instant claimed_at);

}  // namespace gauntlet::challenge
