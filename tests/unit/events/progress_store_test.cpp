// The statements against the domain's own rules, on a real PostgreSQL: whatever the batching, the table must come out as
// if every event had been applied by support::apply_event one after the other, each id once.
//   RC_PARAMS="max_success=N"   how many random histories (default 100)
#include "events/postgres_progress_store.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <limits>
#include <map>
#include <optional>
#include <ostream>
#include <random>
#include <set>
#include <sstream>

#include "challenge/progress.hpp"
#include "events/progress_sql.hpp"
#include "postgres/blocking_connection.hpp"
#include "support/private_postgres.hpp"
#include "support/progress_reference.hpp"

namespace gauntlet::events {
namespace {

using namespace std::chrono_literals;
using challenge::Goal;
using challenge::Instant;
using challenge::ProgressRule;
using challenge::Row;
using challenge::Status;
using postgres::BlockingConnection;

const postgres::Statement kReadRows(
    "SELECT user_id, goal_id, progress, status, is_active, completed_at, claimed_at, assigned_at, expires_at,"
    " baseline_value, updated_at, value_at FROM user_goal_progress ORDER BY user_id, goal_id",
    {});

std::optional<postgres::Timestamp> timestamp(std::optional<Instant> instant) {
  if (!instant) return std::nullopt;
  return postgres::Timestamp{instant->time_since_epoch().count()};
}
std::optional<Instant> instant(std::optional<postgres::Timestamp> time) {
  if (!time) return std::nullopt;
  return Instant(std::chrono::microseconds(time->microseconds));
}

using Table = std::map<std::pair<std::string, std::string>, Row>;

std::string describe(const Row& row) {
  std::ostringstream out;
  const auto time = [](std::optional<Instant> at) { return at ? std::to_string(at->time_since_epoch().count()) : "null"; };
  out << "progress " << row.progress << ", " << challenge::to_string(row.status) << (row.is_active ? ", active" : ", inactive")
      << ", completed " << time(row.completed_at) << ", claimed " << time(row.claimed_at) << ", assigned " << time(row.assigned_at)
      << ", expires " << time(row.expires_at) << ", baseline " << (row.baseline_value ? std::to_string(*row.baseline_value) : "null")
      << ", updated " << time(row.updated_at) << ", value of " << time(row.value_at);
  return out.str();
}

/// Every rule, source and kind of rotation; targets that a handful of events reach.
challenge::Config every_kind_of_goal() {
  std::vector<Goal> goals;
  const auto add = [&](challenge::EventSource source, const char* stat, ProgressRule rule, int target,
                       std::optional<challenge::Rotation> rotation) {
    Goal goal;
    goal.index = static_cast<challenge::GoalIndex>(goals.size());
    goal.id = "goal-" + std::to_string(goals.size());
    goal.name = goal.id;
    goal.source = source;
    goal.rule = rule;
    goal.requirement.stat_code = stat;
    goal.requirement.target_value = target;
    goal.rotation = rotation;
    goals.push_back(goal);
  };
  using challenge::EventSource;
  using challenge::Rotation;
  using challenge::Schedule;
  const std::optional<Rotation> rotations[] = {std::nullopt,
                                               Rotation{Schedule::daily, true, false},
                                               Rotation{Schedule::daily, true, true},
                                               Rotation{Schedule::weekly, true, true},
                                               Rotation{Schedule::monthly, true, false},
                                               Rotation{Schedule::daily, false, true}};
  for (const auto& rotation : rotations)
    for (const auto rule :
         {ProgressRule::absolute, ProgressRule::increment, ProgressRule::increment_daily, ProgressRule::daily, ProgressRule::relative}) {
      add(EventSource::statistic, "kills", rule, 5, rotation);
      add(EventSource::statistic, "wins", rule, 3, rotation);
      add(EventSource::login, "login_count", rule, 4, rotation);
    }
  challenge::Challenge challenge;
  challenge.id = "challenge";
  challenge.name = "challenge";
  challenge.goal_count = static_cast<std::uint32_t>(goals.size());
  return challenge::Config({challenge}, std::move(goals));
}

class ProgressStoreTest : public testing::Test {
 protected:
  void SetUp() override { connect(config_); }

  void connect(const challenge::Config& config, StoreOptions options = {.name_space = "test"}) {
    store_.reset();
    keys_ = std::make_unique<GoalKeys>(config);
    store_ = std::make_unique<PostgresProgressStore>(loop_, options_, *keys_, options, [this] { return now_; });
    run_until([&] { return store_->is_available(); });
  }

