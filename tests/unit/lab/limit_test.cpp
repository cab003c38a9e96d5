#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "autocorrelated.hpp"
#include "lab/limit/limit_search.hpp"
#include "lab/limit/scalability.hpp"
#include "lab/trial/trial.hpp"

namespace gauntlet::lab {
namespace {

constexpr double kBound = 200;

/// How a server's p95 meets the bound: as the load's share of the limit goes to p95, which is at the bound for 1.
struct Knee {
  const char* name;
  double (*p95)(double share);
  double noise;  // of a second, as a share
};

constexpr Knee kKnees[] = {
    {"a queue: 20 ms / (1 - load / capacity)",
     [](double share) { return share * 0.9 < 1 ? std::min(20 / (1 - share * 0.9), 50'000.0) : 50'000; }, 0.12},
    {"the same, seconds twice as noisy", [](double share) { return share * 0.9 < 1 ? std::min(20 / (1 - share * 0.9), 50'000.0) : 50'000; },
     0.24},
    {"a cliff: 20 ms, beyond the limit 5 s", [](double share) { return share <= 1 ? 20.0 : 5000.0; }, 0.12},
    {"a slope: by the square of the load", [](double share) { return kBound * share * share; }, 0.12},
    {"a knee that bends late: by its tenth power", [](double share) { return 10 + (kBound - 10) * std::pow(share, 10); }, 0.12},
};

/// A server with a known limit, with a warm-up, seconds that resemble each other, and now and then a second in which
/// something else happens.
class SimulatedServer {
 public:
  SimulatedServer(const Knee& knee, unsigned seed, double limit) : knee_(knee), random_(seed), limit_(limit) {}

  Trial run(double level, int length_s = 15) {
    Trial trial;
    trial.level = level;
    trial.seconds = length_s;
    trial.wanted_per_s = trial.achieved_per_s = level;
    trial.thresholds.push_back({"http_req_duration", "p(95)<200", kBound, true, true, {}});
    const double steady = knee_.p95(level / limit_);
    const auto noise = autocorrelated(random_, 0, 0.6, length_s);
    std::uniform_real_distribution<double> uniform;
    for (int i = 0; i < length_s; ++i) {
      double value = steady * std::exp(knee_.noise * noise[static_cast<std::size_t>(i)]) * (1 + 1.5 * std::exp(-i / 1.5));
      if (uniform(random_) < 0.01) value *= 3;
      trial.thresholds[0].values.push_back(value);
    }
    return trial;
  }

 private:
  const Knee& knee_;
  std::mt19937 random_;
  double limit_;
};

class LimitSearchOn : public testing::TestWithParam<Knee> {};

TEST_P(LimitSearchOn, a_known_knee_covers_it_in_at_least_190_of_200_searches) {
  int covered = 0, within_5 = 0, within_10 = 0;
  std::size_t trials = 0;
  double ratio = 0;
  for (unsigned seed = 0; seed < 200; ++seed) {
    std::mt19937 random(seed * 7919 + 1);
    const double limit = std::exp(std::uniform_real_distribution<double>(std::log(70), std::log(4500))(random));
    SimulatedServer server(GetParam(), seed, limit);
    LimitSearch search(50, 5000);
    while (!search.is_settled() && search.trials() < 40) {
      const double level = search.next_level();
      search.observe(level, probability_of_holding(server.run(level)));
    }
    const auto estimate = search.estimate();
    covered += estimate.lower <= limit && limit <= estimate.upper;
    const double error = std::abs(estimate.median / limit - 1);
    within_5 += error <= 0.05;
    within_10 += error <= 0.1;
    trials += search.trials();
    ratio += estimate.upper / estimate.lower;
  }
  std::printf("| %s | %d of 200 | %d | %d | %.1f | %.2f |\n", GetParam().name, covered, within_5, within_10,
              static_cast<double>(trials) / 200, ratio / 200);
  EXPECT_GE(covered, 190);
  EXPECT_GE(within_10, 190);
  // A trial takes 15 s, and up to 10 s to reset and rest before it: 36 of them are a quarter of an hour.
  EXPECT_LE(trials, 200U * 36);
  EXPECT_LE(ratio / 200, 1.2);
}

INSTANTIATE_TEST_SUITE_P(Simulated, LimitSearchOn, testing::ValuesIn(kKnees),
                         [](const auto& tested) { return "knee_" + std::to_string(tested.index); });

TEST(LimitSearch, a_limit_beyond_the_range_is_said_to_be_beyond) {
  LimitSearch search(50, 500);
  for (int i = 0; i < 12; ++i) search.observe(search.next_level(), 1);
  EXPECT_TRUE(search.is_settled());
  EXPECT_TRUE(search.estimate().above_range);
  LimitSearch low(50, 500);
  for (int i = 0; i < 12; ++i) low.observe(low.next_level(), 0);
  EXPECT_TRUE(low.estimate().below_range);
}

TEST(LimitSearch, a_trial_that_proves_nothing_changes_nothing) {
  LimitSearch search(50, 5000);
  const double before = search.next_level();
  search.observe(before, 0.5);
  EXPECT_DOUBLE_EQ(search.next_level(), before);
}

TEST(Scalability, the_law_is_found_again_from_points_on_it) {
  std::vector<ScalabilityPoint> points;
  for (const double n : {1.0, 2.0, 5.0, 10.0, 20.0, 40.0}) points.push_back({n, n / (0.01 + 0.001 * n + 0.00002 * n * n)});
  const auto fit = fit_scalability(points);
  ASSERT_TRUE(fit);
  EXPECT_NEAR(fit->a, 0.01, 1e-6);
  EXPECT_NEAR(fit->b, 0.001, 1e-7);
  EXPECT_NEAR(fit->c, 0.00002, 1e-9);
  EXPECT_NEAR(fit->peak()->concurrency, std::sqrt(0.01 / 0.00002), 0.1);
  EXPECT_LT(fit->worst_residual, 1e-6);
  points.resize(3);
  EXPECT_FALSE(fit_scalability(points));
}

TEST(Scalability, parameters_never_turn_negative_and_residuals_show_the_misfit) {
  const auto fit = fit_scalability({{1, 100}, {2, 230}, {4, 380}, {8, 1000}});
  ASSERT_TRUE(fit);
  EXPECT_GE(fit->b, 0);
  EXPECT_GE(fit->c, 0);
  EXPECT_GT(fit->worst_residual, 0.05);
}

}  // namespace
}  // namespace gauntlet::lab
