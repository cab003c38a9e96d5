#include "challenge/progress.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <limits>

#include "support/progress_reference.hpp"
#include "unit/challenge/config_builder.hpp"

namespace gauntlet::challenge {
namespace {

using std::chrono::days;
using std::chrono::hours;
using support::apply_event;
using support::Event;
using support::set_active;

constexpr Rotation kWeeklyReset{Schedule::weekly, true, false};

Row active_row(std::int32_t progress = 0, Status status = Status::not_started, Instant updated = kNow - hours(1)) {
  Row row;
  row.progress = progress;
  row.status = status;
  row.is_active = true;
  row.assigned_at = updated;
  row.updated_at = updated;
  if (status == Status::completed || status == Status::claimed) row.completed_at = updated;
  if (status == Status::claimed) row.claimed_at = updated;
  return row;
}

Event stat(double value, double increment = 1) { return {value, increment, std::nullopt}; }
Event login() { return {std::nullopt, 1, std::nullopt}; }

TEST(Progress, of_an_absolute_goal_is_the_statistics_value) {
  const Goal goal = make_goal("g");
  const auto after = apply_event(goal, active_row(), stat(7.9), kNow);
  ASSERT_TRUE(after);
  EXPECT_EQ(after->progress, 7);
  EXPECT_EQ(after->status, Status::in_progress);
  EXPECT_EQ(after->updated_at, kNow);
  const auto done = apply_event(goal, *after, stat(10), kNow + hours(1));
  ASSERT_TRUE(done);
  EXPECT_EQ(done->status, Status::completed);
  EXPECT_EQ(done->completed_at, kNow + hours(1));
}

TEST(Progress, of_a_completed_goal_stays_completed_when_a_lower_value_follows) {
  const Goal goal = make_goal("g");
  const Row done = *apply_event(goal, active_row(), stat(10), kNow);
  const auto further = apply_event(goal, done, stat(12), kNow + hours(1));
  ASSERT_TRUE(further);
  EXPECT_EQ(further->completed_at, kNow);
  const auto fallen = apply_event(goal, *further, stat(3), kNow + hours(2));
  ASSERT_TRUE(fallen);
  EXPECT_EQ(fallen->progress, 3) << "progress shows the value";
  EXPECT_EQ(fallen->status, Status::completed);
  EXPECT_EQ(fallen->completed_at, kNow);
  EXPECT_TRUE(is_met(goal, &*fallen, kNow + hours(2)));
}

TEST(Progress, of_a_completed_relative_goal_stays_completed_until_its_rotation_ends) {
  const Goal goal = make_rotating_goal("g", kWeeklyReset, ProgressRule::relative, 10);
  Row row = *apply_event(goal, active_row(), stat(110, 10), kNow);
  ASSERT_EQ(row.status, Status::completed);
  row = *apply_event(goal, row, stat(104, 0), kNow);
  EXPECT_EQ(row.status, Status::completed);
  EXPECT_EQ(display(goal, &row, kNow).progress, 4);
  EXPECT_EQ(apply_event(goal, row, stat(105, 1), kNow + days(7))->status, Status::in_progress);
}

TEST(Progress, ignores_values_that_are_negative_infinite_or_no_number_and_clamps_huge_ones) {
  const Goal goal = make_goal("g");
  EXPECT_FALSE(apply_event(goal, active_row(), stat(-4), kNow));
  EXPECT_FALSE(apply_event(goal, active_row(), stat(std::nan("")), kNow));
  EXPECT_EQ(apply_event(goal, active_row(), stat(5e12), kNow)->progress, std::numeric_limits<std::int32_t>::max());
  EXPECT_EQ(apply_event(goal, active_row(), stat(1.7e308), kNow)->progress, std::numeric_limits<std::int32_t>::max());
  for (const double infinity : {std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()})
    EXPECT_FALSE(apply_event(goal, active_row(), stat(infinity), kNow));
}

TEST(Progress, of_a_relative_goal_takes_an_increment_that_is_no_number_as_none) {
  const Goal goal = make_goal("g", ProgressRule::relative, 10);
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  for (const double increment : {kInfinity, -kInfinity, std::nan("")}) {
    const Row row = *apply_event(goal, active_row(), stat(50, increment), kNow);
    EXPECT_EQ(row.baseline_value, 50) << increment;
    EXPECT_EQ(row.status, Status::in_progress) << increment;
  }
  EXPECT_EQ(apply_event(goal, active_row(), stat(50, 1e300), kNow)->status, Status::completed) << "a huge one saturates";
}

TEST(Progress, of_an_increment_goal_counts_events_whatever_their_value) {
  const Goal goal = make_goal("g", ProgressRule::increment, 3);
  Row row = active_row();
  for (const double value : {100.0, -7.0, 0.0}) row = *apply_event(goal, row, stat(value), kNow);
  EXPECT_EQ(row.progress, 3);
  EXPECT_EQ(row.status, Status::completed);
  row.progress = std::numeric_limits<std::int32_t>::max();
  EXPECT_FALSE(apply_event(goal, row, login(), kNow)) << "it cannot grow beyond int32";
}

TEST(Progress, of_a_daily_increment_counts_once_a_utc_day) {
  const Goal goal = make_goal("g", ProgressRule::increment_daily, 3);
  const Row fresh = active_row(0, Status::not_started, kNow);
  const auto first = apply_event(goal, fresh, login(), kNow);
  ASSERT_TRUE(first) << "a row created today has counted nothing yet";
  EXPECT_FALSE(apply_event(goal, *first, login(), at("2026-11-25T23:59:59Z")));
  const auto second = apply_event(goal, *first, login(), at("2026-11-26T00:00:00Z"));
  ASSERT_TRUE(second);
  EXPECT_EQ(second->progress, 2);
}

TEST(Progress, of_a_daily_goal_completes_at_the_first_event_even_with_a_negative_value) {
  const Goal goal = make_goal("g", ProgressRule::daily, 1);
  const auto after = apply_event(goal, active_row(), stat(-4), kNow);
  ASSERT_TRUE(after);
  EXPECT_EQ(after->progress, 1);
  EXPECT_EQ(after->status, Status::completed);
  EXPECT_FALSE(apply_event(goal, *after, stat(9), at("2026-11-25T23:59:59Z"))) << "nothing would change";
}

TEST(Progress, of_a_daily_goal_is_of_its_utc_day_whether_completed_or_claimed) {
  const Goal goal = make_goal("g", ProgressRule::daily, 1);
  const Instant before_midnight = at("2026-11-25T23:59:59Z"), midnight = at("2026-11-26T00:00:00Z");
  const Row completed = *apply_event(goal, active_row(), login(), kNow);
  Row claimed = completed;
  claimed.status = Status::claimed;
  claimed.claimed_at = claimed.updated_at = before_midnight;
  for (const Row& row : {completed, claimed}) {
    EXPECT_EQ(display(goal, &row, before_midnight).status, row.status);
    EXPECT_EQ(display(goal, &row, midnight), (Display{0, Status::not_started, true, {}, {}}));
    EXPECT_FALSE(is_met(goal, &row, midnight));
    const Row again = *apply_event(goal, row, login(), midnight);
    EXPECT_EQ(again.status, Status::completed);
    EXPECT_EQ(again.completed_at, midnight);
    EXPECT_FALSE(again.claimed_at);
  }
  EXPECT_FALSE(apply_event(goal, claimed, login(), before_midnight)) << "claimed for today";
  EXPECT_FALSE(expires_at(goal, kNow)) << "it has no rotation to show";
}

TEST(Progress, of_a_daily_goal_is_of_its_day_whatever_its_rotation_says) {
  const Goal goal = make_rotating_goal("g", {Schedule::monthly, false, false}, ProgressRule::daily, 1);
  const Row row = active_row(1, Status::claimed, kNow - days(1));
  EXPECT_EQ(display(goal, &row, kNow).status, Status::not_started);
  EXPECT_EQ(expires_at(goal, kNow), at("2026-12-01T00:00:00Z"));
}

TEST(Progress, of_a_relative_goal_counts_from_the_value_before_its_first_event) {
  const Goal goal = make_rotating_goal("g", kWeeklyReset, ProgressRule::relative, 10);
  Row row = *apply_event(goal, active_row(), stat(105, 5), kNow);
  EXPECT_EQ(row.baseline_value, 100);
  EXPECT_EQ(display(goal, &row, kNow).progress, 5);
  row = *apply_event(goal, row, stat(110, 5), kNow);
  EXPECT_EQ(row.status, Status::completed);
  EXPECT_EQ(display(goal, &row, kNow).progress, 10);
  const Instant next_week = kNow + days(7);
  EXPECT_EQ(display(goal, &row, next_week).progress, 0);
  row = *apply_event(goal, row, stat(111, 1), next_week);
  EXPECT_EQ(row.baseline_value, 110);
  EXPECT_EQ(row.status, Status::in_progress);
  EXPECT_EQ(display(goal, &row, next_week).progress, 1);
}

TEST(Progress, of_a_relative_goal_fed_by_logins_counts_from_zero) {
  Goal goal = make_rotating_goal("g", kWeeklyReset, ProgressRule::relative, 2);
  goal.source = EventSource::login;
  Row row = *apply_event(goal, active_row(), login(), kNow);
  EXPECT_EQ(row.baseline_value, 0);
  row = *apply_event(goal, row, login(), kNow);
  EXPECT_EQ(row.status, Status::completed);
  row = *apply_event(goal, row, login(), kNow + days(7));
  EXPECT_EQ(row.progress, 1);
  EXPECT_EQ(row.status, Status::in_progress);
}

TEST(Progress, of_a_relative_goal_is_hidden_while_the_baseline_is_unset_and_never_negative) {
  const Goal goal = make_goal("g", ProgressRule::relative, 10);
  Row row = active_row(50, Status::in_progress);
  EXPECT_EQ(display(goal, &row, kNow).progress, 0);
  row.baseline_value = 60;
  EXPECT_EQ(display(goal, &row, kNow).progress, 0);
}

TEST(Progress, does_not_move_inactive_or_claimed_rows) {
  const Goal goal = make_goal("g");
  Row inactive = active_row();
  inactive.is_active = false;
  EXPECT_FALSE(apply_event(goal, inactive, stat(10), kNow));
  EXPECT_FALSE(apply_event(goal, active_row(10, Status::claimed), stat(20), kNow));
}

TEST(Progress, is_not_written_when_nothing_changes) {
  const Goal goal = make_goal("g");
  EXPECT_FALSE(apply_event(goal, active_row(4, Status::in_progress), stat(4), kNow));
}

TEST(Rotation, resets_a_stale_row_on_display_and_for_real) {
  const Goal goal = make_rotating_goal("g", kWeeklyReset);
  Row row = active_row(12, Status::completed, kNow - days(7));
  row.baseline_value = 3;
  EXPECT_EQ(display(goal, &row, kNow), (Display{0, Status::not_started, true, {}, {}}));
  const Row reset = current(goal, row, kNow);
  EXPECT_EQ(reset.progress, 0);
  EXPECT_EQ(reset.status, Status::not_started);
  EXPECT_FALSE(reset.completed_at || reset.claimed_at || reset.baseline_value);
  EXPECT_TRUE(reset.is_active);
  EXPECT_EQ(reset.assigned_at, row.assigned_at);
  EXPECT_EQ(reset.expires_at, at("2026-11-30T00:00:00Z"));
  EXPECT_EQ(reset.updated_at, kNow);
}

TEST(Rotation, leaves_a_stale_row_that_is_not_to_be_reset) {
  const Goal goal = make_rotating_goal("g", {Schedule::weekly, false, true});
  const Row row = active_row(12, Status::completed, kNow - days(7));
  EXPECT_FALSE(is_reset_due(goal, row, kNow));
  EXPECT_EQ(current(goal, row, kNow), row);
}

TEST(Rotation, resets_a_claimed_row_only_with_reselection) {
  const Row claimed = active_row(12, Status::claimed, kNow - days(7));
  const Goal once = make_rotating_goal("g", kWeeklyReset);
  EXPECT_EQ(display(once, &claimed, kNow).status, Status::claimed);
  EXPECT_FALSE(apply_event(once, claimed, stat(20), kNow));
  const Goal again = make_rotating_goal("g", {Schedule::weekly, true, true});
  EXPECT_EQ(display(again, &claimed, kNow).status, Status::not_started);
  EXPECT_EQ(apply_event(again, claimed, stat(20), kNow)->status, Status::completed);
}

TEST(Activation, creates_a_row_and_leaves_progress_alone) {
  const Goal goal = make_rotating_goal("g", kWeeklyReset);
  const Row created = set_active(goal, nullptr, false, kNow);
  EXPECT_FALSE(created.is_active || created.assigned_at || created.expires_at);
  const Row row = active_row(4, Status::in_progress);
  const Row off = set_active(goal, &row, false, kNow);
  EXPECT_EQ(off.assigned_at, row.assigned_at);
  EXPECT_EQ(off.progress, 4);
  const Row on = set_active(goal, &off, true, kNow);
  EXPECT_EQ(on.assigned_at, kNow);
  EXPECT_EQ(on.expires_at, at("2026-11-30T00:00:00Z"));
  EXPECT_EQ(on.updated_at, row.updated_at) << "activating is no progress: rotations go by updated_at";
}

TEST(Locks, open_when_every_prerequisite_is_completed_or_claimed) {
  Goal dependent = make_goal("d");
  dependent.prerequisites = {0, 1};
  const Config config = make_config({{make_goal("a"), make_goal("b")}, {dependent}});
  const Goal& goal = config.goal(2);
  std::vector<PlayerRow> rows = {{0, active_row(10, Status::claimed)}};
  EXPECT_TRUE(is_locked(config, goal, rows, kNow));
  rows.push_back({1, active_row(3, Status::in_progress)});
  EXPECT_TRUE(is_locked(config, goal, rows, kNow));
  rows[1].row = active_row(10, Status::completed);
  EXPECT_FALSE(is_locked(config, goal, rows, kNow));
}

TEST(Locks, close_again_when_the_prerequisite_has_rotated) {
  Goal dependent = make_goal("d");
  dependent.prerequisites = {0};
  const Config config = make_config({{make_rotating_goal("a", kWeeklyReset), dependent}});
  const std::vector<PlayerRow> rows = {{0, active_row(10, Status::completed, kNow - days(1))}};
  EXPECT_FALSE(is_locked(config, config.goal(1), rows, kNow));
  EXPECT_TRUE(is_locked(config, config.goal(1), rows, kNow + days(7)));
}

// ---- properties over any goal, any history of events and any time ----

Goal any_goal() {
  Goal goal = make_goal("g",
                        *rc::gen::element(ProgressRule::absolute, ProgressRule::increment, ProgressRule::increment_daily,
                                          ProgressRule::daily, ProgressRule::relative),
                        *rc::gen::inRange(1, 6));
  if (*rc::gen::arbitrary<bool>()) {
    goal.rotation = Rotation{*rc::gen::element(Schedule::daily, Schedule::weekly, Schedule::monthly), *rc::gen::arbitrary<bool>(),
                             *rc::gen::arbitrary<bool>()};
  }
  return goal;
}

/// A step of a player's life: time passes, then an event, an activation or a claim.
struct Life {
  Goal goal = any_goal();
  Instant now = Instant(std::chrono::seconds(*rc::gen::inRange<std::int64_t>(1'700'000'000, 1'900'000'000)));
  Row row = new_row(goal, true, now);

