// Dead letters through the handler itself: a trigger of the operator's refuses one player's rows.
#include "lab/events/dead_letters.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <memory>

#include "social/statistic/v1/statistic.pb.h"
#include "support/event_producer.hpp"
#include "support/handler_process.hpp"
#include "support/private_postgres.hpp"

namespace gauntlet::lab {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kChallenges = R"({"challenges": [{"id": "c", "name": "C", "goals": [
  {"id": "count", "name": "G", "type": "increment", "event_source": "statistic", "requirement": {"stat_code": "kills", "operator": ">=", "target_value": 1000000}, "reward": {"type": "ITEM", "reward_id": "r", "quantity": 1}}]}]})";

class DeadLettersTest : public testing::Test {
 protected:
  void SetUp() override {
    char path[] = "/tmp/dead-letters-XXXXXX";
    close(mkstemp(path));
    config_ = path;
    std::ofstream(config_) << kChallenges;
    run("INSERT INTO user_goal_progress (user_id, goal_id, challenge_id, namespace) SELECT 'user-' || n, 'count', 'c', 'test' FROM "
        "generate_series(0, 9) AS n");
    run("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.user_id = 'user-3' THEN RAISE EXCEPTION 'user-3 is "
        "banned'; END IF;"
        " RETURN NEW; END $$; CREATE TRIGGER refuse BEFORE UPDATE ON user_goal_progress FOR EACH ROW EXECUTE FUNCTION refuse()");
  }
  void TearDown() override { unlink(config_.c_str()); }

  void start(std::vector<std::pair<std::string, std::string>> environment = {}) {
    handler_ = std::make_unique<support::HandlerProcess>(support::HandlerStart{.program = GAUNTLET_HANDLER,
                                                                               .challenge_config = config_,
                                                                               .database = database_,
                                                                               .grpc_port = 0,
                                                                               .environment = std::move(environment)});
    address_ = "127.0.0.1:" + std::to_string(handler_->port());
  }

  std::string run(const std::string& sql) {
    auto connection = postgres::BlockingConnection::connect(database_);
    const auto done = connection->run(sql);
    EXPECT_TRUE(done) << done.error().message;
    return done && !done->rows.empty() ? done->rows[0][0] : "";
  }

  /// One event a player, all at once; the statuses by player.
  std::vector<int> deliver(const std::vector<int>& players, const std::string& id) {
    base::EventLoop loop;
    support::EventProducer producer(loop, handler_->port());
    std::vector<int> statuses(players.size(), 99);
    for (std::size_t i = 0; i < players.size(); ++i) {
      accelbyte::social::statistic::v1::StatItemUpdated message;
      message.set_id(id + "-" + std::to_string(players[i]));
      message.set_user_id("user-" + std::to_string(players[i]));
      message.set_namespace_("test");
      message.mutable_payload()->set_stat_code("kills");
      producer.send(support::kStatisticMethod, message.SerializeAsString(),
                    [&, i](int status, const std::string&) { statuses[i] = status; });
    }
    while (std::count(statuses.begin(), statuses.end(), 99) > 0) loop.run_once(std::chrono::milliseconds(100));
    return statuses;
  }

  std::vector<std::string> retry(DeadLetters& letters) {
    std::vector<std::string> told;
    const auto refused = letters.retry({}, address_, [&](const std::string& line) { told.push_back(line); });
    EXPECT_TRUE(refused) << refused.error().message;
    return told;
  }

  const postgres::ConnectionOptions database_ = support::PrivatePostgres::shared().migrated_database();
  std::string config_;
  std::string address_;
  std::unique_ptr<support::HandlerProcess> handler_;
};

TEST_F(DeadLettersTest, keep_what_is_refused_until_it_can_be_committed) {
  start();
  EXPECT_EQ(deliver({0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, "first"), std::vector<int>(10, 0));
  EXPECT_EQ(run("SELECT sum(progress) FROM user_goal_progress"), "9");  // the others are not held up
  auto letters = DeadLetters::open(database_);
  ASSERT_TRUE(letters);
  const auto listed = letters->list(10);
  ASSERT_EQ(listed->size(), 1u);
  EXPECT_EQ((*listed)[0].event_id, "first-3");
  EXPECT_EQ((*listed)[0].user_id, "user-3");
  EXPECT_THAT((*listed)[0].reason, HasSubstr("user-3 is banned"));
  EXPECT_THAT(retry(*letters), ElementsAre(HasSubstr("refused again, kept: user-3 is banned")));
  EXPECT_EQ((*letters->list(10))[0].failures, 2);
  run("DROP TRIGGER refuse ON user_goal_progress");
  EXPECT_THAT(retry(*letters), ElementsAre(HasSubstr("committed")));
  EXPECT_EQ(run("SELECT progress FROM user_goal_progress WHERE user_id = 'user-3'"), "1");
  EXPECT_TRUE(letters->list(10)->empty());
}

TEST_F(DeadLettersTest, are_bounded_and_what_finds_no_room_is_not_acknowledged) {
  constexpr int kResourceExhausted = 8;
  start({{"EVENT_MAX_DEAD_LETTERS", "1"}});
  EXPECT_EQ(deliver({3}, "first"), std::vector<int>{0});
  EXPECT_EQ(deliver({3}, "second"), std::vector<int>{kResourceExhausted});
  EXPECT_EQ(deliver({3}, "first"), std::vector<int>{0});  // the same one again takes no room
  auto letters = DeadLetters::open(database_);
  ASSERT_TRUE(letters);
  EXPECT_EQ(letters->drop({12345}), 0);
  EXPECT_EQ(letters->drop({}), 1);
  EXPECT_EQ(deliver({3}, "second"), std::vector<int>{0});
}

}  // namespace
}  // namespace gauntlet::lab
