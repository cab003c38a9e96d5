#include "postgres/pool.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "postgres/blocking_connection.hpp"
#include "support/private_postgres.hpp"

namespace gauntlet::postgres {
namespace {

using namespace std::chrono_literals;
using base::ErrorKind;

const Statement kEcho("SELECT $1::int4, $2::text, $3::boolean, $4::timestamp, $5::int8, $6::uuid, $7::date, $8::int4",
                      {Type::int4, Type::text, Type::boolean, Type::timestamp, Type::int8, Type::uuid, Type::date, Type::int4});
const Statement kNumber("SELECT $1::int4", {Type::int4});
const Statement kDivide("SELECT 1 / $1::int4", {Type::int4});
const Statement kSleep("SELECT pg_sleep($1::float8)", {Type::float8});
const Statement kInsert("INSERT INTO t (k, v) VALUES ($1, $2)", {Type::int4, Type::int4});
const Statement kAdd("UPDATE t SET v = v + $2 WHERE k = $1", {Type::int4, Type::int4});
const Statement kRead("SELECT v FROM t WHERE k = $1", {Type::int4});
const Statement kLock("SELECT v FROM t WHERE k = $1 FOR UPDATE", {Type::int4});
const Statement kBroken("SELECT nonsense FROM nowhere", {});
const Statement kArrays("SELECT cardinality($1::text[]), ($1::text[])[2], ($2::int4[])[1], ($3::boolean[])[2], ($4::timestamp[])[1]",
                        {Type::text_array, Type::int4_array, Type::boolean_array, Type::timestamp_array});

Asker asker(std::function<bool()> wanted) { return {0, std::move(wanted)}; }

/// A pool on a loop, and a way to wait for its answers.
class PoolTest : public testing::Test {
 protected:
  support::PrivatePostgres& server_ = support::PrivatePostgres::shared();
  ConnectionOptions options_ = server_.fresh_database();
  base::EventLoop loop_;
  std::unique_ptr<Pool> pool_;

