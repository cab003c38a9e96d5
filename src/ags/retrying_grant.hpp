#pragma once
// One claim's grant with its retries (contract section 4.4): up to 4 attempts, 0.5, 1 and 2 s apart, all before the
// deadline; a refusal is not tried again, nor, on a platform that would grant it twice, an attempt of unknown outcome.
#include <chrono>
#include <functional>

#include "ags/reward_client.hpp"

namespace gauntlet::ags {

inline constexpr int kGrantAttempts = 4;
/// What one attempt may take where another can follow it.
inline constexpr std::chrono::milliseconds kAttemptTime{3000};

/// What is known of the platform.
enum class Repeating {
  harmless,   // it grants once for one idempotency key, however often it is asked
  dangerous,  // it may grant again: an attempt of unknown outcome is the last
};

/// `done` is called once, with the attempts that were made: `granted` or `refused` as soon as an attempt ends so, else
/// `unsent` when the platform has worked on none of them, else `uncertain`. A refusal after an uncertain attempt is `uncertain`: that
/// attempt may have granted. `client` and `loop` outlive the call of `done`.
void grant_with_retries(base::EventLoop& loop, RewardClient& client, Repeating repeating, Grant grant,
                        base::EventLoop::Clock::time_point deadline, std::function<void(GrantOutcome)> done);

}  // namespace gauntlet::ags