  template <class Condition>
  void run_until(Condition condition) {
    const auto give_up = std::chrono::steady_clock::now() + 30s;
    while (!condition()) {
      ASSERT_LT(std::chrono::steady_clock::now(), give_up) << store_->pool().last_failure();
      loop_.run_once(100ms);
    }
  }

  base::Expected<ProgressStore::Written> write(std::span<const Event> events) {
    std::optional<base::Expected<ProgressStore::Written>> outcome;
    store_->write(events, [&](base::Expected<ProgressStore::Written> done) { outcome = std::move(done); });
    run_until([&] { return outcome.has_value(); });
    return *outcome;
  }

  void insert(const Table& rows) {
    auto* connection = side_connection();
    ASSERT_TRUE(connection->run("DELETE FROM user_goal_progress; DELETE FROM processed_event"));  // no new files: they cost an fsync
    auto row = rows.begin();
    const auto copied =
        connection->copy_in("user_goal_progress",
                            {"user_id", "goal_id", "challenge_id", "namespace", "progress", "status", "is_active", "completed_at",
                             "claimed_at", "assigned_at", "expires_at", "baseline_value", "updated_at", "value_at"},
                            [&](postgres::CopyRows& out) {
                              if (row == rows.end()) return false;
                              const Row& r = row->second;
                              out.add(row->first.first)
                                  .add(row->first.second)
                                  .add("challenge")
                                  .add("test")
                                  .add(r.progress)
                                  .add(challenge::to_string(r.status))
                                  .add(r.is_active)
                                  .add(timestamp(r.completed_at))
                                  .add(timestamp(r.claimed_at))
                                  .add(timestamp(r.assigned_at))
                                  .add(timestamp(r.expires_at))
                                  .add(r.baseline_value)
                                  .add(*timestamp(r.updated_at))
                                  .add(timestamp(r.value_at))
                                  .end_row();
                              return ++row != rows.end();
                            });
    ASSERT_TRUE(copied) << copied.error().message;
  }

  /// Beside the store's, for the test's own reading and writing.
  BlockingConnection* side_connection() {
    if (!side_) side_ = std::move(*BlockingConnection::connect(options_));
    return &*side_;
  }

  Table read() {
    auto result = side_connection()->execute(kReadRows);
    Table table;
    for (const postgres::Row r : *result) {
      Row row;
      row.progress = r.get<std::int32_t>(2);
      row.status = *challenge::parse_status(r.get<std::string_view>(3));
      row.is_active = r.get<bool>(4);
      row.completed_at = instant(r.get<std::optional<postgres::Timestamp>>(5));
      row.claimed_at = instant(r.get<std::optional<postgres::Timestamp>>(6));
      row.assigned_at = instant(r.get<std::optional<postgres::Timestamp>>(7));
      row.expires_at = instant(r.get<std::optional<postgres::Timestamp>>(8));
      row.baseline_value = r.get<std::optional<std::int32_t>>(9);
      row.updated_at = *instant(r.get<postgres::Timestamp>(10));
      row.value_at = instant(r.get<std::optional<postgres::Timestamp>>(11));
      table[{r.get<std::string>(0), r.get<std::string>(1)}] = row;
    }
    return table;
  }

  std::string value(const std::string& sql) {
    auto connection = BlockingConnection::connect(options_);
    auto result = connection->run(sql);
    if (!result) return "error: " + result.error().message;
    return result->rows.empty() ? "" : result->rows[0][0];
  }

  GoalKey key(const char* stat) const { return *keys_->of_stat(stat); }
  Event stat(std::string user, const char* code, double value, double increment = 1) const {
    Event event;
    event.user_id = std::move(user);
    event.key = key(code);
    event.value = value;
    event.increment = increment;
    return event;
  }
  EventId id(int number, bool arrival_day = false) const {
    EventId id;
    id.uuid.bytes[14] = static_cast<unsigned char>(number >> 8);
    id.uuid.bytes[15] = static_cast<unsigned char>(number);
    id.day = {
        static_cast<std::int32_t>(std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now()).time_since_epoch().count())};
    id.arrival_day = arrival_day;
    return id;
  }

