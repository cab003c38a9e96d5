#include "engine/metrics/distribution.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>
#include <random>
#include <vector>

#define PROPERTY(...) ASSERT_TRUE(rc::check(__VA_ARGS__))

namespace gauntlet::engine::metrics {
namespace {

double percentile_of_sorted(const std::vector<double>& sorted, double fraction) {
  const double rank = fraction * (static_cast<double>(sorted.size()) - 1);
  const auto below = static_cast<std::size_t>(rank);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (rank - static_cast<double>(below));
}

/// Latencies as they come: zeros, spread over many orders of magnitude, some negative.
std::vector<double> values(std::size_t count, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::lognormal_distribution<double> spread(0, 4);
  std::vector<double> all(count);
  for (double& value : all) {
    value = spread(random);
    if (random() % 10 == 0) value = 0;
    if (random() % 10 == 0) value = -value;
  }
  return all;
}

Distribution distribution_of(const std::vector<double>& all) {
  Distribution distribution;
  for (const double value : all) distribution.add(value);
  return distribution;
}

constexpr double kFractions[] = {0, 0.001, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.99999, 1};

TEST(Distribution, of_few_values_has_exactly_the_percentiles_of_the_sorted_values) {
  PROPERTY([](std::uint64_t seed) {
    std::vector<double> all = values(*rc::gen::inRange<std::size_t>(1, Distribution::kExactLimit + 1), seed);
    const Distribution distribution = distribution_of(all);
    RC_ASSERT(distribution.exact());
    std::sort(all.begin(), all.end());
    for (const double fraction : kFractions) RC_ASSERT(distribution.percentile(fraction) == percentile_of_sorted(all, fraction));
  });
}

TEST(Distribution, of_many_values_has_percentiles_within_a_thousandth) {
  PROPERTY([](std::uint64_t seed) {
    std::vector<double> all = values(*rc::gen::inRange<std::size_t>(Distribution::kExactLimit + 1, 40'000), seed);
    const Distribution distribution = distribution_of(all);
    RC_ASSERT(!distribution.exact());
    std::sort(all.begin(), all.end());
    for (const double fraction : kFractions) {
      const double truth = percentile_of_sorted(all, fraction);
      // Between two neighbours of opposite sign the error is relative to the neighbours.
      const auto below = static_cast<std::size_t>(fraction * static_cast<double>(all.size() - 1));
      const double scale = std::max(std::fabs(all[below]), std::fabs(all[std::min(below + 1, all.size() - 1)]));
      RC_ASSERT(std::fabs(distribution.percentile(fraction) - truth) <= scale * Histogram::kRelativeError + 1e-12);
    }
    RC_ASSERT(distribution.min() == all.front());
    RC_ASSERT(distribution.max() == all.back());
    RC_ASSERT(distribution.count() == all.size());
  });
}

TEST(Distribution, merged_equals_one_that_saw_all_values) {
  PROPERTY([](std::uint64_t seed) {
    const std::size_t parts = *rc::gen::inRange<std::size_t>(1, 6);
    std::vector<double> all;
    Distribution merged;
    for (std::size_t i = 0; i < parts; ++i) {
      const std::vector<double> part = values(*rc::gen::element<std::size_t>(0, 1, 100, 3000, 5000, 20'000), seed + i);
      all.insert(all.end(), part.begin(), part.end());
      merged.merge(distribution_of(part));
    }
    const Distribution whole = distribution_of(all);
    RC_ASSERT(merged.count() == whole.count());
    RC_ASSERT(merged.min() == whole.min());
    RC_ASSERT(merged.max() == whole.max());
    RC_ASSERT(std::fabs(merged.sum() - whole.sum()) <=
              1e-9 * (1 + std::accumulate(all.begin(), all.end(), 0.0, [](double sum, double v) { return sum + std::fabs(v); })));
    if (all.size() <= Distribution::kExactLimit) RC_ASSERT(merged.exact());
    if (merged.exact() == whole.exact()) {
      for (const double fraction : kFractions) RC_ASSERT(merged.percentile(fraction) == whole.percentile(fraction));
    }
  });
}

TEST(Distribution, comes_back_from_its_text_as_it_was) {
  PROPERTY([](std::uint64_t seed) {
    const Distribution before = distribution_of(values(*rc::gen::element<std::size_t>(0, 1, 77, 4096, 4097, 30'000), seed));
    const auto after = Distribution::deserialize(nlohmann::json::parse(before.serialize()));
    RC_ASSERT(after.has_value());
    RC_ASSERT(after->count() == before.count());
    RC_ASSERT(after->sum() == before.sum());
    RC_ASSERT(after->min() == before.min());
    RC_ASSERT(after->max() == before.max());
    for (const double fraction : kFractions) RC_ASSERT(after->percentile(fraction) == before.percentile(fraction));
  });
}

TEST(Distribution, text_that_is_none_is_refused) {
  for (const char* text :
       {"", "{}", "[]", R"({"count":2,"sum":1,"min":0,"max":1,"values":[1]})", R"({"count":1,"sum":1,"min":0,"max":1,"values":["x"]})",
        R"({"count":1,"sum":1,"min":0,"max":1,"buckets":[[1]]})"}) {
    EXPECT_FALSE(Distribution::deserialize(nlohmann::json::parse(text, nullptr, false))) << text;
  }
}

TEST(Distribution, of_nothing_is_zero) {
  const Distribution nothing;
  EXPECT_EQ(nothing.count(), 0U);
  EXPECT_EQ(nothing.percentile(0.5), 0);
  EXPECT_EQ(nothing.min(), 0);
  EXPECT_EQ(nothing.max(), 0);
  EXPECT_EQ(nothing.mean(), 0);
}

TEST(Distribution, cleared_starts_anew) {
  Distribution distribution = distribution_of(values(10'000, 1));
  distribution.clear();
  EXPECT_EQ(distribution.count(), 0U);
  for (int i = 1; i <= 3; ++i) distribution.add(i);
  EXPECT_TRUE(distribution.exact());
  EXPECT_EQ(distribution.median(), 2);
  EXPECT_EQ(distribution.sum(), 6);
  EXPECT_EQ(distribution.min(), 1);
}

TEST(Distribution, reading_between_additions_changes_nothing) {
  const std::vector<double> all = values(9'000, 7);
  Distribution read;
  for (const double value : all) {
    read.add(value);
    static_cast<void>(read.percentile(0.9));
    static_cast<void>(read.sum());
  }
  const Distribution unread = distribution_of(all);
  EXPECT_EQ(read.sum(), unread.sum());
  EXPECT_EQ(read.count(), unread.count());
  EXPECT_NEAR(read.percentile(0.9), unread.percentile(0.9), 0.001 * std::fabs(unread.percentile(0.9)));
}

TEST(Distribution, takes_numbers_beyond_its_range_without_harm) {
  Distribution distribution;
  for (int i = 0; i < 5'000; ++i) {
    distribution.add(1e300);
    distribution.add(-1e300);
    distribution.add(5e-324);
    distribution.add(std::numeric_limits<double>::infinity());
  }
  EXPECT_EQ(distribution.count(), 20'000U);
  EXPECT_EQ(distribution.min(), -1e300);
  EXPECT_EQ(distribution.max(), std::numeric_limits<double>::infinity());
}

TEST(Distribution, memory_does_not_grow_with_the_number_of_values) {
  Distribution distribution;
  std::mt19937_64 random(3);
  std::lognormal_distribution<double> latency(1, 0.7);
  for (int i = 0; i < 100'000; ++i) distribution.add(latency(random));
  const std::size_t after_some = distribution.bytes();
  for (int i = 0; i < 2'000'000; ++i) distribution.add(latency(random));
  EXPECT_LE(distribution.bytes(), after_some + 32'768);
}

}  // namespace
}  // namespace gauntlet::engine::metrics
