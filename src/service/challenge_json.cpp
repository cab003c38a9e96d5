#include "service/challenge_json.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/json_text.hpp"
#include "base/rfc3339.hpp"

namespace gauntlet::service {
namespace {

using base::http::Body;
using base::http::Coding;
using challenge::Challenge;
using challenge::Config;
using challenge::Goal;
using challenge::GoalIndex;
using challenge::Instant;
using challenge::PlayerRow;
using challenge::PlayerRows;

/// The longest tail is about 230 bytes: every part is bounded.
constexpr std::size_t kTailBytes = 256;

/// A touched goal's pieces are some ten times its share of the whole compressed at once.
constexpr std::size_t kGoalsPerTouchedGoal = 8;

/// What all goals of one schedule share in a response.
struct Expiry {
  std::string at;  // "" without rotation
  std::int32_t in_seconds = 0;
};

/// Computes each schedule's expiry at most once a response.
class Expiries {
 public:
  explicit Expiries(Instant now) : now_(now) {}
  const Expiry& of(const Goal& goal) {
    static const Expiry kNone;
    if (!goal.rotation) return kNone;
    Expiry& expiry = by_schedule_[static_cast<std::size_t>(goal.rotation->schedule)];
    if (expiry.at.empty()) {
      const Instant end = challenge::next_boundary(goal.rotation->schedule, now_);
      expiry = {base::format_rfc3339(end), challenge::seconds_until(end, now_)};
    }
    return expiry;
  }

 private:
  Instant now_;
  std::array<Expiry, 3> by_schedule_;
};

/// Writes into a buffer that is known to be large enough.
class Tail {
 public:
  Tail& text(std::string_view text) {
    std::memcpy(buffer_.data() + size_, text.data(), text.size());
    size_ += text.size();
    return *this;
  }
  Tail& number(std::int32_t value) {
    size_ = static_cast<std::size_t>(std::to_chars(buffer_.data() + size_, buffer_.data() + buffer_.size(), value).ptr - buffer_.data());
    return *this;
  }
  Tail& flag(bool value) { return text(value ? "true" : "false"); }
  Tail& time(const std::optional<Instant>& instant) { return instant ? text(base::Rfc3339(*instant).view()) : *this; }
  std::string_view view() const { return {buffer_.data(), size_}; }

 private:
  std::array<char, kTailBytes> buffer_;
  std::size_t size_ = 0;
};

/// Everything of a goal behind `"progress":`, with the closing brace.
Tail tail_of(const challenge::Display& shown, bool locked, const Expiry& expiry) {
  Tail tail;
  tail.number(shown.progress).text(R"(,"status":")").text(to_string(shown.status)).text(R"(","locked":)").flag(locked);
  tail.text(R"(,"completedAt":")").time(shown.completed_at).text(R"(","claimedAt":")").time(shown.claimed_at);
  tail.text(R"(","isActive":)").flag(shown.is_active).text(R"(,"expiresAt":")").text(expiry.at);
  tail.text(R"(","expiresInSeconds":)").number(expiry.in_seconds).text("}");
  return tail;
}

/// Everything of a goal up to `"progress":`.
void append_head(std::string& out, const Config& config, const Goal& goal) {
  out += R"({"goalId":)";
  base::append_json_string(out, goal.id);
  out += R"(,"name":)";
  base::append_json_string(out, goal.name);
  out += R"(,"description":)";
  base::append_json_string(out, goal.description);
  out += R"(,"requirement":{"statCode":)";
  base::append_json_string(out, goal.requirement.stat_code);
  out += R"(,"operator":)";
  base::append_json_string(out, goal.requirement.comparison);
  out += R"(,"targetValue":)";
  base::append_json_integer(out, goal.requirement.target_value);
  out += R"(},"reward":{"type":)";
  base::append_json_string(out, to_string(goal.reward.type));
  out += R"(,"rewardId":)";
  base::append_json_string(out, goal.reward.id);
  out += R"(,"quantity":)";
  base::append_json_integer(out, goal.reward.quantity);
  out += R"(},"prerequisites":[)";
  for (std::size_t i = 0; i < goal.prerequisites.size(); ++i) {
    if (i != 0) out += ',';
    base::append_json_string(out, config.goal(goal.prerequisites[i]).id);
  }
  out += R"(],"progress":)";
}

std::uint32_t place(const std::string& text) { return static_cast<std::uint32_t>(text.size()); }

}  // namespace

