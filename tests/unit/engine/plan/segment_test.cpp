#include "engine/plan/segment.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

#define PROPERTY(...) ASSERT_TRUE(rc::check(__VA_ARGS__))

namespace gauntlet::engine::plan {
namespace {

using Numbers = std::vector<std::uint64_t>;

Stripe stripe(std::string_view segment, std::string_view sequence) {
  auto parsed = Stripe::parse(segment, sequence);
  EXPECT_TRUE(parsed) << parsed.error().message;
  return parsed.value_or(Stripe());
}

Numbers first(const Stripe& stripe, std::size_t count) {
  Numbers numbers;
  for (std::size_t i = 0; i < count; ++i) numbers.push_back(stripe.global(i));
  return numbers;
}

/// Points of a sequence with these lengths: "0,2/9,4/9,1".
std::vector<std::string> points_of(const std::vector<int>& lengths) {
  const int whole = std::accumulate(lengths.begin(), lengths.end(), 0);
  std::vector<std::string> points{"0"};
  int sum = 0;
  for (const int length : lengths) points.push_back(std::to_string(sum += length) + "/" + std::to_string(whole));
  return points;
}

std::vector<Stripe> stripes_of(const std::vector<int>& lengths) {
  const auto points = points_of(lengths);
  std::string sequence = points[0];
  for (std::size_t i = 1; i < points.size(); ++i) sequence += "," + points[i];
  std::vector<Stripe> stripes;
  for (std::size_t i = 0; i + 1 < points.size(); ++i) stripes.push_back(stripe(points[i] + ":" + points[i + 1], sequence));
  return stripes;
}

/// The rule told the other way round: number by number, who takes it. A segment of n in a cycle is due at every
/// multiple of cycle / n and the longest one that is due takes the number.
std::vector<std::size_t> dealt_number_by_number(const std::vector<int>& lengths) {
  const int cycle = std::accumulate(lengths.begin(), lengths.end(), 0);
  std::vector<int> taken(lengths.size());
  std::vector<std::size_t> owners;
  for (int number = 0; number < cycle; ++number) {
    std::size_t best = lengths.size();
    for (std::size_t i = 0; i < lengths.size(); ++i) {
      const bool due = taken[i] < lengths[i] && taken[i] * cycle <= number * lengths[i];
      if (due && (best == lengths.size() || lengths[i] > lengths[best])) best = i;
    }
    RC_ASSERT(best < lengths.size());
    ++taken[best];
    owners.push_back(best);
  }
  return owners;
}

std::vector<int> some_lengths() {
  const auto count = *rc::gen::inRange<std::size_t>(2, 7);
  return *rc::gen::container<std::vector<int>>(count, rc::gen::inRange(1, 12));
}

TEST(Segment, has_the_numbers_that_k6_1_8_1_gave_it) {
  EXPECT_EQ(first(stripe("1/3:2/3", "0,1/3,2/3,1"), 4), (Numbers{1, 4, 7, 10}));
  EXPECT_EQ(first(stripe("0:0.5", "0,0.5,0.7,1"), 6), (Numbers{0, 2, 4, 6, 8, 10}));
  EXPECT_EQ(first(stripe("0.5:0.7", "0,0.5,0.7,1"), 4), (Numbers{3, 9, 13, 19}));
  EXPECT_EQ(first(stripe("70%:100%", "0,0.5,0.7,1"), 6), (Numbers{1, 5, 7, 11, 15, 17}));
  EXPECT_EQ(first(stripe("1/10:3/10", "0,1/10,3/10,6/10,1"), 4), (Numbers{2, 6, 12, 16}));
  EXPECT_EQ(first(stripe("6/10:1", "0,1/10,3/10,6/10,1"), 5), (Numbers{0, 3, 5, 8, 10}));
  EXPECT_EQ(first(stripe("12/20:15/20", "0,7/20,12/20,15/20,1"), 4), (Numbers{7, 11, 19, 27}));
  EXPECT_EQ(first(stripe("1/2:1", ""), 3), (Numbers{1, 3, 5}));
  EXPECT_EQ(first(stripe("1/4:1/2", ""), 3), (Numbers{3, 7, 11}));
}

TEST(Segment, deals_iterations_in_proportion_to_the_virtual_users_that_each_part_has) {
  // 60 virtual users: the parts have 14, 18 and 28 of them.
  EXPECT_EQ(first(stripe("7/13:1", "0,3/13,7/13,1").nested(60), 9), (Numbers{0, 3, 5, 7, 9, 11, 13, 15, 18}));
  EXPECT_EQ(first(stripe("0:3/13", "0,3/13,7/13,1").nested(60), 7), (Numbers{2, 6, 12, 16, 19, 23, 29}));
  // 3 virtual users: one part has none, and gets no iterations.
  const Stripe none = stripe("0.5:0.7", "0,0.5,0.7,1").nested(3);
  EXPECT_EQ(none.count_below(1000), 0);
  EXPECT_EQ(first(stripe("0:0.5", "0,0.5,0.7,1").nested(3), 4), (Numbers{0, 2, 3, 5}));
}

TEST(Segment, numbers_are_dealt_as_the_rule_says_and_each_to_exactly_one_segment) {
  PROPERTY([] {
    auto lengths = some_lengths();
    const int divisor = std::accumulate(lengths.begin(), lengths.end(), 0, [](int a, int b) { return std::gcd(a, b); });
    for (int& length : lengths) length /= divisor;
    const auto owners = dealt_number_by_number(lengths);
    const auto stripes = stripes_of(lengths);
    std::vector<std::uint64_t> next(stripes.size());
    for (std::uint64_t number = 0; number < 3 * owners.size(); ++number) {
      const std::size_t owner = owners[number % owners.size()];
      RC_ASSERT(stripes[owner].global(next[owner]++) == number);
    }
  });
}

TEST(Segment, parts_of_any_count_sum_up_to_it) {
  PROPERTY([] {
    const auto stripes = stripes_of(some_lengths());
    const auto value = *rc::gen::inRange<std::int64_t>(0, 1'000'000);
    const auto users = *rc::gen::inRange<std::int64_t>(1, 500);
    std::int64_t sum = 0;
    std::int64_t nested_sum = 0;
    double share = 0;
    for (const Stripe& stripe : stripes) {
      sum += stripe.count_below(value);
      nested_sum += stripe.nested(users).count_below(value);
      share += stripe.share();
    }
    RC_ASSERT(sum == value);
    RC_ASSERT(nested_sum == value);
    RC_ASSERT(std::abs(share - 1) < 1e-9);
  });
}

TEST(Segment, refuses_what_makes_no_sense_with_k6s_words) {
  const auto error = [](std::string_view segment, std::string_view sequence = "") {
    const auto parsed = Stripe::parse(segment, sequence);
    return parsed ? std::string("accepted") : parsed.error().message;
  };
  EXPECT_EQ(error("abc"), "'abc' is not a valid percentage, decimal, fraction or interval value");
  EXPECT_EQ(error("0:1/0"), "'1/0' is not a valid percentage, decimal, fraction or interval value");
  EXPECT_EQ(error("1:0"), "segment start(1.00) must be less than its end(0.00)");
  EXPECT_EQ(error("0:2"), "segment end value can't be more than 1 but was 2.00");
  EXPECT_EQ(error("-1:1"), "segment start value must be at least 0 but was -1.00");
  EXPECT_EQ(error("0:1/2", "0,1/3,1"), "provided segment 0:1/2 can't be found in sequence 0,1/3,1");
  EXPECT_EQ(error("0:1/2", "x"), "at least 2 points are needed for an execution segment sequence, 1 given");
  EXPECT_EQ(error("0:0.123456789", ""), "the execution segments have no common denominator below 4000000: give them as fractions, as 1/3");
}

}  // namespace
}  // namespace gauntlet::engine::plan
