#include "events/fold.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace gauntlet::events {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

Event stat(std::string user, GoalKey key, double value, double increment = 1) {
  Event event;
  event.user_id = std::move(user);
  event.key = key;
  event.value = value;
  event.increment = increment;
  return event;
}

Event at(std::int64_t time, Event event) {
  event.at = postgres::Timestamp{time};
  return event;
}

Changes fold(const std::vector<Event>& events, const std::vector<bool>& counts = {}) {
  static Folder folder;
  Changes changes;
  folder.start(events, counts);
  EXPECT_TRUE(folder.next(changes));
  Changes nothing;
  EXPECT_FALSE(folder.next(nothing));
  return changes;
}

TEST(Folder, makes_one_change_of_each_player_and_key_ordered_by_both) {
  const std::vector<Event> events{stat("b", 2, 1), stat("a", 2, 1), stat("b", 1, 1), stat("a", 2, 1)};
  const Changes changes = fold(events);
  EXPECT_EQ(changes.user, (std::vector<std::string_view>{"a", "b", "b"}));
  EXPECT_EQ(changes.key, (std::vector<GoalKey>{2, 1, 2}));
  EXPECT_EQ(changes.count, (std::vector<std::int32_t>{2, 1, 1}));
}

TEST(Folder, keeps_the_last_value_the_highest_and_what_came_before_the_first) {
  const std::vector<Event> events{stat("a", 1, 7, 2), stat("a", 1, 9.9), stat("a", 1, 3)};
  const Changes changes = fold(events);
  EXPECT_EQ(changes.last[0], 3);
  EXPECT_EQ(changes.highest[0], 9);
  EXPECT_EQ(changes.baseline[0], 5);
  EXPECT_TRUE(changes.varied[0]);
}

TEST(Folder, counts_unusable_values_but_takes_none_of_them) {
  const std::vector<Event> events{stat("a", 1, -5), stat("a", 1, std::nan("")), stat("a", 1, kInfinity), stat("a", 1, -kInfinity),
                                  stat("b", 1, -5), stat("b", 1, 4, 1),         stat("b", 1, -1)};
  const Changes changes = fold(events);
  EXPECT_EQ(changes.count, (std::vector<std::int32_t>{4, 3}));
  EXPECT_EQ(changes.last[0], std::nullopt);
  EXPECT_EQ(changes.last[1], 4);
  EXPECT_EQ(changes.baseline[1], 3);
  EXPECT_FALSE(changes.varied[1]);
}

TEST(Folder, clamps_to_int32) {
  constexpr auto kMax = std::numeric_limits<std::int32_t>::max();
  const std::vector<Event> events{stat("a", 1, 5e12, 1), stat("b", 1, 1, 1e300), stat("c", 1, 7, kInfinity)};
  const Changes changes = fold(events);
  EXPECT_EQ(changes.last[0], kMax);
  EXPECT_EQ(changes.baseline[0], kMax);
  EXPECT_EQ(changes.baseline[1], std::numeric_limits<std::int32_t>::min());
  EXPECT_EQ(changes.baseline[2], 7) << "an infinite increment is none";
}

TEST(Folder, leaves_out_events_that_do_not_count) {
  const std::vector<Event> events{stat("a", 1, 1), stat("a", 1, 2), stat("b", 1, 3)};
  const Changes changes = fold(events, {true, false, false});
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes.last[0], 1);
}

TEST(Folder, leaves_out_values_that_come_after_newer_ones_but_counts_their_events) {
  const Changes changes = fold({at(20, stat("a", 1, 7)), at(10, stat("a", 1, 2)), at(30, stat("a", 1, 9))});
  EXPECT_EQ(changes.count[0], 3);
  EXPECT_EQ(changes.last[0], 9);
  EXPECT_EQ(changes.highest[0], 9);
  EXPECT_EQ(changes.first_at[0]->microseconds, 20);
  EXPECT_EQ(changes.last_at[0]->microseconds, 30);
}

TEST(Folder, says_what_is_left_of_a_change_that_begins_later) {
  const Changes changes =
      fold({at(5, stat("a", 1, 1)), at(10, stat("b", 1, 7, 2)), at(20, stat("b", 1, 3, 1)), at(30, stat("b", 1, 9, 4))});
  EXPECT_EQ(changes.first_step, (std::vector<std::int32_t>{0, 1}));
  EXPECT_EQ(changes.steps.last_step, (std::vector<std::int32_t>{3, 3, 3}));
  EXPECT_EQ(changes.steps.highest, (std::vector<std::int32_t>{9, 9, 9}));
  EXPECT_EQ(changes.steps.varied, (std::vector<bool>{true, true, false}));
  EXPECT_EQ(changes.steps.baseline, (std::vector<std::int32_t>{5, 2, 5}));
}

TEST(Folder, keeps_values_with_and_without_a_time_apart) {
  const std::vector<Event> events{at(10, stat("a", 1, 1)), stat("a", 1, 2), stat("a", 1, 3), at(5, stat("a", 1, 4)), stat("b", 1, 5)};
  Folder folder;
  folder.start(events, {});
  std::vector<std::vector<std::int32_t>> rounds;
  for (Changes changes; folder.next(changes);) {
    auto& round = rounds.emplace_back();
    for (const auto& last : changes.last) round.push_back(*last);
  }
  EXPECT_EQ(rounds, (std::vector<std::vector<std::int32_t>>{{1, 5}, {3}, {4}}));
}

TEST(Folder, a_login_has_no_value) {
  Event login;
  login.user_id = "a";
  const Changes changes = fold({login, login});
  EXPECT_EQ(changes.count[0], 2);
  EXPECT_EQ(changes.last[0], std::nullopt);
}

}  // namespace
}  // namespace gauntlet::events
