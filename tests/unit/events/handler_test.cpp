// The handler's threads on real sockets and a real PostgreSQL that is killed, locked and restarted under load.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "challenge/config_parser.hpp"
#include "events/on_message.hpp"
#include "events/worker.hpp"
#include "iam/account/v1/account.pb.h"
#include "postgres/blocking_connection.hpp"
#include "social/statistic/v1/statistic.pb.h"
#include "support/event_producer.hpp"
#include "support/private_postgres.hpp"

namespace gauntlet::events {
namespace {

using namespace std::chrono_literals;
using postgres::BlockingConnection;
using support::EventProducer;

constexpr int kOk = 0, kInvalidArgument = 3, kResourceExhausted = 8, kUnavailable = 14;

constexpr const char* kConfig = R"({"challenges": [{"id": "c", "name": "C", "goals": [
  {"id": "value", "name": "G", "type": "absolute", "event_source": "statistic", "requirement": {"stat_code": "kills", "operator": ">=", "target_value": 500}, "reward": {"type": "ITEM", "reward_id": "r", "quantity": 1}},
  {"id": "count", "name": "G", "type": "increment", "event_source": "statistic", "requirement": {"stat_code": "kills", "operator": ">=", "target_value": 1000000}, "reward": {"type": "ITEM", "reward_id": "r", "quantity": 1}},
  {"id": "logins", "name": "G", "type": "increment", "event_source": "login", "requirement": {"stat_code": "login_count", "operator": ">=", "target_value": 1000000}, "reward": {"type": "ITEM", "reward_id": "r", "quantity": 1}}]}]})";

EventSettings settings_with(const postgres::ConnectionOptions& database, const WriterLimits& limits) {
  EventSettings settings;
  settings.name_space = "test";
  settings.database = database;
  settings.writer = limits;
  settings.listen_address = "127.0.0.1";
  settings.ports = {{"GRPC_PORT", 0}};
  return settings;
}

/// One replica of the handler, as main() wires it.
struct Replica {
  explicit Replica(const postgres::ConnectionOptions& database, const WriterLimits& limits = {})
      : settings(settings_with(database, limits)), availability(health) {
    const auto ports = workers.listen(settings, registry);
    EXPECT_TRUE(ports) << ports.error().message;
    port = ports ? ports->front() : 0;
    await_database();
  }
  void await_database() {
    const auto connected = workers.await_database(60s);
    EXPECT_TRUE(connected) << connected.error().message;
  }
  /// As SIGTERM does; returns once everything is answered.
  void drain() {
    std::atomic<bool> drained = false;
    workers.drain([&] { drained = true; });
    while (!drained) std::this_thread::sleep_for(1ms);
  }

  const challenge::Config config = std::move(*challenge::parse_config(kConfig));
  const GoalKeys keys{config};
  const EventSettings settings;
  base::metrics::Registry registry;
  EventMetrics metrics{registry};
  base::grpc::Health health;
  Availability availability;
  const WorkerParts parts{settings, keys, registry, metrics, health, availability};
  host::Workers workers{2, [this](std::size_t, base::EventLoop& loop) { return make_worker(loop, parts); }};
  std::uint16_t port = 0;
};

void create_players(const postgres::ConnectionOptions& database, int players) {
  auto connection = BlockingConnection::connect(database);
  ASSERT_TRUE(connection) << connection.error().message;
  const auto done = connection->run(
      "INSERT INTO user_goal_progress (user_id, goal_id, challenge_id, namespace) SELECT 'user-' || n, goal, 'c', 'test'"
      " FROM generate_series(0, " +
      std::to_string(players - 1) + ") AS n, unnest('{value,count,logins}'::text[]) AS goal");
  ASSERT_TRUE(done) << done.error().message;
}

std::string value(const postgres::ConnectionOptions& database, const std::string& sql) {
  auto connection = BlockingConnection::connect(database);
  auto result = connection ? connection->run(sql) : base::fail(connection.error().kind, connection.error().message);
  if (!result) return "error: " + result.error().message;
  return result->rows.empty() ? "" : result->rows[0][0];
}

std::string stat_message(const std::string& user, const std::string& id, double latest = 7, const std::string& name_space = "test",
                         const std::string& code = "kills") {
  accelbyte::social::statistic::v1::StatItemUpdated message;
  message.set_id(id);
  message.set_user_id(user);
  message.set_namespace_(name_space);
  message.mutable_payload()->set_stat_code(code);
  message.mutable_payload()->set_latest_value(latest);
  return message.SerializeAsString();
}

