#include "engine/results/generator_verdict.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gauntlet::engine::results {
namespace {

using testing::HasSubstr;

GeneratorHealth late_starts() {
  GeneratorHealth health;
  health.scheduled = 100;
  health.late = 13;
  health.slip_p99_ms = 40;
  health.cpu_share = 0.13;
  health.busiest_thread = 0.2;
  health.loop_lag_p99_ms = 1;
  return health;
}

TEST(GeneratorVerdict, late_starts_with_idle_cores_are_not_the_generators_limit) {
  EXPECT_EQ(late_starts().judged().limit, GeneratorLimit::none);
}

TEST(GeneratorVerdict, names_what_held_starts_back) {
  GeneratorHealth full = late_starts();
  full.busiest_thread = 0.99;
  EXPECT_EQ(full.judged().limit, GeneratorLimit::starts_late);
  EXPECT_THAT(full.judged().words, HasSubstr("one of its threads filled a core"));

  GeneratorHealth held = late_starts();
  held.loop_lag_p99_ms = 30;
  EXPECT_EQ(held.judged().limit, GeneratorLimit::starts_late);
  EXPECT_THAT(held.judged().words, HasSubstr("the script computes for long at a time"));

  GeneratorHealth exhausted = late_starts();
  exhausted.dropped = 50;
  EXPECT_EQ(exhausted.judged().limit, GeneratorLimit::no_free_vu);
}

}  // namespace
}  // namespace gauntlet::engine::results
