#include "engine/session/judge.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/metrics/collector.hpp"

namespace gauntlet::engine::session {
namespace {

/// Of a test in which one iteration was over.
class JudgeTest : public testing::Test {
 protected:
  bool take(const char* key, const char* expression, bool aborts = false) {
    plan::Options options;
    options.thresholds = std::map<std::string, std::vector<plan::ThresholdOption>>{{key, {{expression, aborts, {}}}}};
    return judge_.take_thresholds(options, registry_).has_value();
  }
  const metrics::Snapshot& snapshot() {
    collector_.emplace(registry_, metrics::CollectorOptions{}, metrics::Instant());
    const auto recorder = collector_->make_recorder(nullptr);
    const metrics::Instant now = metrics::Instant() + std::chrono::seconds(1);
    recorder->add(metrics::MetricId::iterations, recorder->tags().empty(), 1, now);
    return collector_->sample(now);
  }
  ExitCode code() const { return judge_.verdict() ? judge_.verdict()->code : ExitCode::ok; }

  metrics::MetricRegistry registry_;
  std::optional<metrics::Collector> collector_;
  Judge judge_;
};

TEST_F(JudgeTest, has_nothing_against_a_test_that_went_well) {
  ASSERT_TRUE(take("iterations", "count>0", true));
  EXPECT_FALSE(judge_.look(snapshot()));
  judge_.judge(snapshot());
  judge_.require({});
  EXPECT_EQ(code(), ExitCode::ok);
}

TEST_F(JudgeTest, ends_a_test_early_only_where_a_threshold_says_so) {
  ASSERT_TRUE(take("iterations", "count>1"));
  EXPECT_FALSE(judge_.look(snapshot()));
  ASSERT_TRUE(take("iterations", "count>2", true));
  const auto verdict = judge_.look(snapshot());
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->code, ExitCode::thresholds_crossed);
}

TEST_F(JudgeTest, goes_by_the_first_verdict) {
  ASSERT_TRUE(take("iterations", "count>1"));
  judge_.mark_failed();
  judge_.judge(snapshot());
  judge_.require({.limit = results::GeneratorLimit::cores_busy, .words = "busy"});
  EXPECT_EQ(code(), ExitCode::thresholds_crossed);
}

TEST_F(JudgeTest, lets_a_script_fail_its_test_unless_something_else_has) {
  judge_.mark_failed();
  judge_.judge(snapshot());
  EXPECT_EQ(code(), ExitCode::marked_failed);
}

TEST_F(JudgeTest, fails_a_test_whose_generator_was_the_limit_where_that_is_asked_for) {
  judge_.require({.limit = results::GeneratorLimit::cores_busy, .words = "busy"});
  EXPECT_EQ(code(), ExitCode::generator_limited);
}

TEST_F(JudgeTest, refuses_thresholds_that_it_does_not_understand) { EXPECT_FALSE(take("iterations", "count>")); }

}  // namespace
}  // namespace gauntlet::engine::session
