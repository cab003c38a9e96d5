#pragma once
// Who waits for a connection of a pool, and whose turn it is.
#include <algorithm>
#include <cstddef>
#include <deque>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/event_loop.hpp"
#include "postgres/pool.hpp"

namespace gauntlet::postgres {

/// A call that waits for its turn on a connection that no transaction holds.
struct Parked {
  std::vector<Execution> group;
  ResultsCallback callback;
  Asker asker;
};

/// The calls that wait: each line in order, and the lines by turns.
class WaitingRoom {
 public:
  using TimePoint = base::EventLoop::Clock::time_point;

  bool empty() const { return turns_.empty(); }
  std::size_t statements() const { return statements_; }

  void add(Parked call, TimePoint now) {
    ++calls_;
    statements_ += call.group.size();
    Line& line = lines_[call.asker.line];
    if (line.calls.empty()) begin_turn(line, call.asker.line, now);
    line.calls.push_back(std::move(call));
  }

  /// Of the line whose turn it is, which then waits for its next one.
  Parked take_next(TimePoint now) {
    const std::size_t key = turns_.front();
    turns_.pop_front();
    const auto found = lines_.find(key);
    Line& line = found->second;
    Parked call = std::move(line.calls.front());
    line.calls.pop_front();
    if (line.calls.empty()) {
      lines_.erase(found);
    } else {
      begin_turn(line, key, now);
    }
    --calls_;
    statements_ -= call.group.size();
    return call;
  }

  /// The newest of the longest line, where that is longer than `line`'s would be with one more.
  std::optional<Parked> take_from_longer_than(std::size_t line) {
    if (turns_.size() == calls_) return std::nullopt;  // nobody waits twice
    const auto longest = std::max_element(lines_.begin(), lines_.end(),
                                          [](const auto& a, const auto& b) { return a.second.calls.size() < b.second.calls.size(); });
    const auto own = lines_.find(line);
    if (longest->second.calls.size() <= 1 + (own == lines_.end() ? 0 : own->second.calls.size())) return std::nullopt;
    Parked call = std::move(longest->second.calls.back());
    longest->second.calls.pop_back();
    statements_ -= call.group.size();
    --calls_;
    return call;
  }

  /// Since when the line whose turn is next has waited for it.
  std::optional<TimePoint> waiting_since() const {
    if (turns_.empty()) return std::nullopt;
    return lines_.at(turns_.front()).in_turn_since;
  }

 private:
  struct Line {
    std::deque<Parked> calls;
    TimePoint in_turn_since;
  };
  void begin_turn(Line& line, std::size_t key, TimePoint now) {
    line.in_turn_since = now;
    turns_.push_back(key);
  }

  std::unordered_map<std::size_t, Line> lines_;  // none is empty
  std::deque<std::size_t> turns_;                // the lines' keys, next first
  std::size_t calls_ = 0;
  std::size_t statements_ = 0;
};

}  // namespace gauntlet::postgres
