#pragma once
// The list of challenges as JSON, written once per config. A response is made of views into that text; only the ends of
// the goals that a player has touched are written per request. So a response costs by the player's rows, not by the
// configured goals, and no constant byte is copied before the kernel takes it.
//
//   {"challenges":[{"challengeId":..,"goals":[{"goalId":..,"prerequisites":[],"progress":0,"status":"not_started",..},..]},..]}
//                                             ^ begin                               ^ tail ......................... ^
//                                             end
//
// Compressed answers are made of compressed pieces likewise (ready_blocks.hpp). Where more than every eighth goal is
// touched, or only a few goals are answered at all, the whole is compressed when asked for: that is smaller then. So it
// is before compress_ahead() is through.
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/http/body.hpp"
#include "base/http/content_coding.hpp"
#include "challenge/config.hpp"
#include "challenge/progress.hpp"
#include "service/ready_blocks.hpp"

namespace gauntlet::service {

/// Any thread may read it: what it answers never changes. Bodies refer to it: they must keep its owner
/// (http::Body::keep).
class ChallengeJson {
 public:
  explicit ChallengeJson(const challenge::Config& config);
  ChallengeJson(const ChallengeJson&) = delete;
  ChallengeJson& operator=(const ChallengeJson&) = delete;

  /// Makes compressed answers cheap: once, by any one thread, while others read. Takes 0.3 ms of CPU a goal, which is
  /// why a start does not wait for it, nor an end.
  void compress_ahead(const challenge::Config& config, const std::stop_token& stop = {}) const;

  /// Goals rotate, so that the answer about all of them, or about this challenge, changes every second.
  bool counts_down() const { return !rotating_.empty(); }
  bool counts_down(const challenge::Challenge& challenge) const;

  /// GetChallengesResponse of all challenges and goals.
  base::http::Body all(const challenge::Config& config, challenge::PlayerRows rows, challenge::Instant now,
                       base::http::Coding coding = base::http::Coding::identity) const;
  /// The same with the goals whose row is active only; a challenge without any has `"goals":[]`.
  base::http::Body active(const challenge::Config& config, challenge::PlayerRows rows, challenge::Instant now,
                          base::http::Coding coding = base::http::Coding::identity) const;
  /// One Challenge.
  base::http::Body one(const challenge::Config& config, const challenge::Challenge& challenge, challenge::PlayerRows rows,
                       challenge::Instant now, base::http::Coding coding = base::http::Coding::identity) const;

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
    std::uint32_t goals;  // in without_goals_: between the brackets of its goals
  };

  std::string_view text(std::uint32_t begin, std::uint32_t end) const { return std::string_view(text_).substr(begin, end - begin); }
  /// Goals in [first, first + count) that differ from the text: those with a row, those whose lock such a row may have
  /// opened, and those whose expiry counts down.
  std::vector<challenge::GoalIndex> touched(const challenge::Config& config, challenge::GoalIndex first, std::uint32_t count,
                                            challenge::PlayerRows rows) const;
  /// What is answered: text_[begin, end), which holds `count` goals from `first` on.
  struct Part {
    std::uint32_t begin;
    std::uint32_t end;
    challenge::GoalIndex first;
    std::uint32_t count;
  };
  /// The part with its touched goals' tails written for this player.
  base::http::Body render(const challenge::Config& config, const Part& part, challenge::PlayerRows rows, challenge::Instant now,
                          base::http::Coding coding) const;
  base::http::Body pack(const challenge::Config& config, const Part& part, const ReadyBlocks& blocks,
                        const std::vector<challenge::GoalIndex>& touched, challenge::PlayerRows rows, challenge::Instant now) const;
  base::http::Body splice(const challenge::Config& config, std::uint32_t begin, std::uint32_t end,
                          const std::vector<challenge::GoalIndex>& touched, challenge::PlayerRows rows, challenge::Instant now) const;

  std::string text_;
  std::string without_goals_;  // text_ with every challenge and no goal
  std::vector<GoalPlace> goals_;
  std::vector<ChallengePlace> challenges_;
  std::vector<challenge::GoalIndex> rotating_;
  /// text_ compressed; what compress_ahead() has made so far is pointed at.
  struct Ahead {
    std::optional<ReadyBlocks> gzip;
    std::optional<ReadyBlocks> zstd;
    std::atomic<const ReadyBlocks*> ready_gzip = nullptr;
    std::atomic<const ReadyBlocks*> ready_zstd = nullptr;
  };
  std::unique_ptr<Ahead> ahead_;
};

}  // namespace gauntlet::service