  challenge::Config config_ = every_kind_of_goal();
  postgres::ConnectionOptions options_ = support::PrivatePostgres::shared().migrated_database();
  base::EventLoop loop_;
  base::WallTime now_ = std::chrono::sys_days(std::chrono::year(2026) / 11 / 23) + 14h;
  std::unique_ptr<GoalKeys> keys_;
  std::unique_ptr<PostgresProgressStore> store_;
  std::optional<BlockingConnection> side_;
};

/// One-by-one application, and the ids that have been applied.
struct Model {
  const challenge::Config& config;
  const GoalKeys& keys;
  Table rows;
  std::set<std::array<unsigned char, 16>> seen;

  void apply(const Event& event, Instant now) {
    if (event.id && !seen.insert(event.id->uuid.bytes).second) return;
    for (const Goal& goal : config.goals()) {
      const bool login = goal.source == challenge::EventSource::login;
      if (login != (event.key == kLoginKey)) continue;
      if (!login && keys.of_stat(goal.requirement.stat_code) != event.key) continue;
      const auto row = rows.find({event.user_id, goal.id});
      if (row == rows.end()) continue;
      support::Event happened;
      if (!login) happened.value = event.value;
      happened.at = instant(event.at);
      happened.increment = event.increment;
      if (const auto next = support::apply_event(goal, row->second, happened, now)) row->second = *next;
    }
  }
};

Row random_row(const Goal& goal, std::mt19937& random, Instant now) {
  const auto pick = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  Row row;
  row.is_active = pick(8) != 0;
  row.updated_at = now - std::chrono::hours(pick(4) == 0 ? pick(24 * 40) : pick(30));
  row.assigned_at = row.updated_at;
  row.status = static_cast<Status>(pick(4));
  row.progress = row.status == Status::not_started ? 0 : pick(10) == 0 ? 2147483646 : pick(8);
  if (row.status == Status::completed || row.status == Status::claimed) row.completed_at = row.updated_at - 1min;
  if (row.status == Status::claimed) row.claimed_at = row.updated_at;
  if (goal.rotation && pick(2) == 0) row.expires_at = row.updated_at + 5h;
  if (goal.rule == ProgressRule::relative && pick(2) == 0) row.baseline_value = pick(5) - 2;
  if (pick(2) == 0) row.value_at = now + std::chrono::minutes(pick(6) * 40);
  return row;
}

/// Something that happens once, however often it is delivered.
struct Happening {
  int user = 0;
  int what = 0;  // 0 a login, 1 kills, 2 wins
  double value = 0;
  double increment = 1;
  bool has_id = false;         // without one each delivery counts
  bool arrival_day = false;    // its id is remembered under two days
  std::optional<int> minutes;  // its own time, from the history's start; nothing: it carries none
};
struct Batch {
  int minutes_later = 0;        // than the batch before it
  std::vector<int> deliveries;  // positions in `happenings`, modulo their number; a repeated one is a redelivery
};
struct History {
  int start_minute = 0;  // of a week with a month's end in it
  unsigned rows = 0;     // seed of the rows before it
  std::vector<Happening> happenings;
  std::vector<Batch> batches;
};

std::ostream& operator<<(std::ostream& out, const History& history) {
  out << "start minute " << history.start_minute << ", rows of seed " << history.rows;
  for (std::size_t i = 0; i < history.happenings.size(); ++i) {
    const Happening& h = history.happenings[i];
    out << "\n  #" << i << ": user-" << h.user << (h.what == 0 ? " login" : h.what == 1 ? " kills " : " wins ");
    if (h.what != 0) out << h.value << " inc " << h.increment;
    if (h.minutes) out << " at minute " << *h.minutes;
    out << (h.has_id ? h.arrival_day ? ", id of two days" : ", id" : "");
  }
  for (const Batch& batch : history.batches) {
    out << "\n  after " << batch.minutes_later << " minutes:";
    for (const int delivery : batch.deliveries) out << " #" << delivery % static_cast<int>(history.happenings.size());
  }
  return out;
}

rc::Gen<History> any_history() {
  using namespace rc;
  constexpr double no_number = std::numeric_limits<double>::quiet_NaN(), infinite = std::numeric_limits<double>::infinity();
  const auto below = [](int n) { return gen::inRange(0, n); };
  const auto value = gen::weightedOneOf<double>({{7, gen::map(below(9), [](int n) { return static_cast<double>(n); })},
                                                 {2, gen::element(-4.0, 7.9, 5e12, -0.5, no_number, infinite, -infinite)}});
  const auto increment = gen::weightedOneOf<double>(
      {{15, gen::map(below(4), [](int n) { return static_cast<double>(n); })}, {1, gen::element(no_number, infinite, -infinite)}});
  const auto minutes = gen::weightedOneOf<std::optional<int>>(
      {{1, gen::just(std::optional<int>())}, {3, gen::map(below(6), [](int n) { return std::optional<int>(n * 40); })}});
  const auto happening = gen::build<Happening>(gen::set(&Happening::user, below(5)), gen::set(&Happening::what, below(3)),
                                               gen::set(&Happening::value, value), gen::set(&Happening::increment, increment),
                                               gen::set(&Happening::has_id, gen::map(below(4), [](int n) { return n != 0; })),
                                               gen::set(&Happening::arrival_day), gen::set(&Happening::minutes, minutes));
  const auto gap = gen::weightedOneOf<int>({{5, below(90)}, {1, below(60 * 24 * 9)}});
  const auto batch =
      gen::build<Batch>(gen::set(&Batch::minutes_later, gap), gen::set(&Batch::deliveries, gen::mapcat(gen::element(5, 60), [=](int most) {
                          return gen::resize(most, gen::nonEmpty(gen::container<std::vector<int>>(below(1000))));
                        })));
  return gen::build<History>(gen::set(&History::start_minute, below(60 * 24 * 7)),
                             gen::set(&History::rows, gen::cast<unsigned>(below(1'000'000))),
                             gen::set(&History::happenings, gen::nonEmpty(gen::container<std::vector<Happening>>(happening))),
                             gen::set(&History::batches, gen::resize(12, gen::nonEmpty(gen::container<std::vector<Batch>>(batch)))));
}

/// The first difference, in words; empty when there is none.
std::string difference(const Table& expected, const Table& actual) {
  if (expected.size() != actual.size())
    return std::to_string(expected.size()) + " rows expected, " + std::to_string(actual.size()) + " found";
  for (const auto& [where, row] : expected) {
    const auto found = actual.find(where);
    if (found == actual.end()) return "row " + where.first + "/" + where.second + " is gone";
    if (row != found->second)
      return where.first + "/" + where.second + "\n  expected " + describe(row) + "\n  got      " + describe(found->second);
  }
  return {};
}

TEST_F(ProgressStoreTest, any_batching_equals_one_by_one_application) {
  const bool holds = rc::check([this] {
    const History drawn = *any_history();
    const auto start = std::chrono::sys_days(std::chrono::year(2026) / 10 / 28) + std::chrono::minutes(drawn.start_minute);
    now_ = start;
    std::mt19937 random(drawn.rows);
    Model model{config_, *keys_, {}, {}};
    for (int user = 0; user < 4; ++user)  // the fifth has no rows
      for (const Goal& goal : config_.goals())
        if (random() % 5 != 0) model.rows[{"user-" + std::to_string(user), goal.id}] = random_row(goal, random, start);
    insert(model.rows);
    for (const Batch& batch : drawn.batches) {
      now_ += std::chrono::minutes(batch.minutes_later);
      std::vector<Event> events;
      for (const int delivery : batch.deliveries) {
        const auto number = static_cast<std::size_t>(delivery) % drawn.happenings.size();
        const Happening& happening = drawn.happenings[number];
        Event event;
        event.user_id = "user-" + std::to_string(happening.user);
        event.key = happening.what == 0 ? kLoginKey : key(happening.what == 1 ? "kills" : "wins");
        event.value = happening.value;
        event.increment = happening.increment;
        if (happening.minutes) event.at = timestamp(Instant(start + std::chrono::minutes(*happening.minutes)));
        if (happening.has_id) event.id = id(static_cast<int>(number), happening.arrival_day);
        events.push_back(event);
      }
      const auto outcome = write(events);
      if (!outcome) RC_FAIL(outcome.error().message);
      for (const Event& event : events) model.apply(event, std::chrono::floor<std::chrono::microseconds>(now_));
      if (const std::string wrong = difference(model.rows, read()); !wrong.empty()) RC_FAIL(wrong);
    }
  });
  EXPECT_TRUE(holds) << "see above for the smallest history and how to run it again";
}

TEST_F(ProgressStoreTest, an_older_value_never_overwrites_a_newer_one) {
  Row row;
  row.is_active = true;
  row.updated_at = std::chrono::floor<std::chrono::microseconds>(now_);
  insert({{{"ann", "goal-0"}, row}});
  const auto at = [this](int minute, double value) {
    Event event = stat("ann", "kills", value);
    event.at = timestamp(std::chrono::floor<std::chrono::microseconds>(now_) + std::chrono::minutes(minute));
    return event;
  };
  EXPECT_EQ(write(std::vector{at(5, 4)})->rows, 1);
  EXPECT_EQ(write(std::vector{at(3, 2)})->rows, 0);                      // from another batch, or replica
  EXPECT_EQ(write(std::vector{at(3, 2), at(6, 3), at(2, 1)})->rows, 1);  // from the same one
  EXPECT_EQ(value("SELECT progress FROM user_goal_progress"), "3");
  EXPECT_EQ(write(std::vector{at(6, 4)})->rows, 1);                 // as new: the last one counts
  EXPECT_EQ(write(std::vector{stat("ann", "kills", 1)})->rows, 1);  // without a time too
  EXPECT_EQ(write(std::vector{at(4, 9)})->rows, 0);
  EXPECT_EQ(value("SELECT progress FROM user_goal_progress"), "1");
}

TEST_F(ProgressStoreTest, writes_no_row_that_comes_out_the_same) {
  Row row;
  row.is_active = true;
  row.updated_at = std::chrono::floor<std::chrono::microseconds>(now_);
  insert({{{"ann", "goal-0"}, row}});
  const std::vector<Event> events{stat("ann", "kills", 2)};
  EXPECT_EQ(write(events)->rows, 1);
  EXPECT_EQ(write(events)->rows, 0);
}

TEST_F(ProgressStoreTest, says_how_many_were_redelivered) {
  std::vector<Event> events{stat("ann", "kills", 2), stat("ann", "kills", 3), stat("ann", "kills", 3)};
  events[0].id = id(1);
  events[1].id = id(2, true);
  events[2].id = id(2, true);
  EXPECT_EQ(write(events)->redelivered, 1);
  EXPECT_EQ(write(events)->redelivered, 3);
  EXPECT_EQ(value("SELECT count(*) FROM processed_event"), "3");
}

TEST_F(ProgressStoreTest, a_timeless_event_that_comes_again_the_next_day_is_remembered) {
  std::vector<Event> events{stat("ann", "kills", 2)};
  events[0].id = id(1, true);
  EXPECT_EQ(write(events)->redelivered, 0);
  ++events[0].id->day.days;
  EXPECT_EQ(write(events)->redelivered, 1);
}

TEST_F(ProgressStoreTest, a_refused_value_undoes_the_whole_batch_ids_included) {
  std::vector<Event> events{stat("ann", "kills", 2), stat(std::string("b\0b", 3), "kills", 2)};
  events[0].id = id(1);
  const auto outcome = write(events);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().kind, base::ErrorKind::invalid_argument) << outcome.error().message;
  EXPECT_EQ(value("SELECT count(*) FROM processed_event"), "0");
  EXPECT_TRUE(write(std::span(events).first(1)));
}

