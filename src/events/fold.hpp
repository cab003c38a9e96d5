#pragma once
// Many events of one player and one key become one change, such that applying the change once equals applying the events
// one by one in their order, whatever rule a goal has.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "events/event.hpp"

namespace gauntlet::events {

/// Parallel columns, one entry a change, ordered by (user, key): the order in which rows are locked, the same in every
/// replica. `user` points into the events.
///
/// A value that is older, by its event's own time, than one before it is left out. But the row may hold a value newer than
/// the first ones of a change, taken from another replica or an earlier batch: then the change begins with its first value
/// that is not older than the row's. Its later beginnings are listed in the steps.
struct Changes {
  std::vector<std::string_view> user;
  std::vector<GoalKey> key;
  std::vector<std::int32_t> count;                           // events
  std::vector<std::optional<std::int32_t>> last;             // the last usable value; nothing when no event had one
  std::vector<std::int32_t> highest;                         // of the usable values: a target that was met on the way stays met
  std::vector<bool> varied;                                  // the usable values differ, so that the row changed on the way
  std::vector<std::int32_t> baseline;                        // value before the first usable one: where relative progress starts
  std::vector<std::optional<postgres::Timestamp>> first_at;  // time of the first usable value; nothing: its event has none
  std::vector<std::optional<postgres::Timestamp>> last_at;   // and of the last
  std::vector<std::int32_t> first_step;                      // position of its first step, from 1; 0: it has none

  struct Steps {
    std::vector<postgres::Timestamp> at;  // ascending within a change
    std::vector<std::int32_t> highest;    // what the change is when it begins here
    std::vector<bool> varied;
    std::vector<std::int32_t> baseline;
    std::vector<std::int32_t> last_step;  // position of the change's last step
  };
  Steps steps;  // of changes whose values have different times

  std::size_t size() const { return user.size(); }
  void clear();
};

/// Folds the events whose place in `counts` is true (an empty `counts` stands for all).
///
///   folder.start(events, counts);
///   while (folder.next(changes)) apply(changes);
///
/// One round is all there is, unless a player's values of one statistic come partly with and partly without a time: those
/// have no common order, and each change of kind begins a further round. O(n log n) a round; keeps its memory.
class Folder {
 public:
  /// `events` stay where they are until next() has answered false.
  void start(std::span<const Event> events, const std::vector<bool>& counts);
  /// Replaces `changes` by the next round's; false when there is none.
  bool next(Changes& changes);

 private:
  struct Value {
    postgres::Timestamp at;
    std::int32_t progress;
    std::int32_t baseline;
  };
  void add_steps(Changes& changes);

  std::span<const Event> events_;
  std::vector<std::uint32_t> order_;  // of this round, by (user, key, arrival)
  std::vector<std::uint32_t> later_;  // of the next one
  std::vector<Value> values_;         // with a time, of the change being folded
};

}  // namespace gauntlet::events