  /// Returns false when the step left the row as it was.
  bool step() {
    now += std::chrono::seconds(*rc::gen::element<std::int64_t>(0, 1, 3600, 86'400, 7 * 86'400, 31 * 86'400));
    switch (*rc::gen::inRange(0, 8)) {
      case 0: row = set_active(goal, &row, *rc::gen::arbitrary<bool>(), now); return true;
      case 1:
        row = current(goal, row, now);
        if (row.status == Status::completed) {
          row.status = Status::claimed;
          row.claimed_at = row.updated_at = now;
        }
        return true;
      default: break;
    }
    const Event event = *rc::gen::arbitrary<bool>() ? stat(*rc::gen::inRange(-3, 12), *rc::gen::inRange(0, 3)) : login();
    const auto next = apply_event(goal, row, event, now);
    if (next) row = *next;
    return next.has_value();
  }
};

RC_GTEST_PROP(Progress, keeps_the_tables_constraints_through_any_history, ()) {
  Life life;
  for (int i = *rc::gen::inRange(1, 25); i > 0; --i) {
    life.step();
    RC_ASSERT(life.row.progress >= 0);
    RC_ASSERT(!life.row.claimed_at || life.row.completed_at);
    const bool done = life.row.status == Status::completed || life.row.status == Status::claimed;
    RC_ASSERT(done == life.row.completed_at.has_value());
    RC_ASSERT((life.row.status == Status::claimed) == life.row.claimed_at.has_value());
    RC_ASSERT(display(life.goal, &life.row, life.now).progress >= 0);
  }
}

RC_GTEST_PROP(Progress, of_a_completed_goal_is_lost_to_nothing_but_a_claim_or_a_new_start, ()) {
  Life life;
  for (int i = *rc::gen::inRange(1, 25); i > 0; --i) {
    const Row before = life.row;
    life.step();
    if (before.status != Status::completed || is_reset_due(life.goal, before, life.now)) continue;
    RC_ASSERT(life.row.status == Status::completed || life.row.status == Status::claimed);
    RC_ASSERT(life.row.completed_at == before.completed_at);
  }
}

RC_GTEST_PROP(Progress, never_unclaims_without_reselection, ()) {
  Life life;
  if (life.goal.rule == ProgressRule::daily) life.goal.rule = ProgressRule::increment;  // starts over each day
  life.goal.rotation =
      Rotation{*rc::gen::element(Schedule::daily, Schedule::weekly, Schedule::monthly), *rc::gen::arbitrary<bool>(), false};
  bool claimed = false;
  for (int i = *rc::gen::inRange(1, 25); i > 0; --i) {
    life.step();
    claimed = claimed || life.row.status == Status::claimed;
    RC_ASSERT(!claimed || life.row.status == Status::claimed);
    RC_ASSERT(!claimed || display(life.goal, &life.row, life.now + days(40)).status == Status::claimed);
  }
}

RC_GTEST_PROP(Progress, shows_what_initialize_would_store, ()) {
  Life life;
  for (int i = *rc::gen::inRange(1, 25); i > 0; --i) life.step();
  const Instant later = life.now + std::chrono::seconds(*rc::gen::inRange<std::int64_t>(0, 40 * 86'400));
  const Row stored = current(life.goal, life.row, later);
  RC_ASSERT(display(life.goal, &life.row, later) == display(life.goal, &stored, later));
  RC_ASSERT(current(life.goal, stored, later) == stored);
}

RC_GTEST_PROP(Progress, moves_from_what_is_shown, ()) {
  // What an event makes of a row is what it makes of the row as shown: a passed rotation is applied first.
  Life life;
  for (int i = *rc::gen::inRange(1, 25); i > 0; --i) life.step();
  const Instant later = life.now + std::chrono::seconds(*rc::gen::inRange<std::int64_t>(0, 40 * 86'400));
  const Event event = stat(*rc::gen::inRange(-3, 12), 1);
  const auto direct = apply_event(life.goal, life.row, event, later);
  const Row stored = current(life.goal, life.row, later);
  const auto through = apply_event(life.goal, stored, event, later);
  RC_ASSERT(display(life.goal, direct ? &*direct : &stored, later) == display(life.goal, through ? &*through : &stored, later));
}

}  // namespace
}  // namespace gauntlet::challenge
