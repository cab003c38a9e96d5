#pragma once
// The list of challenges as JSON, written once per config. A response is made of views into that text; only the ends of
// the goals that a player has touched are written per request. So a response costs by the player's rows, not by the
// configured goals, and no constant byte is copied before the kernel takes it.
//
//   {"challenges":[{"challengeId":..,"goals":[{"goalId":..,"prerequisites":[],"progress":0,"status":"not_started",..},..]},..]}
//                                             ^ begin                               ^ tail ......................... ^
//                                             end
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/http/body.hpp"
#include "challenge/config.hpp"
#include "challenge/progress.hpp"

namespace gauntlet::service {

/// Immutable; any thread may read it. Bodies refer to it: they must keep its owner (http::Body::keep).
class ChallengeJson {
 public:
  explicit ChallengeJson(const challenge::Config& config);

  /// Answers then change every second.
  bool has_rotating_goals() const { return !rotating_.empty(); }

  /// GetChallengesResponse of all challenges and goals.
  base::http::Body all(const challenge::Config& config, challenge::PlayerRows rows, challenge::Instant now) const;
  /// The same with the goals whose row is active only, and without the challenges that have none.
  base::http::Body active(const challenge::Config& config, challenge::PlayerRows rows, challenge::Instant now) const;
  /// One Challenge.
  base::http::Body one(const challenge::Config& config, const challenge::Challenge& challenge,
                       challenge::PlayerRows rows, challenge::Instant now) const;

 private:
  /// Where a goal stands in text_.
  struct GoalPlace {
    std::uint32_t begin;  // its '{'
    std::uint32_t tail;   // the value of "progress": from here on it depends on the player
    std::uint32_t end;    // behind its '}'
  };
  struct ChallengePlace {
    std::uint32_t begin;
    std::uint32_t end;
  };

  std::string_view text(std::uint32_t begin, std::uint32_t end) const {
    return std::string_view(text_).substr(begin, end - begin);
  }
  /// Goals in [first, first + count) that differ from the text: those with a row, those whose lock such a row may have
  /// opened, and those whose expiry counts down.
  std::vector<challenge::GoalIndex> touched(const challenge::Config& config, challenge::GoalIndex first,
                                            std::uint32_t count, challenge::PlayerRows rows) const;
  /// text_[begin, end) with the touched goals' tails written for this player.
  base::http::Body splice(const challenge::Config& config, std::uint32_t begin, std::uint32_t end,
                          const std::vector<challenge::GoalIndex>& touched, challenge::PlayerRows rows,
                          challenge::Instant now) const;

  std::string text_;
  std::vector<GoalPlace> goals_;
  std::vector<ChallengePlace> challenges_;
  std::vector<challenge::GoalIndex> rotating_;
};

}  // namespace gauntlet::service