std::string login_message(const std::string& user, const std::string& id) {
  accelbyte::iam::account::v1::UserLoggedIn message;
  message.set_id(id);
  message.set_user_id(user);
  message.set_namespace_("test");
  return message.SerializeAsString();
}

/// Delivers as the platform does: what is not acknowledged comes again, a share of the acknowledged too, in any order.
class Platform {
 public:
  struct Delivery {
    int player;
    bool login;
    std::string message;
  };

  Platform(base::EventLoop& loop, std::vector<std::uint16_t> ports, unsigned seed)
      : loop_(loop), ports_(std::move(ports)), producers_(ports_.size()), random_(seed) {}

  void deliver(int events, int players, double duplicates) {
    for (int i = 0; i < events; ++i) {
      const int player = static_cast<int>(random_() % static_cast<unsigned>(players));
      const bool login = random_() % 4 == 0;
      const std::string user = "user-" + std::to_string(player), id = "event-" + std::to_string(next_id_++);
      const Delivery delivery{player, login, login ? login_message(user, id) : stat_message(user, id, i)};
      to_send_.push_back(delivery);
      ++unacknowledged_;
      ++expected_[{player, login}];
      if (std::uniform_real_distribution<>(0, 1)(random_) < duplicates) {
        to_send_.push_back(delivery);
        ++unacknowledged_;
      }
    }
    std::shuffle(to_send_.begin(), to_send_.end(), random_);
  }

  /// Keeps `window` calls in flight until everything is acknowledged; `each_ms` runs about every millisecond.
  template <class EachMs>
  void run(std::size_t window, EachMs each_ms) {
    const auto give_up = std::chrono::steady_clock::now() + 90s;
    while (unacknowledged_ > 0) {
      ASSERT_LT(std::chrono::steady_clock::now(), give_up) << unacknowledged_ << " events are not acknowledged";
      while (in_flight_ < window && !to_send_.empty()) send();
      loop_.run_once(1ms);
      each_ms();
    }
  }

  std::size_t unacknowledged() const { return unacknowledged_; }
  std::size_t refusals() const { return refusals_; }
  const std::map<std::pair<int, bool>, int>& expected() const { return expected_; }

 private:
  void send() {
    const std::size_t at = random_() % ports_.size();
    if (!producers_[at] || !producers_[at]->is_connected()) producers_[at] = std::make_unique<EventProducer>(loop_, ports_[at]);
    const Delivery delivery = std::move(to_send_.front());
    to_send_.pop_front();
    ++in_flight_;
    producers_[at]->send(delivery.login ? support::kLoginMethod : support::kStatisticMethod, delivery.message,
                         [this, delivery](int status, const std::string&) {
                           --in_flight_;
                           if (status == kOk) {
                             --unacknowledged_;
                             return;
                           }
                           ++refusals_;
                           // A little later, and not in order.
                           loop_.call_after(std::chrono::milliseconds(random_() % 30), [this, delivery] { to_send_.push_back(delivery); });
                         });
  }

  base::EventLoop& loop_;
  std::vector<std::uint16_t> ports_;
  std::vector<std::unique_ptr<EventProducer>> producers_;
  std::mt19937 random_;
  std::deque<Delivery> to_send_;
  std::map<std::pair<int, bool>, int> expected_;
  std::size_t in_flight_ = 0;
  std::size_t unacknowledged_ = 0;
  std::size_t refusals_ = 0;
  int next_id_ = 0;
};

void expect_each_once(const postgres::ConnectionOptions& database, const Platform& platform) {
  for (const auto& [what, times] : platform.expected())
    EXPECT_EQ(value(database, "SELECT progress FROM user_goal_progress WHERE user_id = 'user-" + std::to_string(what.first) +
                                  "' AND goal_id = '" + (what.second ? "logins" : "count") + "'"),
              std::to_string(times))
        << "player " << what.first << (what.second ? ", logins" : ", statistic events");
}

