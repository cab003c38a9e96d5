#pragma once
// Which goals an event touches, prepared for the database: each stat code is a small number, and each goal a row that
// says under which number it listens and what happens to its progress.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "challenge/config.hpp"
#include "events/event.hpp"

namespace gauntlet::events {

/// What the statement does to a row; the numbers are those in its SQL.
enum class Effect : std::int32_t {
  take_value = 1,           // progress = value
  count = 2,                // progress + events
  count_daily = 3,          // progress + 1, once a UTC day
  complete = 4,             // progress = 1, completed
  take_value_relative = 5,  // progress = value, counted from a baseline
  count_relative = 6,       // progress + events, counted from a baseline of 0
};

/// One row of the statement's goal table.
struct GoalRow {
  std::string goal_id;
  std::string challenge_id;
  GoalKey key;
  Effect effect;
  std::int32_t target;
  std::int32_t reset_schedule;  // when progress starts over; 0: never; 1 daily, 2 weekly, 3 monthly
  bool reselect;                // a claimed row starts over as well
  std::int32_t schedule;        // of the rotation, for expires_at; 0: none
};

/// Immutable; any thread.
class GoalKeys {
 public:
  explicit GoalKeys(const challenge::Config& config);

  /// Nothing when no goal listens to it.
  std::optional<GoalKey> of_stat(std::string_view stat_code) const;
  /// Some goal listens to logins.
  bool listens_to_logins() const { return listens_to_logins_; }
  /// Applying an event of this key twice differs from applying it once.
  bool counts(GoalKey key) const { return counts_[static_cast<std::size_t>(key)]; }
  /// Some goal of this key takes the event's value.
  bool takes_value(GoalKey key) const { return takes_value_[static_cast<std::size_t>(key)]; }

  const std::vector<GoalRow>& rows() const { return rows_; }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  std::unordered_map<std::string, GoalKey, Hash, std::equal_to<>> key_by_stat_;
  bool listens_to_logins_ = false;
  std::vector<bool> counts_;
  std::vector<bool> takes_value_;
  std::vector<GoalRow> rows_;
};

}  // namespace gauntlet::events