TEST_F(ProgressStoreTest, creates_the_rows_of_all_goals_touched_when_asked_to) {
  connect(config_, {.name_space = "test", .create_rows = true});
  insert({});
  std::vector<Event> events{stat("ann", "kills", 2), stat("bob", "kills", 1)};
  events[0].id = id(1);
  const auto outcome = write(events);
  ASSERT_TRUE(outcome) << outcome.error().message;
  const auto kills = std::count_if(config_.goals().begin(), config_.goals().end(), [](const Goal& goal) {
    return goal.source == challenge::EventSource::statistic && goal.requirement.stat_code == "kills";
  });
  EXPECT_EQ(value("SELECT count(*) FROM user_goal_progress"), std::to_string(2 * kills));
  EXPECT_EQ(value("SELECT progress FROM user_goal_progress WHERE user_id = 'ann' AND goal_id = 'goal-0'"), "2");
  EXPECT_EQ(value("SELECT DISTINCT namespace || is_active || (assigned_at = '2026-11-23 14:00') FROM user_goal_progress"), "testtruetrue");
}

TEST_F(ProgressStoreTest, two_writers_lose_no_increment) {
  Row row;
  row.is_active = true;
  row.updated_at = std::chrono::floor<std::chrono::microseconds>(now_);
  Table rows;
  for (int user = 0; user < 20; ++user) rows[{"user-" + std::to_string(user), "goal-3"}] = row;  // increment of kills
  insert(rows);
  PostgresProgressStore other(loop_, options_, *keys_, {.name_space = "test"}, [this] { return now_; });
  run_until([&] { return other.is_available(); });
  int running = 0;
  std::mt19937 random(7);
  constexpr int kBatches = 150;
  constexpr int kEvents = 50;
  std::vector<std::vector<Event>> batches;
  for (int i = 0; i < 2 * kBatches; ++i) {
    auto& batch = batches.emplace_back();
    for (int j = 0; j < kEvents; ++j) batch.push_back(stat("user-" + std::to_string(random() % 20), "kills", 1));
  }
  std::function<void(ProgressStore&, std::size_t)> next = [&](ProgressStore& store, std::size_t batch) {
    if (batch >= batches.size()) {
      --running;
      return;
    }
    store.write(batches[batch], [&, batch](base::Expected<ProgressStore::Written> done) {
      ASSERT_TRUE(done) << done.error().message;
      next(store, batch + 2);
    });
  };
  running = 2;
  next(*store_, 0);
  next(other, 1);
  run_until([&] { return running == 0; });
  EXPECT_EQ(value("SELECT sum(progress) FROM user_goal_progress"), std::to_string(2 * kBatches * kEvents));
}

