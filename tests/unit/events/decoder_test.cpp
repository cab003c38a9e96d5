#include "events/decoder.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "challenge/config_parser.hpp"
#include "iam/account/v1/account.pb.h"
#include "social/statistic/v1/statistic.pb.h"

namespace gauntlet::events {
namespace {

using namespace std::chrono_literals;
using accelbyte::iam::account::v1::UserLoggedIn;
using accelbyte::social::statistic::v1::StatItemUpdated;
using base::ErrorKind;

const base::WallTime kNow = std::chrono::sys_days(std::chrono::year(2026) / 11 / 23) + 14h;
const std::int32_t kToday = static_cast<std::int32_t>(std::chrono::floor<std::chrono::days>(kNow).time_since_epoch().count());

challenge::Config config() {
  return std::move(*challenge::parse_config(R"({"challenges": [{"id": "c", "name": "C", "goals": [
    {"id": "g1", "name": "G", "type": "absolute", "event_source": "statistic", "requirement": {"stat_code": "kills", "operator": ">=", "target_value": 5}, "reward": {"type": "ITEM", "reward_id": "r", "quantity": 1}},
    {"id": "g2", "name": "G", "type": "increment", "event_source": "statistic", "requirement": {"stat_code": "wins", "operator": ">=", "target_value": 5}, "reward": {"type": "ITEM", "reward_id": "r", "quantity": 1}},
    {"id": "g3", "name": "G", "type": "increment", "event_source": "login", "requirement": {"stat_code": "login_count", "operator": ">=", "target_value": 5}, "reward": {"type": "ITEM", "reward_id": "r", "quantity": 1}}]}]})"));
}

StatItemUpdated stat(const std::string& user = "ann", const std::string& code = "kills", double value = 3) {
  StatItemUpdated message;
  message.set_user_id(user);
  message.set_namespace_("test");
  message.mutable_payload()->set_stat_code(code);
  message.mutable_payload()->set_latest_value(value);
  message.mutable_payload()->set_inc(2);
  return message;
}

class DecoderTest : public testing::Test {
 protected:
  const challenge::Config config_ = config();
  const GoalKeys keys_{config_};
  Decoder decoder_{keys_, {.name_space = "test"}};

  base::Expected<Decoded> decode(const StatItemUpdated& message) { return decoder_.stat_item_updated(message.SerializeAsString(), kNow); }
  base::Expected<Decoded> decode(const UserLoggedIn& message) { return decoder_.login(message.SerializeAsString(), kNow); }
};

TEST_F(DecoderTest, takes_what_a_statistic_event_says) {
  const auto decoded = decode(stat());
  ASSERT_TRUE(decoded && decoded->event);
  EXPECT_EQ(decoded->event->user_id, "ann");
  EXPECT_EQ(decoded->event->key, keys_.of_stat("kills"));
  EXPECT_EQ(decoded->event->value, 3);
  EXPECT_EQ(decoded->event->increment, 2);
  EXPECT_EQ(decoded->event->id, std::nullopt);
}

TEST_F(DecoderTest, refuses_in_the_words_of_the_contract) {
  const auto refusal = [](const base::Expected<Decoded>& decoded) {
    EXPECT_FALSE(decoded);
    EXPECT_EQ(decoded.error().kind, ErrorKind::invalid_argument);
    return decoded.error().message;
  };
  EXPECT_EQ(refusal(decode(stat(""))), "userId cannot be empty");
  EXPECT_EQ(refusal(decode(stat("ann", ""))), "statCode cannot be empty");
  auto no_payload = stat();
  no_payload.clear_payload();
  EXPECT_EQ(refusal(decode(no_payload)), "payload cannot be nil");
  EXPECT_EQ(refusal(decode(UserLoggedIn())), "userId cannot be empty");
  EXPECT_FALSE(decoder_.stat_item_updated("\xff\xff\xff garbage", kNow));
}

TEST_F(DecoderTest, ignores_other_namespaces_unknown_statistics_and_impossible_players) {
  auto foreign = stat();
  foreign.set_namespace_("other");
  EXPECT_EQ(decode(foreign)->ignored, Ignored::other_namespace);
  EXPECT_FALSE(decode(foreign)->event);
  EXPECT_EQ(decode(stat("ann", "unheard_of"))->ignored, Ignored::no_goal);
  EXPECT_EQ(decode(stat(std::string(101, 'x')))->ignored, Ignored::impossible_user);
  EXPECT_EQ(decode(stat(std::string("a\0b", 3)))->ignored, Ignored::impossible_user);
  EXPECT_TRUE(decode(stat(std::string(100, 'x')))->event);
  std::string letters;  // 100 characters, which is what the table counts, in 200 bytes
  for (int i = 0; i < 100; ++i) letters += "\xD0\x96";
  EXPECT_TRUE(decode(stat(letters))->event);
}

TEST_F(DecoderTest, says_when_a_value_will_be_skipped) {
  EXPECT_TRUE(decode(stat("ann", "kills", -1))->value_skipped);
  EXPECT_TRUE(decode(stat("ann", "kills", std::nan("")))->value_skipped);
  EXPECT_FALSE(decode(stat("ann", "kills", 1e300))->value_skipped);
  EXPECT_FALSE(decode(stat("ann", "wins", -1))->value_skipped);  // an increment goal only counts
  for (const double infinity : {HUGE_VAL, -HUGE_VAL}) {
    EXPECT_TRUE(decode(stat("ann", "kills", infinity))->value_skipped);
    auto rose = stat("ann", "kills", 4);
    EXPECT_FALSE(decode(rose)->increment_skipped);
    rose.mutable_payload()->set_inc(infinity);
    EXPECT_TRUE(decode(rose)->increment_skipped);
    EXPECT_FALSE(decode(rose)->value_skipped);
  }
}