TEST(Handler, answers_in_the_words_of_the_contract) {
  const auto database = support::PrivatePostgres::shared().migrated_database();
  create_players(database, 1);
  Replica replica(database);
  base::EventLoop loop;
  EventProducer producer(loop, replica.port);
  const auto call = [&](const char* method, const std::string& message) {
    std::string answer;
    producer.send(method, message, [&](int status, const std::string& text) { answer = std::to_string(status) + " " + text; });
    while (answer.empty()) loop.run_once(100ms);
    return answer;
  };
  EXPECT_EQ(call(support::kStatisticMethod, stat_message("user-0", "1", 600)), "0 ");
  EXPECT_EQ(value(database, "SELECT progress || status FROM user_goal_progress WHERE goal_id = 'value'"), "600completed");
  EXPECT_EQ(call(support::kStatisticMethod, stat_message("", "2")), "3 userId cannot be empty");
  EXPECT_EQ(call(support::kStatisticMethod, stat_message("user-0", "3", 7, "test", "")), "3 statCode cannot be empty");
  EXPECT_EQ(call(support::kStatisticMethod, login_message("user-0", "4")), "3 payload cannot be nil");
  EXPECT_EQ(call(support::kStatisticMethod, stat_message("user-0", "5", 7, "other")), "0 ");
  EXPECT_EQ(call(support::kStatisticMethod, stat_message("user-0", "6", 7, "test", "unheard_of")), "0 ");
  EXPECT_EQ(call(support::kStatisticMethod, stat_message("nobody", "7")), "0 ");
  EXPECT_EQ(call(support::kStatisticMethod, stat_message("user-0", "8", -4)), "0 ");
  EXPECT_EQ(call(support::kStatisticMethod, stat_message("user-0", "9", 5e12)), "0 ");
  EXPECT_EQ(value(database, "SELECT progress FROM user_goal_progress WHERE goal_id = 'value'"), "2147483647");
  EXPECT_EQ(call(support::kLoginMethod, login_message("", "10")), "3 userId cannot be empty");
  EXPECT_EQ(call(support::kLoginMethod, login_message("user-0", "11")), "0 ");
  EXPECT_EQ(call(support::kLoginMethod, login_message("user-0", "11")), "0 ");
  EXPECT_EQ(value(database, "SELECT progress FROM user_goal_progress WHERE goal_id = 'logins'"), "1");
  EXPECT_EQ(call("/accelbyte.iam.account.v1.Unheard/OnMessage", "").substr(0, 2), "12");
  EXPECT_EQ(value(database, "SELECT count(*) FROM user_goal_progress"), "3");  // events create no rows
}