TEST_F(ProgressStoreTest, a_batch_of_before_midnight_that_comes_late_does_not_take_a_row_back_into_yesterday) {
  Row row;
  row.is_active = true;
  row.updated_at = std::chrono::floor<std::chrono::microseconds>(now_);
  insert({{{"ann", "goal-18"}, row}});  // increment of kills, starts over each day
  const std::vector<Event> events{stat("ann", "kills", 1)};
  now_ = std::chrono::sys_days(std::chrono::year(2026) / 11 / 24) + 1s;
  ASSERT_EQ(write(events)->rows, 1);
  now_ -= 2s;
  ASSERT_EQ(write(events)->rows, 1);
  EXPECT_EQ(value("SELECT progress || ' ' || updated_at FROM user_goal_progress"), "2 2026-11-24 00:00:01");
}

TEST_F(ProgressStoreTest, a_claim_in_between_is_not_overwritten) {
  Row row;
  row.is_active = true;
  row.updated_at = std::chrono::floor<std::chrono::microseconds>(now_);
  row.status = Status::completed;
  row.progress = 9;
  row.completed_at = row.updated_at;
  insert({{{"ann", "goal-0"}, row}});
  auto claim = BlockingConnection::connect(options_);
  ASSERT_TRUE(claim->run("BEGIN; SELECT 1 FROM user_goal_progress WHERE user_id = 'ann' FOR UPDATE"));
  const std::vector<Event> events{stat("ann", "kills", 1)};
  std::optional<base::Expected<ProgressStore::Written>> outcome;
  store_->write(events, [&](base::Expected<ProgressStore::Written> done) { outcome = std::move(done); });
  while (value("SELECT count(*) FROM pg_locks WHERE NOT granted") == "0") loop_.run_once(5ms);
  ASSERT_FALSE(outcome);
  ASSERT_TRUE(claim->run("UPDATE user_goal_progress SET status = 'claimed', claimed_at = now() WHERE user_id = 'ann'; COMMIT"));
  run_until([&] { return outcome.has_value(); });
  EXPECT_EQ((*outcome)->rows, 0);
  EXPECT_EQ(value("SELECT progress || status FROM user_goal_progress"), "9claimed");
}