  void open(PoolOptions limits = {}) {
    pool_ = std::make_unique<Pool>(loop_, options_, limits);
    bool ready = false;
    pool_->when_available([&] { ready = true; });
    run_until([&] { return ready; });
  }
  void create_table() {
    auto connection = BlockingConnection::connect(options_);
    ASSERT_TRUE(connection);
    ASSERT_TRUE(connection->run("CREATE TABLE t (k int PRIMARY KEY, v int NOT NULL)"));
  }
  template <class Condition>
  void run_until(Condition condition) {
    const auto give_up = std::chrono::steady_clock::now() + 30s;
    while (!condition()) {
      ASSERT_LT(std::chrono::steady_clock::now(), give_up) << "nothing came";
      loop_.run_once(100ms);
    }
  }
  base::Expected<Result> ask(const Statement& statement, const Parameters& parameters) {
    std::unique_ptr<base::Expected<Result>> answer;
    pool_->execute(statement, parameters,
                   [&](base::Expected<Result> result) { answer = std::make_unique<base::Expected<Result>>(std::move(result)); });
    EXPECT_FALSE(answer) << "answered from inside the call";
    run_until([&] { return answer != nullptr; });
    return std::move(*answer);
  }
  /// What the task comes to.
  template <class T>
  T outcome(base::Task<T> task) {
    std::optional<T> result;
    start(std::move(task), [&](T done) { result.emplace(std::move(done)); });
    EXPECT_FALSE(result) << "answered from inside the call";
    run_until([&] { return result.has_value(); });
    return std::move(*result);
  }
  base::Task<base::Expected<Transaction>> beginning() { co_return co_await pool_->begin(); }
  int read(int key) {
    auto answer = ask(kRead, Parameters().add(key));
    return answer && !answer->empty() ? (*answer)[0].get<std::int32_t>(0) : -1;
  }
};

TEST_F(PoolTest, carries_every_type_both_ways) {
  open();
  Uuid uuid;
  uuid.bytes[0] = 0xab;
  uuid.bytes[15] = 0x01;
  auto answer = ask(kEcho, Parameters()
                               .add(-5)
                               .add("h\xc3\xa9")
                               .add(true)
                               .add(Timestamp{1'700'000'000'123'456})
                               .add(std::int64_t{1} << 40)
                               .add(uuid)
                               .add(Date{-1})
                               .add_null());
  ASSERT_TRUE(answer) << answer.error().message;
  const Row row = (*answer)[0];
  EXPECT_EQ(row.get<std::int32_t>(0), -5);
  EXPECT_EQ(row.get<std::string_view>(1), "h\xc3\xa9");
  EXPECT_TRUE(row.get<bool>(2));
  EXPECT_EQ(row.get<Timestamp>(3).microseconds, 1'700'000'000'123'456);
  EXPECT_EQ(row.get<std::int64_t>(4), std::int64_t{1} << 40);
  EXPECT_EQ(row.get<Uuid>(5), uuid);
  EXPECT_EQ(row.get<Date>(6).days, -1);
  EXPECT_EQ(row.get<std::optional<std::int32_t>>(7), std::nullopt);
  EXPECT_EQ(row.get<std::optional<std::int32_t>>(0), -5);
}

TEST_F(PoolTest, carries_arrays) {
  open();
  auto answer = ask(kArrays, Parameters()
                                 .add_array(std::vector<std::string>{"a", "b,\"{}", "c"})
                                 .add_array(std::vector<std::int32_t>{9})
                                 .add_array(std::vector<bool>{false, true})
                                 .add_array(std::vector<Timestamp>{{1'700'000'000'000'000}}));
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ((*answer)[0].get<std::int32_t>(0), 3);
  EXPECT_EQ((*answer)[0].get<std::string>(1), "b,\"{}");
  EXPECT_EQ((*answer)[0].get<std::int32_t>(2), 9);
  EXPECT_TRUE((*answer)[0].get<bool>(3));
  EXPECT_EQ((*answer)[0].get<Timestamp>(4).microseconds, 1'700'000'000'000'000);
}

TEST_F(PoolTest, keeps_many_statements_in_flight_and_answers_in_order) {
  open({.max_connections = 1});
  std::vector<int> answers;
  for (int i = 0; i < 2000; ++i)
    pool_->execute(kNumber, Parameters().add(i), [&](base::Expected<Result> result) {
      ASSERT_TRUE(result);
      answers.push_back((*result)[0].get<std::int32_t>(0));
    });
  EXPECT_EQ(pool_->counts().in_flight, 2000u);
  run_until([&] { return answers.size() == 2000; });
  for (int i = 0; i < 2000; ++i) ASSERT_EQ(answers[static_cast<std::size_t>(i)], i);
  EXPECT_EQ(pool_->counts().in_flight, 0u);
}

TEST_F(PoolTest, never_sends_what_nobody_wants_any_more_once_its_turn_comes) {
  create_table();
  open({.max_connections = 1, .max_pipelined = 1});
  bool wanted = true;
  std::vector<int> kinds;
  const auto note = [&](const base::Expected<Result>& result) { kinds.push_back(result ? 0 : static_cast<int>(result.error().kind)); };
  const Asker asker{.line = 1, .wanted = [&] { return wanted; }};
  pool_->execute(kInsert, Parameters().add(1).add(1), note, asker);
  pool_->execute(kInsert, Parameters().add(2).add(2), note, asker);
  pool_->execute(kInsert, Parameters().add(3).add(3), note);
  wanted = false;  // the first has been sent; it is not taken back
  run_until([&] { return kinds.size() == 3; });
  EXPECT_EQ(kinds, (std::vector<int>{0, static_cast<int>(ErrorKind::cancelled), 0}));
  EXPECT_EQ(read(1), 1);
  EXPECT_EQ(read(2), -1);
  EXPECT_EQ(pool_->counts().dropped_statements, 1u);
}

TEST_F(PoolTest, serves_by_turns_those_who_wait) {
  open({.max_connections = 1, .max_pipelined = 1, .max_in_flight = 100});
  std::vector<int> order;
  int refused = 0;
  const auto ask_for = [&](std::size_t line, int number) {
    pool_->execute(kNumber, Parameters().add(number),
                   [&, number](const base::Expected<Result>& result) {
                     if (!result) {
                       ++refused;
                       EXPECT_EQ(result.error().kind, ErrorKind::resource_exhausted);
                     } else {
                       order.push_back(number);
                     }
                   },
                   {.line = line});
  };
  for (int i = 0; i < 120; ++i) ask_for(1, 0);
  for (int i = 1; i <= 5; ++i) ask_for(2, i);
  ask_for(3, 6);
  run_until([&] { return static_cast<int>(order.size()) + refused == 126; });
  EXPECT_EQ(refused, 26) << "who asks much is refused, and not who comes after him";
  order.resize(11);
  EXPECT_EQ(order, (std::vector<int>{0, 0, 1, 6, 0, 2, 0, 3, 0, 4, 0}));
}

TEST_F(PoolTest, an_error_concerns_its_own_statement_alone) {
  open({.max_connections = 1});
  std::vector<std::string> answers;
  const auto note = [&](base::Expected<Result> result) {
    answers.push_back(result ? std::to_string((*result)[0].get<std::int32_t>(0)) : std::to_string(static_cast<int>(result.error().kind)));
  };
  pool_->execute(kDivide, Parameters().add(1), note);
  pool_->execute(kDivide, Parameters().add(0), note);
  pool_->execute(kBroken, Parameters(), note);
  pool_->execute(kDivide, Parameters().add(1), note);
  run_until([&] { return answers.size() == 4; });
  EXPECT_EQ(answers, (std::vector<std::string>{"1", "3", "13", "1"}));
}

TEST_F(PoolTest, says_what_failed_with_the_servers_words_and_sqlstate) {
  open();
  const auto broken = ask(kBroken, Parameters());
  ASSERT_FALSE(broken);
  EXPECT_NE(broken.error().message.find("relation \"nowhere\" does not exist"), std::string::npos) << broken.error().message;
  EXPECT_NE(broken.error().message.find("42P01"), std::string::npos) << broken.error().message;
  create_table();
  ASSERT_TRUE(ask(kInsert, Parameters().add(1).add(1)));
  EXPECT_EQ(ask(kInsert, Parameters().add(1).add(1)).error().kind, ErrorKind::already_exists);
  EXPECT_EQ(ask(kInsert, Parameters().add(2).add_null()).error().kind, ErrorKind::invalid_argument);
}

TEST_F(PoolTest, a_group_takes_effect_as_a_whole) {
  create_table();
  open();
  int answered = 0;
  base::Error error;
  const std::vector<Execution> bad{
      {&kInsert, Parameters().add(1).add(1)}, {&kInsert, Parameters().add(1).add(2)}, {&kInsert, Parameters().add(2).add(2)}};
  pool_->execute_group(bad, [&](base::Expected<std::vector<Result>> results) {
    ASSERT_FALSE(results);
    error = results.error();
    ++answered;
  });
  const std::vector<Execution> good{
      {&kInsert, Parameters().add(5).add(50)}, {&kAdd, Parameters().add(5).add(1)}, {&kRead, Parameters().add(5)}};
  pool_->execute_group(good, [&](base::Expected<std::vector<Result>> results) {
    ASSERT_TRUE(results);
    EXPECT_EQ((*results)[1].affected(), 1);
    EXPECT_EQ((*results)[2][0].get<std::int32_t>(0), 51);
    ++answered;
  });
  run_until([&] { return answered == 2; });
  EXPECT_EQ(error.kind, ErrorKind::already_exists);
  EXPECT_EQ(read(1), -1);
  EXPECT_EQ(read(5), 51);
}

TEST_F(PoolTest, a_transaction_reads_decides_writes_and_commits) {
  create_table();
  open();
  ASSERT_TRUE(ask(kInsert, Parameters().add(1).add(10)));
  const auto doubling = [](Pool& pool) -> base::Task<base::Expected<void>> {
    auto transaction = co_await pool.begin();
    if (!transaction) co_return tl::unexpected(transaction.error());
    const auto row = co_await transaction->execute(kLock, Parameters().add(1));
    if (!row) co_return tl::unexpected(row.error());
    const auto updated = co_await transaction->execute(kAdd, Parameters().add(1).add((*row)[0].get<std::int32_t>(0)));
    if (!updated) co_return tl::unexpected(updated.error());
    co_return co_await transaction->commit();
  };
  EXPECT_TRUE(outcome(doubling(*pool_)));
  EXPECT_EQ(read(1), 20);
  EXPECT_EQ(pool_->counts().leased, 0u);
}

TEST_F(PoolTest, a_transaction_begins_in_the_round_that_asks_for_it) {
  open();
  bool begun = false;
  loop_.post([&] { start(beginning(), [&](const base::Expected<Transaction>& transaction) { begun = transaction.has_value(); }); });
  loop_.run_once(30s);
  EXPECT_TRUE(begun);
}

TEST_F(PoolTest, a_dropped_transaction_is_rolled_back_and_gives_its_connection_back) {
  create_table();
  open({.max_connections = 1});
  const auto forgetful = [](Pool& pool) -> base::Task<base::Expected<Result>> {
    auto transaction = co_await pool.begin();
    if (!transaction) co_return tl::unexpected(transaction.error());
    co_return co_await transaction->execute(kInsert, Parameters().add(1).add(1));
  };
  EXPECT_TRUE(outcome(forgetful(*pool_)));
  EXPECT_EQ(read(1), -1);  // on the same, only connection: parked until the drop
}

TEST_F(PoolTest, commit_after_a_failed_statement_is_aborted) {
  create_table();
  open();
  const auto failing = [](Pool& pool) -> base::Task<base::Expected<void>> {
    auto transaction = co_await pool.begin();
    if (!transaction) co_return tl::unexpected(transaction.error());
    EXPECT_TRUE(co_await transaction->execute(kInsert, Parameters().add(1).add(1)));
    EXPECT_FALSE(co_await transaction->execute(kInsert, Parameters().add(1).add(1)));
    const auto after = co_await transaction->execute(kRead, Parameters().add(1));
    EXPECT_FALSE(after);
    co_return co_await transaction->commit();
  };
  const auto failed = outcome(failing(*pool_));
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, ErrorKind::aborted);
  EXPECT_EQ(read(1), -1);
}

base::Task<base::Expected<std::vector<Result>>> insert_twice_and_commit(Pool& pool, int key, int other) {
  auto transaction = co_await pool.begin();
  if (!transaction) co_return tl::unexpected(transaction.error());
  std::vector<Execution> both;
  both.push_back({&kInsert, Parameters().add(key).add(7)});
  both.push_back({&kInsert, Parameters().add(other).add(8)});
  co_return co_await transaction->execute_and_commit(std::move(both));
}

TEST_F(PoolTest, the_last_statements_can_carry_the_commit) {
  create_table();
  open({.max_connections = 1});
  const auto results = outcome(insert_twice_and_commit(*pool_, 1, 2));
  ASSERT_TRUE(results) << results.error().message;
  ASSERT_EQ(results->size(), 2u);
  EXPECT_EQ((*results)[1].affected(), 1);
  // Violates the key, says so, rolls both back and frees the connection.
  const auto refused = outcome(insert_twice_and_commit(*pool_, 3, 1));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::already_exists);
  EXPECT_EQ(read(1), 7);
  EXPECT_EQ(read(2), 8);
  EXPECT_EQ(read(3), -1);
}

TEST_F(PoolTest, racing_transactions_lose_no_update) {
  create_table();
  open({.max_connections = 4});
  ASSERT_TRUE(ask(kInsert, Parameters().add(1).add(0)));
  const auto adding = [](Pool& pool) -> base::Task<bool> {
    auto transaction = co_await pool.begin();
    if (!transaction) co_return false;
    const auto row = co_await transaction->execute(kLock, Parameters().add(1));
    if (!row) co_return false;
    std::vector<Execution> last;
    last.push_back({&kAdd, Parameters().add(1).add(1)});
    const auto added = co_await transaction->execute_and_commit(std::move(last));
    co_return added.has_value();
  };
  int answered = 0, committed = 0;
  for (int i = 0; i < 100; ++i)
    start(adding(*pool_), [&](bool done) {
      ++answered;
      committed += done;
    });
  run_until([&] { return answered == 100; });
  EXPECT_EQ(committed, 100);
  EXPECT_EQ(read(1), 100);
  EXPECT_EQ(pool_->counts().leased, 0u);
}

TEST_F(PoolTest, a_coroutine_gives_back_what_it_asked_with_once_it_is_done) {
  open();
  const auto owned = std::make_shared<int>(3);
  const auto asking = [](Pool& pool, std::shared_ptr<int> held) -> base::Task<int> {
    std::function<bool()> wanted = [held] { return true; };
    const auto first = co_await pool.execute(kNumber, Parameters().add(*held), asker(std::move(wanted)));
    const auto second = co_await pool.execute(kNumber, Parameters().add(4));
    co_return (*first)[0].get<std::int32_t>(0) + (*second)[0].get<std::int32_t>(0);
  };
  EXPECT_EQ(outcome(asking(*pool_, owned)), 7);
  EXPECT_EQ(owned.use_count(), 1);
}

TEST_F(PoolTest, bounds_what_waits) {
  open({.max_connections = 1, .max_in_flight = 10, .max_waiting_transactions = 2, .max_wait = 50ms});
  std::vector<ErrorKind> refused;
  int answered = 0;
  for (int i = 0; i < 12; ++i)
    pool_->execute(kSleep, Parameters().add(0.001), [&](base::Expected<Result> result) {
      if (!result) refused.push_back(result.error().kind);
      ++answered;
    });
  run_until([&] { return answered == 12; });
  EXPECT_EQ(refused, (std::vector<ErrorKind>{ErrorKind::resource_exhausted, ErrorKind::resource_exhausted}));

  const auto held = outcome(beginning());
  ASSERT_TRUE(held);
  int given_up = 0;
  for (int i = 0; i < 3; ++i)
    start(beginning(), [&](const base::Expected<Transaction>& begun) {
      ASSERT_FALSE(begun);
      EXPECT_EQ(begun.error().kind, ErrorKind::resource_exhausted);
      ++given_up;
    });
  run_until([&] { return given_up == 3; });
}

TEST_F(PoolTest, cancels_a_statement_at_its_timeout) {
  options_.statement_timeout = 50ms;
  open();
  EXPECT_EQ(ask(kSleep, Parameters().add(5.0)).error().kind, ErrorKind::deadline_exceeded);
  EXPECT_TRUE(ask(kNumber, Parameters().add(1)));
}

TEST_F(PoolTest, fails_fast_while_the_server_is_away_and_comes_back_by_itself) {
  support::PrivatePostgres server;
  options_ = server.options();
  std::vector<bool> seen;
  pool_ = std::make_unique<Pool>(
      loop_, options_,
      PoolOptions{.max_connections = 2, .first_retry = 5ms, .last_retry = 50ms, .on_availability = [&](bool up) { seen.push_back(up); }});
  run_until([&] { return pool_->is_available(); });
  ASSERT_TRUE(ask(kNumber, Parameters().add(1)));

  int lost = 0;
  for (int i = 0; i < 3; ++i)
    pool_->execute(kSleep, Parameters().add(30.0), [&](base::Expected<Result> result) {
      ASSERT_FALSE(result);
      EXPECT_EQ(result.error().kind, ErrorKind::unavailable);
      ++lost;
    });
  loop_.run_once(20ms);
  server.kill();
  run_until([&] { return lost == 3 && !pool_->is_available(); });
  EXPECT_EQ(ask(kNumber, Parameters().add(1)).error().kind, ErrorKind::unavailable);
  const auto refused = outcome(beginning());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::unavailable);

  server.start();
  run_until([&] { return pool_->is_available(); });
  EXPECT_TRUE(ask(kNumber, Parameters().add(1)));
  EXPECT_EQ(seen, (std::vector<bool>{true, false, true}));
}

/// Two servers; the first takes no writes while it is told so.
class TwoServersTest : public PoolTest {
 protected:
  support::PrivatePostgres second_;
  ConnectionOptions both_ = server_.options();

  TwoServersTest() {
    both_.others = {{"127.0.0.1", second_.port()}};
    both_.writable = true;
  }
  ~TwoServersTest() override { set_read_only(false); }
  void set_read_only(bool read_only) {
    auto admin = BlockingConnection::connect(server_.options());
    ASSERT_TRUE(admin) << admin.error().message;
    ASSERT_TRUE(admin->run(std::string("ALTER SYSTEM SET default_transaction_read_only = ") + (read_only ? "on" : "off")));
    ASSERT_TRUE(admin->run("SELECT pg_reload_conf()"));
    run_until([&] {
      auto fresh = BlockingConnection::connect(server_.options());
      return fresh && fresh->run("SHOW default_transaction_read_only")->rows[0][0] == (read_only ? "on" : "off");
    });
  }
  int port() {
    static const Statement kPort("SELECT current_setting('port')::int4", {});
    auto answer = ask(kPort, {});
    return answer ? (*answer)[0].get<std::int32_t>(0) : -1;
  }
};

TEST_F(TwoServersTest, the_server_that_takes_writes_is_used) {
  set_read_only(true);
  options_ = both_;
  open();
  EXPECT_EQ(port(), second_.port());
}

TEST_F(TwoServersTest, a_server_that_comes_to_refuse_writes_is_left_for_the_other_with_what_a_session_needs) {
  static const Statement kMakeTable("CREATE TEMP TABLE session_start (a int)", {});
  static const Statement kWrite("INSERT INTO session_start SELECT 1 WHERE nextval('numbers') > 0", {});
  for (const auto& options : {server_.options(), second_.options()}) {
    auto admin = BlockingConnection::connect(options);
    ASSERT_TRUE(admin->run("CREATE SEQUENCE IF NOT EXISTS numbers"));
  }
  options_ = both_;
  base::metrics::Registry metrics;
  open({.metrics = &metrics, .session_start = {{&kMakeTable, {}}}});
  EXPECT_EQ(port(), server_.port());
  ASSERT_TRUE(ask(kWrite, {}));
  set_read_only(true);
  const auto refused = ask(kWrite, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::unavailable) << refused.error().message;
  run_until([&] { return port() == second_.port(); });
  EXPECT_TRUE(ask(kWrite, {}));
  const std::string text = metrics.text();
  EXPECT_NE(text.find("challenge_database_server_changes_total 1"), std::string::npos) << text;
  EXPECT_NE(text.find("challenge_database_connections{server=\"127.0.0.1:" + std::to_string(second_.port()) + "\"} 1"), std::string::npos)
      << text;
  pool_.reset();  // before the metrics that it counts in
}

TEST_F(TwoServersTest, connections_to_the_former_server_are_given_up_once_the_other_has_let_us_in) {
  options_ = both_;
  open({.max_connections = 2, .grow_at_in_flight = 1, .first_retry = 1ms});
  int unavailable = 0;
  const auto sleep = [&] {
    pool_->execute(kSleep, Parameters().add(30.0), [&](base::Expected<Result> result) {
      if (!result && result.error().kind == ErrorKind::unavailable) ++unavailable;
    });
  };
  sleep();
  sleep();  // there is no second connection for it yet, but one is made
  run_until([&] { return pool_->counts().connections == 2; });
  sleep();
  set_read_only(true);
  auto admin = BlockingConnection::connect(server_.options());
  ASSERT_TRUE(
      admin->run("SELECT pg_terminate_backend(min(pid)) FROM pg_stat_activity WHERE application_name = 'test' AND state = 'active'"
                 " AND pid <> pg_backend_pid()"));
  run_until([&] { return unavailable == 3; });
  EXPECT_EQ(port(), second_.port());
}

TEST_F(TwoServersTest, a_server_that_does_not_answer_is_left_for_one_that_takes_writes) {
  options_ = both_;
  open({.max_connections = 1});
  std::optional<ErrorKind> answered;
  pool_->execute(kSleep, Parameters().add(30.0), [&](base::Expected<Result> result) { answered = result.error().kind; });
  run_until([&] { return answered.has_value(); });
  EXPECT_EQ(*answered, ErrorKind::unavailable) << "the statement's own timeout is later";
  EXPECT_EQ(port(), second_.port());
  EXPECT_EQ(pool_->counts().connections, 1u);
}

TEST_F(TwoServersTest, a_statement_that_takes_long_is_left_alone_while_the_other_server_takes_no_writes) {
  options_ = second_.options();
  options_.others = {{"127.0.0.1", server_.port()}};
  options_.writable = true;
  set_read_only(true);
  open({.max_connections = 1});
  EXPECT_TRUE(ask(kSleep, Parameters().add(4.0)));
  EXPECT_EQ(port(), second_.port());
  EXPECT_EQ(pool_->counts().connections, 1u);
  EXPECT_GE(pool_->counts().connect_attempts, 2u) << "it was asked";
}

TEST_F(PoolTest, a_single_server_that_refuses_writes_still_answers_reads) {
  create_table();
  open({.first_retry = 1ms});
  auto admin = BlockingConnection::connect(options_);
  ASSERT_TRUE(admin->run("ALTER DATABASE " + options_.database + " SET default_transaction_read_only = on"));
  static const Statement kRefuse("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", {});
  ASSERT_TRUE(ask(kRefuse, {}));
  ASSERT_EQ(ask(kInsert, Parameters().add(1).add(1)).error().kind, ErrorKind::unavailable);
  EXPECT_TRUE(pool_->is_available());
  EXPECT_TRUE(ask(kRead, Parameters().add(1)));
}

TEST_F(PoolTest, a_transaction_whose_connection_dies_fails_as_unavailable) {
  create_table();
  open({.first_retry = 5ms});
  std::optional<base::Expected<Transaction>> held = outcome(beginning());
  ASSERT_TRUE(*held);
  const auto inserting = [](Transaction& transaction) -> base::Task<base::Expected<Result>> {
    co_return co_await transaction.execute(kInsert, Parameters().add(1).add(1));
  };
  ASSERT_TRUE(outcome(inserting(**held)));
  auto admin = BlockingConnection::connect(server_.options());
  ASSERT_TRUE(admin->run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '" + options_.database + "'"));
  const auto committing = [](Transaction& transaction) -> base::Task<base::Expected<void>> { co_return co_await transaction.commit(); };
  const auto lost = outcome(committing(**held));
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().kind, ErrorKind::unavailable);
  held.reset();
  run_until([&] { return pool_->is_available(); });
  EXPECT_EQ(read(1), -1);
}

TEST_F(PoolTest, runs_the_session_start_on_every_connection) {
  static const Statement create("CREATE TEMP TABLE session_start (a int)", {});
  static const Statement use("INSERT INTO session_start VALUES ($1)", {Type::int4});
  pool_ = std::make_unique<Pool>(loop_, options_, PoolOptions{.session_start = {{&create, {}}}});
  run_until([&] { return pool_->is_available(); });
  EXPECT_TRUE(ask(use, Parameters().add(1)));

  pool_ = std::make_unique<Pool>(loop_, options_, PoolOptions{.first_retry = 1ms, .session_start = {{&kBroken, {}}}});
  run_until([&] { return pool_->counts().connect_attempts >= 3; });
  EXPECT_FALSE(pool_->is_available());
  EXPECT_NE(pool_->last_failure().find("nowhere"), std::string::npos);
}

TEST_F(PoolTest, answers_everything_when_it_is_destroyed) {
  open();
  int answered = 0;
  for (int i = 0; i < 5; ++i)
    pool_->execute(kSleep, Parameters().add(30.0), [&](base::Expected<Result> result) {
      EXPECT_EQ(result.error().kind, ErrorKind::unavailable);
      ++answered;
    });
  pool_.reset();
  EXPECT_EQ(answered, 5);
}

TEST_F(PoolTest, carries_values_larger_than_the_sockets_buffers) {
  open();
  const std::string large(20'000'000, 'x');
  static const Statement length("SELECT $1::text, length($1::text)", {Type::text});
  auto answer = ask(length, Parameters().add(large));
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ((*answer)[0].get<std::string_view>(0).size(), large.size());
}

TEST_F(PoolTest, reports_a_server_that_is_not_there) {
  options_.port = 1;
  pool_ = std::make_unique<Pool>(loop_, options_, PoolOptions{.first_retry = 1ms});
  run_until([&] { return pool_->counts().connect_attempts >= 2; });
  EXPECT_NE(pool_->last_failure().find("127.0.0.1:1"), std::string::npos) << pool_->last_failure();
  EXPECT_EQ(ask(kNumber, Parameters().add(1)).error().kind, ErrorKind::unavailable);
}

}  // namespace
}  // namespace gauntlet::postgres