TEST(Handler, loses_and_doubles_nothing_when_postgres_is_killed_under_load) {
  support::PrivatePostgres server;
  const auto database = server.migrated_database();
  create_players(database, 40);
  Replica replica(database);
  base::EventLoop loop;
  Platform platform(loop, {replica.port, replica.port}, 11);
  platform.deliver(12'000, 40, 0.05);
  const std::size_t all = platform.unacknowledged();
  int kills = 0;
  platform.run(300, [&] {
    if (kills < 2 && platform.unacknowledged() < all * static_cast<std::size_t>(2 - kills) / 3) {
      ++kills;
      server.kill();
      for (int i = 0; i < 20; ++i) loop.run_once(1ms);  // calls meanwhile are refused
      server.start();
    }
  });
  EXPECT_EQ(kills, 2);
  EXPECT_GT(platform.refusals(), 0u);
  expect_each_once(database, platform);
}

TEST(Handler, three_replicas_count_shuffled_redeliveries_once) {
  const auto database = support::PrivatePostgres::shared().migrated_database();
  create_players(database, 5);  // few, so that the replicas meet on rows
  Replica one(database), two(database), three(database);
  base::EventLoop loop;
  Platform platform(loop, {one.port, two.port, three.port}, 5);
  platform.deliver(9'000, 5, 0.3);
  platform.run(400, [] {});
  EXPECT_EQ(platform.refusals(), 0u);
  expect_each_once(database, platform);
}

TEST(Handler, serves_three_thousand_connections_at_once) {
  rlimit descriptors{};
  getrlimit(RLIMIT_NOFILE, &descriptors);
  if (descriptors.rlim_max < 7000) GTEST_SKIP() << "this user may not open 7,000 descriptors";
  descriptors.rlim_cur = descriptors.rlim_max;
  setrlimit(RLIMIT_NOFILE, &descriptors);
  const auto database = support::PrivatePostgres::shared().migrated_database();
  create_players(database, 10);
  Replica replica(database, {.max_waiting = 3000});
  base::EventLoop loop;
  std::vector<std::unique_ptr<EventProducer>> producers;
  std::map<int, int> answers;
  for (int i = 0; i < 3000; ++i) {
    producers.push_back(std::make_unique<EventProducer>(loop, replica.port));
    producers.back()->send(support::kLoginMethod, login_message("user-" + std::to_string(i % 10), "many-" + std::to_string(i)),
                           [&](int status, const std::string&) { ++answers[status]; });
    if (i % 100 == 0) loop.run_once(0ms);
  }
  while (answers[kOk] < 3000 && answers.size() == 1) loop.run_once(100ms);
  EXPECT_EQ(answers, (std::map<int, int>{{kOk, 3000}}));
  EXPECT_EQ(value(database, "SELECT sum(progress) FROM user_goal_progress WHERE goal_id = 'logins'"), "3000");
}

TEST(Handler, refuses_beyond_its_bound_while_the_table_is_locked_and_recovers) {
  const auto database = support::PrivatePostgres::shared().migrated_database();
  create_players(database, 10);
  Replica replica(database, {.max_waiting = 50});
  base::EventLoop loop;
  auto locker = BlockingConnection::connect(database);
  ASSERT_TRUE(locker->run("BEGIN; LOCK TABLE user_goal_progress"));
  std::vector<int> statuses;
  EventProducer producer(loop, replica.port);
  for (int i = 0; i < 200; ++i)
    producer.send(support::kStatisticMethod, stat_message("user-1", "lock-" + std::to_string(i)),
                  [&](int status, const std::string&) { statuses.push_back(status); });
  while (statuses.size() < 150) loop.run_once(100ms);
  EXPECT_EQ(std::count(statuses.begin(), statuses.end(), kResourceExhausted), 150);
  ASSERT_TRUE(locker->run("COMMIT"));
  while (statuses.size() < 200) loop.run_once(100ms);
  EXPECT_EQ(std::count(statuses.begin(), statuses.end(), kOk), 50);
  EXPECT_EQ(value(database, "SELECT progress FROM user_goal_progress WHERE user_id = 'user-1' AND goal_id = 'count'"), "50");
}

TEST(Handler, health_follows_the_database) {
  support::PrivatePostgres server;
  const auto database = server.migrated_database();
  Replica replica(database);
  using Status = base::grpc::Health::Status;
  EXPECT_EQ(replica.health.status(kStatisticService), Status::serving);
  server.stop();
  while (replica.health.status("") == Status::serving) std::this_thread::sleep_for(1ms);
  base::EventLoop loop;
  EventProducer producer(loop, replica.port);
  int answered = 99;
  producer.send(support::kLoginMethod, login_message("user-0", "1"), [&](int status, const std::string&) { answered = status; });
  while (answered == 99) loop.run_once(100ms);
  EXPECT_EQ(answered, kUnavailable);
  server.start();
  replica.await_database();
  EXPECT_EQ(replica.health.status(""), Status::serving);
}

TEST(Handler, a_drain_commits_and_answers_what_is_in_flight) {
  const auto database = support::PrivatePostgres::shared().migrated_database();
  create_players(database, 1);
  Replica replica(database);
  base::EventLoop loop;
  EventProducer producer(loop, replica.port);
  auto locker = BlockingConnection::connect(database);
  ASSERT_TRUE(locker->run("BEGIN; LOCK TABLE user_goal_progress"));
  std::vector<int> statuses;
  for (int i = 0; i < 100; ++i)
    producer.send(support::kLoginMethod, login_message("user-0", "drain-" + std::to_string(i)),
                  [&](int status, const std::string&) { statuses.push_back(status); });
  while (value(database, "SELECT count(*) FROM pg_locks WHERE NOT granted") == "0") loop.run_once(5ms);
  std::thread drain([&] { replica.drain(); });
  loop.run_once(20ms);
  ASSERT_TRUE(locker->run("COMMIT"));
  while (statuses.size() < 100) loop.run_once(100ms);
  drain.join();
  EXPECT_EQ(std::count(statuses.begin(), statuses.end(), kOk), 100);
  EXPECT_EQ(value(database, "SELECT progress FROM user_goal_progress WHERE goal_id = 'logins'"), "100");
}

TEST(Handler, buffered_mode_answers_first_and_writes_by_the_drain) {
  const auto database = support::PrivatePostgres::shared().migrated_database();
  create_players(database, 1);
  Replica replica(database, {.buffer_for = 60s});
  base::EventLoop loop;
  EventProducer producer(loop, replica.port);
  int answered = 0;
  for (int i = 0; i < 20; ++i)
    producer.send(support::kLoginMethod, login_message("user-0", "buffer-" + std::to_string(i)),
                  [&](int status, const std::string&) { answered += status == kOk; });
  while (answered < 20) loop.run_once(100ms);
  EXPECT_EQ(value(database, "SELECT progress FROM user_goal_progress WHERE goal_id = 'logins'"), "0");
  std::thread drain([&] { replica.drain(); });
  while (producer.is_connected()) loop.run_once(10ms);
  drain.join();
  EXPECT_EQ(value(database, "SELECT progress FROM user_goal_progress WHERE goal_id = 'logins'"), "20");
}

}  // namespace
}  // namespace gauntlet::events
