#include "ags/retrying_grant.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "ags/mock_reward_client.hpp"

namespace gauntlet::ags {
namespace {

using Result = GrantOutcome::Result;
using namespace std::chrono_literals;

/// Answers at once with the outcomes it was given, one an attempt.
class Scripted final : public RewardClient {
 public:
  explicit Scripted(std::vector<Result> outcomes) : outcomes_(std::move(outcomes)) {}
  void grant(const Grant& grant, base::EventLoop::Clock::time_point, std::function<void(GrantOutcome)> done) override {
    keys.push_back(grant.idempotency_key);
    done({outcomes_.at(keys.size() - 1), "reason"});
  }
  std::vector<std::string> keys;

 private:
  std::vector<Result> outcomes_;
};

GrantOutcome end_of(Scripted& client, std::chrono::milliseconds time, Repeating repeating = Repeating::harmless) {
  base::EventLoop loop;
  GrantOutcome ended;
  loop.call_after(0ms, [&] {
    grant_with_retries(loop, client, repeating, {"key", "ann", RewardType::wallet, "GEMS", 5}, base::EventLoop::Clock::now() + time,
                       [&](const GrantOutcome& outcome) {
                         ended = outcome;
                         loop.stop();
                       });
  });
  loop.run();
  return ended;
}

Result outcome_of(Scripted& client, std::chrono::milliseconds time, Repeating repeating = Repeating::harmless) {
  return end_of(client, time, repeating).result;
}

TEST(RetryingGrant, ends_at_the_first_grant) {
  Scripted client({Result::granted});
  EXPECT_EQ(outcome_of(client, 10s), Result::granted);
  EXPECT_EQ(client.keys.size(), 1u);
}

TEST(RetryingGrant, does_not_repeat_a_refusal) {
  Scripted client({Result::refused});
  EXPECT_EQ(outcome_of(client, 10s), Result::refused);
  EXPECT_EQ(client.keys.size(), 1u);
}

TEST(RetryingGrant, tries_again_with_the_same_key) {
  Scripted client({Result::uncertain, Result::granted});
  EXPECT_EQ(outcome_of(client, 10s), Result::granted);
  EXPECT_EQ(client.keys, (std::vector<std::string>{"key", "key"}));
}

TEST(RetryingGrant, does_not_believe_a_refusal_after_an_uncertain_attempt) {
  Scripted client({Result::uncertain, Result::refused});
  EXPECT_EQ(outcome_of(client, 10s), Result::uncertain);
}

TEST(RetryingGrant, does_not_repeat_an_uncertain_attempt_on_a_platform_that_may_grant_again) {
  Scripted client({Result::unsent, Result::uncertain, Result::granted});
  EXPECT_EQ(outcome_of(client, 10s, Repeating::dangerous), Result::uncertain);
  EXPECT_EQ(client.keys.size(), 2u) << "what never reached the platform may be repeated";
}

TEST(RetryingGrant, does_not_begin_after_its_deadline) {
  Scripted client({Result::granted});
  const GrantOutcome outcome = end_of(client, -1ms);
  EXPECT_EQ(outcome.result, Result::unsent);
  EXPECT_EQ(outcome.attempts, 0);
  EXPECT_TRUE(client.keys.empty());
}

TEST(RetryingGrant, counts_the_attempts_that_it_made) {
  Scripted refused({Result::refused}), granted({Result::unsent, Result::granted});
  EXPECT_EQ(end_of(refused, 10s).attempts, 1);
  EXPECT_EQ(end_of(granted, 10s).attempts, 2);
}

TEST(RetryingGrant, of_what_the_platform_never_worked_on_ends_after_three_retries_with_nothing_given) {
  Scripted client({Result::unsent, Result::unsent, Result::unsent, Result::unsent});
  const GrantOutcome outcome = end_of(client, 10s, Repeating::dangerous);
  EXPECT_EQ(outcome.result, Result::unsent);
  EXPECT_EQ(outcome.attempts, kGrantAttempts);
}

TEST(RetryingGrant, gives_up_when_the_next_attempt_would_come_too_late) {
  Scripted client({Result::uncertain, Result::uncertain});
  EXPECT_EQ(outcome_of(client, 700ms), Result::uncertain);
  EXPECT_EQ(client.keys.size(), 2u);
}

TEST(MockRewardClient, grants_at_once_without_a_latency_and_never_answers_after_the_deadline) {
  base::EventLoop loop;
  MockRewardClient instant(loop, {}, 1);
  bool granted = false;
  instant.grant({}, base::EventLoop::Clock::now(), [&](const GrantOutcome& outcome) { granted = outcome.result == Result::granted; });
  EXPECT_TRUE(granted);

  MockRewardClient slow(loop, {60s, 60s}, 1);
  Result result = Result::granted;
  slow.grant({}, base::EventLoop::Clock::now() + 1ms, [&](const GrantOutcome& outcome) {
    result = outcome.result;
    loop.stop();
  });
  loop.run();
  EXPECT_EQ(result, Result::uncertain);
}

}  // namespace
}  // namespace gauntlet::ags