ChallengeJson::ChallengeJson(const Config& config) : ahead_(std::make_unique<Ahead>()) {
  text_ = without_goals_ = R"({"challenges":[)";
  for (const Challenge& challenge : config.challenges()) {
    if (challenge.index != 0) text_ += ',';
    const std::uint32_t begin = place(text_);
    text_ += R"({"challengeId":)";
    base::append_json_string(text_, challenge.id);
    text_ += R"(,"name":)";
    base::append_json_string(text_, challenge.name);
    text_ += R"(,"description":)";
    base::append_json_string(text_, challenge.description);
    text_ += R"(,"goals":[)";
    if (challenge.index != 0) without_goals_ += ',';
    without_goals_.append(text_, begin);
    const std::uint32_t goals = place(without_goals_);
    without_goals_ += "]}";
    for (const Goal& goal : config.goals_of(challenge)) {
      if (goal.index != challenge.first_goal) text_ += ',';
      GoalPlace goal_place{};
      goal_place.begin = place(text_);
      append_head(text_, config, goal);
      goal_place.tail = place(text_);
      text_ += tail_of({}, !goal.prerequisites.empty(), {}).view();
      goal_place.end = place(text_);
      goals_.push_back(goal_place);
      if (goal.rotation) rotating_.push_back(goal.index);
    }
    text_ += "]}";
    challenges_.push_back({begin, place(text_), goals});
  }
  text_ += "]}";
  without_goals_ += "]}";
}

void ChallengeJson::compress_ahead(const Config& config, const std::stop_token& stop) const {
  std::vector<ReadyBlocks::Unit> units;
  for (const Goal& goal : config.goals()) {
    const Challenge& challenge = config.challenge_of(goal);
    const bool opens = goal.index == challenge.first_goal;
    units.push_back(
        {opens ? challenges_[challenge.index].begin : goals_[goal.index - 1].end, goals_[goal.index].tail, goals_[goal.index].end});
  }
  const ReadyBlocks& gzip = ahead_->gzip.emplace(Coding::gzip, text_, units, stop);
  if (!stop.stop_requested()) ahead_->ready_gzip = &gzip;
  const ReadyBlocks& zstd = ahead_->zstd.emplace(Coding::zstd, text_, std::move(units), stop);
  if (!stop.stop_requested()) ahead_->ready_zstd = &zstd;
}

bool ChallengeJson::counts_down(const Challenge& challenge) const {
  const auto first = std::lower_bound(rotating_.begin(), rotating_.end(), challenge.first_goal);
  return first != rotating_.end() && *first < challenge.first_goal + challenge.goal_count;
}

std::vector<GoalIndex> ChallengeJson::touched(const Config& config, GoalIndex first, std::uint32_t count, PlayerRows rows) const {
  const GoalIndex end = first + count;
  std::vector<GoalIndex> goals;
  goals.reserve(rows.size() + rotating_.size());
  const auto add = [&](GoalIndex goal) {
    if (goal >= first && goal < end) goals.push_back(goal);
  };
  bool sorted = rotating_.empty();
  for (const GoalIndex goal : rotating_) add(goal);
  for (const PlayerRow& player_row : rows) {
    add(player_row.goal);
    for (const GoalIndex dependent : config.goal(player_row.goal).dependents) {
      add(dependent);
      sorted = false;
    }
  }
  if (!sorted) {
    std::sort(goals.begin(), goals.end());
    goals.erase(std::unique(goals.begin(), goals.end()), goals.end());
  }
  return goals;
}

