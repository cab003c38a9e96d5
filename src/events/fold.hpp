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
struct Changes {
  std::vector<std::string_view> user;
  std::vector<GoalKey> key;
  std::vector<std::int32_t> count;                // events
  std::vector<std::optional<std::int32_t>> last;  // the last usable value; nothing when no event had one
  std::vector<std::int32_t> lowest;               // of the usable values: a dip below the target on the way is remembered
  std::vector<bool> varied;                       // the usable values differ, so that the row changed on the way
  std::vector<std::int32_t> baseline;             // value before the first usable one: where relative progress starts

  std::size_t size() const { return user.size(); }
  void clear();
};

/// Folds the events whose place in `counts` is true (an empty `counts` stands for all). Replaces `changes`.
/// O(n log n); keeps its memory between calls.
class Folder {
 public:
  void fold(std::span<const Event> events, const std::vector<bool>& counts, Changes& changes);

 private:
  std::vector<std::uint32_t> order_;
};

}  // namespace gauntlet::events