/// The plan must be a nested loop over the primary key whatever the batch's size and the table's, in the arrays' order.
///   GAUNTLET_PLAN_ROWS=N   a table of so many rows, too (make plans; ten million take minutes)
TEST_F(ProgressStoreTest, the_plan_is_pinned_at_every_batch_size) {
  auto connection_options = writer_connection(options_);
  connection_options.statement_timeout = 0ms;
  std::vector<int> sizes{0, 1, 30, 100'000};
  if (const char* rows = std::getenv("GAUNTLET_PLAN_ROWS")) sizes.push_back(std::atoi(rows));
  for (const int table_rows : sizes) {
    auto connection = BlockingConnection::connect(connection_options);
    ASSERT_TRUE(connection);
    ASSERT_TRUE(connection->run("TRUNCATE user_goal_progress"));
    ASSERT_TRUE(
        connection->run("INSERT INTO user_goal_progress (user_id, goal_id, challenge_id, namespace)"
                        " SELECT 'user-' || n / 10, 'goal-' || n % 10, 'c', 'test' FROM generate_series(0, " +
                        std::to_string(table_rows - 1) + ") AS n"));
    for (const bool analyzed : {false, true}) {
      if (analyzed) {
        ASSERT_TRUE(connection->run("ANALYZE user_goal_progress"));
      }
      ASSERT_TRUE(connection->run("DISCARD TEMP"));
      for (const auto& step : session_start(*keys_, 24)) {
        const auto done = connection->execute(*step.statement, step.parameters);
        ASSERT_TRUE(done) << done.error().message;
      }
      std::string types;
      for (const char* type :
           {"text[]", "int4[]", "int4[]", "int4[]", "int4[]", "boolean[]", "int4[]", "timestamp", "timestamp[]", "timestamp[]", "int4",
            "timestamp[]", "timestamp[]", "int4[]", "timestamp[]", "int4[]", "int4[]", "boolean[]", "int4[]"})
        types.append(types.empty() ? "" : ", ").append(type);
      ASSERT_TRUE(connection->run("DEALLOCATE ALL; PREPARE apply (" + types + ") AS " + kApplyChanges.sql()));
      for (const int batch : {10, 100, 1000, 5000}) {
        const std::string n = std::to_string(batch);
        // EXECUTE takes no sub-selects, so the arrays are built first.
        auto arrays = connection->run(
            "SELECT quote_literal(array_agg('user-' || i)), quote_literal(array_agg(1)), quote_literal(array_agg(true)) FROM "
            "generate_series(1, " +
            n + ") AS i");
        ASSERT_TRUE(arrays) << arrays.error().message;
        const std::string users = arrays->rows[0][0], ones = arrays->rows[0][1], trues = arrays->rows[0][2];
        const std::string times = "'{2026-11-23,2026-11-23,2026-11-01}'";
        auto plan = connection->run("EXPLAIN EXECUTE apply (" + users + ", " + ones + ", " + ones + ", " + ones + ", " + ones + ", " +
                                    trues + ", " + ones + ", now(), " + times + ", " + times + ", " + n +
                                    ", NULL, NULL, NULL, '{}', '{}', '{}', '{}', '{}')");
        ASSERT_TRUE(plan) << plan.error().message;
        std::string nodes;
        for (const auto& row : plan->rows)
          for (const char* node :
               {"Nested Loop", "Function Scan on e", "Index Scan using user_goal_progress_pkey on user_goal_progress p",
                "Index Scan using event_goal_goal_id_idx on event_goal g", "Hash", "Seq Scan", "Merge", "Sort", "Bitmap"})
            if (row[0].find(node) != std::string::npos) nodes.append(node).append("; ");
        const std::string where = std::to_string(table_rows) + " rows, batch " + n + (analyzed ? ", analyzed" : "");
        EXPECT_EQ(nodes,
                  "Nested Loop; Nested Loop; Function Scan on e; Index Scan using user_goal_progress_pkey on user_goal_progress p; "
                  "Index Scan using event_goal_goal_id_idx on event_goal g; ")
            << where;
        // Remembering lookups is a matter of speed only: worth it wherever the statistics are those of a real table.
        if (analyzed && table_rows >= 100'000) {
          EXPECT_TRUE(std::any_of(plan->rows.begin(), plan->rows.end(), [](const auto& row) {
            return row[0].find("Memoize") != std::string::npos;
          })) << where;
        }
      }
    }
  }
}

TEST_F(ProgressStoreTest, a_partitioned_table_keeps_its_rows_and_each_player_is_looked_for_in_one_part) {
  auto* connection = side_connection();
  ASSERT_TRUE(
      connection->run("INSERT INTO user_goal_progress (user_id, goal_id, challenge_id, namespace, progress) SELECT 'user-' || n, 'goal-0', "
                      "'c', 'test', 1 FROM generate_series(1, 100) AS n"));
  ASSERT_EQ(value("SELECT partition_user_goal_progress(4)"), "t");
  EXPECT_EQ(value("SELECT partition_user_goal_progress(4)"), "f");
  EXPECT_EQ(value("SELECT sum(progress) FROM user_goal_progress"), "100");
  EXPECT_EQ(value("SELECT count(*) FROM pg_class WHERE relname ~ '^user_goal_progress_\\d$' AND 'fillfactor=75' = ANY (reloptions)"), "4");
  std::vector<Event> events;
  for (int user = 1; user <= 100; ++user) events.push_back(stat("user-" + std::to_string(user), "kills", 2));
  connect(config_);
  EXPECT_EQ(write(events)->rows, 100);
  EXPECT_EQ(value("SELECT sum(progress) FROM user_goal_progress"), "200");
  const std::string scans = "SELECT sum(idx_scan) FROM pg_stat_user_indexes WHERE relname ~ '^user_goal_progress_\\d$'";
  // The store's session tells its counts when it has been idle for a moment.
  run_until([&] { return std::atoi(value(scans).c_str()) >= 100; });
  EXPECT_LT(std::atoi(value(scans).c_str()), 200);
}

TEST_F(ProgressStoreTest, fails_while_the_connection_is_away_and_comes_back) {
  auto admin = BlockingConnection::connect(support::PrivatePostgres::shared().options());
  ASSERT_TRUE(admin->run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '" + options_.database + "'"));
  run_until([&] { return !store_->is_available(); });
  const std::vector<Event> events{stat("ann", "kills", 1)};
  EXPECT_EQ(write(events).error().kind, base::ErrorKind::unavailable);
  run_until([&] { return store_->is_available(); });
  EXPECT_TRUE(write(events));
}

TEST_F(ProgressStoreTest, old_partitions_of_event_ids_are_dropped) {
  auto connection = BlockingConnection::connect(options_);
  ASSERT_TRUE(connection->run(
      "CREATE TABLE processed_event_20200101 PARTITION OF processed_event FOR VALUES FROM ('2020-01-01') TO ('2020-01-02')"));
  ASSERT_TRUE(connection->run(
      "DO $$ BEGIN EXECUTE 'DROP TABLE processed_event_' || to_char((now() AT TIME ZONE 'UTC')::date + 2, 'YYYYMMDD'); END $$"));
  ASSERT_TRUE(connection->run("SELECT maintain_processed_event(24)"));
  EXPECT_EQ(value("SELECT to_regclass('processed_event_20200101') IS NULL"), "t");
  EXPECT_EQ(value("SELECT count(*) FROM pg_inherits WHERE inhparent = 'processed_event'::regclass"), "6");
}

TEST_F(ProgressStoreTest, days_of_event_ids_that_a_restored_dump_lacks_are_made_when_they_are_needed) {
  auto connection = BlockingConnection::connect(options_);
  ASSERT_TRUE(
      connection->run("DO $$ BEGIN EXECUTE (SELECT string_agg('DROP TABLE ' || inhrelid::regclass, '; ') FROM pg_inherits"
                      " WHERE inhparent = 'processed_event'::regclass); END $$"));
  std::vector<Event> events{stat("ann", "kills", 2)};
  events[0].id = id(1);
  const auto outcome = write(events);
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(outcome->redelivered, 0);
  EXPECT_EQ(write(events)->redelivered, 1);
}

TEST_F(ProgressStoreTest, event_ids_are_looked_after_beside_a_dump) {
  auto connection = BlockingConnection::connect(options_);
  // As just after midnight: the last day is not there yet, and the first one is still there.
  ASSERT_TRUE(
      connection->run("DO $$ DECLARE today date := (now() AT TIME ZONE 'UTC')::date; BEGIN"
                      " EXECUTE 'DROP TABLE processed_event_' || to_char(today + 2, 'YYYYMMDD');"
                      " EXECUTE format('CREATE TABLE processed_event_%s PARTITION OF processed_event FOR VALUES FROM (%L) TO (%L)',"
                      " to_char(today - 4, 'YYYYMMDD'), today - 4, today - 3); END $$"));
  const std::string days =
      "SELECT string_agg(((now() AT TIME ZONE 'UTC')::date - right(inhrelid::regclass::text, 8)::date)::text, ' '"
      " ORDER BY inhrelid::regclass::text) FROM pg_inherits WHERE inhparent = 'processed_event'::regclass";
  auto dump = BlockingConnection::connect(options_);
  ASSERT_TRUE(dump->run("BEGIN; LOCK TABLE processed_event IN ACCESS SHARE MODE"));
  ASSERT_TRUE(connection->run("SELECT maintain_processed_event(24)"));
  EXPECT_EQ(value(days), "4 3 2 1 0 -1 -2");
  ASSERT_TRUE(dump->run("COMMIT"));
  ASSERT_TRUE(connection->run("SELECT maintain_processed_event(24)"));
  EXPECT_EQ(value(days), "3 2 1 0 -1 -2");
}

}  // namespace
}  // namespace gauntlet::events