Body ChallengeJson::splice(const Config& config, std::uint32_t begin, std::uint32_t end, const std::vector<GoalIndex>& touched,
                           PlayerRows rows, Instant now) const {
  Body body;
  body.reserve(2 * touched.size() + 1, kTailBytes * touched.size());
  Expiries expiries(now);
  for (const GoalIndex index : touched) {
    const Goal& goal = config.goal(index);
    const bool locked = !goal.prerequisites.empty() && is_locked(config, goal, rows, now);
    const Tail tail = tail_of(display(goal, find_row(rows, index), now), locked, expiries.of(goal));
    body.append_view(text(begin, goals_[index].tail));
    body.append_copy(tail.view());
    begin = goals_[index].end;
  }
  body.append_view(text(begin, end));
  return body;
}

Body ChallengeJson::pack(const Config& config, const Part& part, const ReadyBlocks& blocks, const std::vector<GoalIndex>& touched,
                         PlayerRows rows, Instant now) const {
  Body body;
  ReadyBlocks::Writer writer(blocks, part.begin, body);
  Expiries expiries(now);
  GoalIndex next = part.first;
  for (const GoalIndex index : touched) {
    const Goal& goal = config.goal(index);
    const bool locked = !goal.prerequisites.empty() && is_locked(config, goal, rows, now);
    writer.untouched(next, index - next);
    writer.touched(index, tail_of(display(goal, find_row(rows, index), now), locked, expiries.of(goal)).view());
    next = index + 1;
  }
  writer.untouched(next, part.first + part.count - next);
  writer.finish(part.end);
  return body;
}

Body ChallengeJson::render(const Config& config, const Part& part, PlayerRows rows, Instant now, Coding coding) const {
  const auto goals = touched(config, part.first, part.count, rows);
  if (coding != Coding::identity && goals.size() * kGoalsPerTouchedGoal <= part.count) {
    const ReadyBlocks* const blocks = coding == Coding::gzip ? ahead_->ready_gzip : ahead_->ready_zstd;
    if (blocks != nullptr) return pack(config, part, *blocks, goals, rows, now);
  }
  return encode(splice(config, part.begin, part.end, goals, rows, now), coding);
}

Body ChallengeJson::all(const Config& config, PlayerRows rows, Instant now, Coding coding) const {
  return render(config, {0, place(text_), 0, static_cast<std::uint32_t>(goals_.size())}, rows, now, coding);
}

Body ChallengeJson::one(const Config& config, const Challenge& challenge, PlayerRows rows, Instant now, Coding coding) const {
  const ChallengePlace& where = challenges_[challenge.index];
  return render(config, {where.begin, where.end, challenge.first_goal, challenge.goal_count}, rows, now, coding);
}

Body ChallengeJson::active(const Config& config, PlayerRows rows, Instant now, Coding coding) const {
  Body body;
  Expiries expiries(now);
  const std::string_view frame = without_goals_;
  std::uint32_t begin = 0;  // of what of the frame is still to come
  for (const PlayerRow& player_row : rows) {
    if (!player_row.row.is_active) continue;
    const Goal& goal = config.goal(player_row.goal);
    const Challenge& challenge = config.challenge_of(goal);
    if (const std::uint32_t goals = challenges_[challenge.index].goals; goals != begin) {
      body.append_view(frame.substr(begin, goals - begin));
      begin = goals;
    } else {
      body.append_copy(",");
    }
    const bool locked = !goal.prerequisites.empty() && is_locked(config, goal, rows, now);
    body.append_view(text(goals_[goal.index].begin, goals_[goal.index].tail));
    body.append_copy(tail_of(display(goal, &player_row.row, now), locked, expiries.of(goal)).view());
  }
  body.append_view(frame.substr(begin));
  return encode(std::move(body), coding);
}

}  // namespace gauntlet::service