TEST_F(DecoderTest, remembers_what_it_is_told_to_remember) {
  auto absolute = stat();
  absolute.set_id("1");
  auto counted = stat("ann", "wins");
  counted.set_id("1");
  EXPECT_TRUE(decode(absolute)->event->id);
  Decoder counting(keys_, {.name_space = "test", .dedup = Dedup::counting});
  EXPECT_FALSE(counting.stat_item_updated(absolute.SerializeAsString(), kNow)->event->id);
  EXPECT_TRUE(counting.stat_item_updated(counted.SerializeAsString(), kNow)->event->id);
  Decoder off(keys_, {.name_space = "test", .dedup = Dedup::off});
  EXPECT_FALSE(off.stat_item_updated(counted.SerializeAsString(), kNow)->event->id);
}

TEST_F(DecoderTest, takes_every_namespace_when_none_is_configured) {
  Decoder open(keys_, {});
  EXPECT_TRUE(open.stat_item_updated(stat().SerializeAsString(), kNow)->event);
}

TEST_F(DecoderTest, survives_every_prefix_and_mutation_of_a_message) {
  auto message = stat();
  message.set_id("7d444840-9dc0-11d1-b245-5ffdce74fad2");
  message.set_timestamp("2026-11-23T14:00:00Z");
  const std::string bytes = message.SerializeAsString();
  std::mt19937 random(1);
  for (std::size_t size = 0; size < bytes.size(); ++size) static_cast<void>(decoder_.stat_item_updated(bytes.substr(0, size), kNow));
  for (int i = 0; i < 20'000; ++i) {
    std::string mutated = bytes;
    for (unsigned j = 0; j <= random() % 4; ++j) mutated[random() % mutated.size()] = static_cast<char>(random());
    static_cast<void>(decoder_.stat_item_updated(mutated, kNow));
    static_cast<void>(decoder_.login(mutated, kNow));
  }
}

TEST_F(DecoderTest, takes_the_events_own_time_but_no_time_to_come) {
  const auto time_of = [this](const char* timestamp) {
    auto message = stat();
    message.set_timestamp(timestamp);
    const auto at = decode(message)->event->at;
    return at ? kNow - base::WallTime(std::chrono::microseconds(at->microseconds)) : -1ns;
  };
  EXPECT_EQ(time_of("2026-11-23T13:59:59.250Z"), 750ms);
  EXPECT_EQ(time_of("2026-11-23T15:00:00.000001+02:00"), 1h - 1us);
  EXPECT_EQ(time_of("2026-11-23T14:00:09Z"), 0ns);
  EXPECT_EQ(time_of("yesterday"), -1ns);
}

TEST(EventIds, are_the_uuid_itself_where_there_is_one) {
  const Event event;
  const EventId dashed = make_event_id("7D444840-9dc0-11d1-b245-5ffdce74fad2", parse_timestamp("2026-11-23T01:00:00Z"), event, "", kNow, 1);
  const EventId plain = make_event_id("7d4448409dc011d1b2455ffdce74fad2", parse_timestamp("2026-11-23T01:00:00Z"), event, "", kNow, 1);
  EXPECT_EQ(dashed, plain);
  EXPECT_EQ(dashed.uuid.bytes[0], 0x7d);
  EXPECT_EQ(dashed.uuid.bytes[15], 0xd2);
}

TEST(EventIds, of_other_kinds_tell_events_apart_that_share_an_id) {
  Event five;
  five.user_id = "ann";
  five.value = 5;
  Event six = five;
  six.value = 6;
  const auto id = [](const Event& event, const char* stat) {
    return make_event_id("e", parse_timestamp("2026-11-23T01:00:00Z"), event, stat, kNow, 1);
  };
  EXPECT_EQ(id(five, "kills"), id(five, "kills"));
  EXPECT_NE(id(five, "kills"), id(six, "kills"));
  EXPECT_NE(id(five, "kills"), id(five, "wins"));
}

TEST(EventIds, belong_to_the_day_of_the_events_own_time) {
  const auto id = [](const char* timestamp) { return make_event_id("e", parse_timestamp(timestamp), {}, "", kNow, 1); };
  EXPECT_EQ(id("2026-11-22T23:59:59.999999Z").day.days, kToday - 1);
  EXPECT_EQ(id("2026-11-23T00:30:00+02:00").day.days, kToday - 1);
  EXPECT_EQ(id("2026-11-23T23:30:00-02:00").day.days, kToday + 1);
  EXPECT_FALSE(id("2026-11-21T12:00:00Z").arrival_day);
  for (const char* unusable : {"", "yesterday", "2026-11-20T12:00:00Z", "2026-11-25T12:00:00Z", "2611-06-14T13:34:00Z",
                               "2026-13-01T00:00:00Z", "2026-11-23T14:00:00", "2026-11-23 99:00:00Z"}) {
    EXPECT_TRUE(id(unusable).arrival_day) << unusable;
    EXPECT_EQ(id(unusable).day.days, kToday) << unusable;
  }
}

}  // namespace
}  // namespace gauntlet::events
