#include <gtest/gtest.h>

#include <random>
#include <string>

#include "autocorrelated.hpp"
#include "engine/results/run_result.hpp"
#include "lab/trial/run_summary.hpp"
#include "lab/trial/scenario_run.hpp"
#include "lab/trial/steady_state.hpp"
#include "lab/trial/trial.hpp"

namespace gauntlet::lab {
namespace {

using namespace std::chrono_literals;

constexpr const char* kScenarioSummary = R"json({"metrics":{
  "iterations":{"values":{"count":3000,"rate":149.5}},
  "http_reqs":{"values":{"count":2200}},
  "http_req_duration":{"values":{"med":0.5,"p(95)":2.25,"p(99)":30}},
  "http_req_failed":{"values":{"rate":0.005}},
  "grpc_reqs":{"values":{"count":1000}},
  "grpc_req_duration":{"values":{"med":1,"p(95)":2,"p(99)":3}},
  "grpc_req_failed":{"values":{"rate":0}},
  "iteration_duration_intended":{"values":{"med":4,"p(95)":5,"p(99)":6}}}})json";

TEST(RunSummary, reads_the_figures_of_the_table) {
  const auto result = engine::results::parse_run_result(kScenarioSummary);
  ASSERT_TRUE(result);
  const RunSummary summary = summary_of(*result);
  EXPECT_EQ(summary.iterations, 3000);
  EXPECT_EQ(summary.calls, 1000);
  EXPECT_EQ(summary.failed_requests, 0.005);
  EXPECT_EQ(summary.request_time->p95_ms, 2.25);
  EXPECT_EQ(summary.from_intended_start->p99_ms, 6);
}

TEST(RunSummary, what_was_not_measured_stays_empty) {
  const auto result = engine::results::parse_run_result(R"({"metrics":{"iterations":{"values":{"count":1}}}})");
  ASSERT_TRUE(result);
  const RunSummary summary = summary_of(*result);
  EXPECT_FALSE(summary.request_time);
  EXPECT_FALSE(summary.failed_calls);
}

TEST(ScenarioResult, holds_its_level_only_when_the_load_was_applied) {
  ScenarioResult result;
  result.level = {100, 50};
  result.summary = summary_of(*engine::results::parse_run_result(kScenarioSummary));
  result.thresholds_held = true;
  EXPECT_TRUE(result.held(20s));  // (3000 - 1000) / 20 and 1000 / 20
  result.level = {100, 60};
  EXPECT_FALSE(result.held(20s));
  result.level = {100, 50};
  result.thresholds_held = false;
  EXPECT_FALSE(result.held(20s));
}

TEST(SteadyState, warm_up_is_cut_off_and_a_steady_series_is_left_alone) {
  std::vector<double> values{90, 60, 40};
  std::mt19937 random(1);
  std::normal_distribution<double> noise(20, 1);
  for (int i = 0; i < 20; ++i) values.push_back(noise(random));
  EXPECT_EQ(warm_up_length(values), 3U);
  EXPECT_EQ(warm_up_length(std::vector<double>(20, 5.0)), 0U);
}

TEST(SteadyState, a_means_probabilities_are_those_of_students_tables) {
  EXPECT_NEAR(probability_below({0, 1, 10}, 2.228), 0.975, 1e-4);
  EXPECT_NEAR(probability_below({0, 1, 9}, -1.833), 0.05, 1e-4);
  EXPECT_NEAR(probability_below({0, 1, 1}, 12.706), 0.975, 1e-4);
}

TEST(SteadyState, autocorrelation_widens_the_error_enough) {
  // Without batches, the 95 % interval of this series would hold the mean in about six of ten cases.
  int held = 0;
  for (unsigned seed = 0; seed < 400; ++seed) {
    std::mt19937 random(seed);
    const auto mean = steady_mean(autocorrelated(random, 0, 0.6, 40));
    const double probability = probability_below(mean, 0);
    held += probability > 0.025 && probability < 0.975;
  }
  EXPECT_GE(held, 400 * 0.85);
}

base::Expected<Trial> read_trial(const std::string& json) {
  const auto result = engine::results::parse_run_result(json);
  return result ? trial_of(*result) : tl::unexpected(result.error());
}

constexpr const char* kResult = R"({"metrics":{
  "iterations":{"values":{"count":400}},"dropped_iterations":{"values":{"count":0}},"iteration_duration":{"values":{"avg":20}},"vus_max":{"values":{"max":100}},
  "http_reqs":{"values":{"count":400}},"http_req_duration":{"values":{"avg":10},"thresholds":{"p(95)<50":{"ok":true}}},
  "checks":{"values":{"rate":1},"thresholds":{"rate>0.99":{"ok":true}}}},
 "series":[{"t":0,"seconds":1,"metrics":{"http_req_duration":{"p95":90},"checks":{"rate":1}}},{"t":1,"seconds":1,"metrics":{"http_req_duration":{"p95":20},"checks":{"rate":1}}},
  {"t":2,"seconds":1,"metrics":{"http_req_duration":{"p95":21},"checks":{"rate":1}}},{"t":3,"seconds":1,"metrics":{"http_req_duration":{"p95":20},"checks":{"rate":1}}},
  {"t":4,"seconds":1,"metrics":{"http_req_duration":{"p95":22},"checks":{"rate":1}}},{"t":5,"seconds":1,"metrics":{"http_req_duration":{"p95":21},"checks":{"rate":1}}},
  {"t":6,"seconds":1,"metrics":{"http_req_duration":{"p95":20},"checks":{"rate":1}}},{"t":7,"seconds":1,"metrics":{"http_req_duration":{"p95":20},"checks":{"rate":1}}}]})";

TEST(Trial, is_read_from_the_engines_result_and_its_warm_up_does_not_count) {
  const auto trial = read_trial(kResult);
  ASSERT_TRUE(trial) << trial.error().message;
  EXPECT_DOUBLE_EQ(trial->throughput_per_s, 50);
  EXPECT_DOUBLE_EQ(trial->concurrency(), 0.5);
  EXPECT_EQ(trial->thresholds.size(), 2U);
  EXPECT_GT(probability_of_holding(*trial), 0.99);
  EXPECT_FALSE(read_trial(R"({"metrics":{}})"));
}

TEST(Trial, iterations_that_were_dropped_make_the_level_fail) {
  auto trial = *read_trial(kResult);
  trial.dropped_per_s = 10;
  trial.wanted_per_s = 60;
  EXPECT_EQ(probability_of_holding(trial), 0);
}

TEST(Trial, a_generator_without_cpu_is_told_from_a_system_at_its_limit) {
  auto trial = *read_trial(kResult);
  EXPECT_TRUE(generator_verdict(trial).kept_up());
  trial.dropped_per_s = 10;
  trial.wanted_per_s = 60;
  trial.generator_cores = 1.6;
  trial.machine_idle_cores = 0.02;
  EXPECT_EQ(generator_verdict(trial).limit, engine::results::GeneratorLimit::cores_busy);
  trial.machine_idle_cores = 0.8;  // it was waiting, not working
  EXPECT_TRUE(generator_verdict(trial).kept_up());
  trial.mean_iteration_s = 2;  // every virtual user busy, thresholds fine
  EXPECT_EQ(generator_verdict(trial).limit, engine::results::GeneratorLimit::no_free_vu);
}

TEST(Trial, agents_that_could_not_make_the_load_are_told_from_a_system_at_its_limit) {
  auto trial = *read_trial(kResult);
  trial.dropped_per_s = 10;
  trial.wanted_per_s = 60;
  trial.generator = {engine::results::GeneratorLimit::cores_busy, "agent lg2 was the limit"};
  EXPECT_TRUE(generator_verdict(trial).kept_up()) << "of this machine the CPU that was left says more";
  trial.agents.emplace_back().name = "lg2";
  EXPECT_EQ(generator_verdict(trial).words, "agent lg2 was the limit");
  trial.dropped_per_s = 0;
  trial.wanted_per_s = trial.achieved_per_s;
  EXPECT_TRUE(generator_verdict(trial).kept_up());
}

TEST(Trial, takes_the_generators_verdict_as_a_fact_whatever_its_words_are) {
  const auto trial_of = [](const std::string& generator) {
    auto trial = read_trial(R"({"metrics":{},"series":[{"seconds":1,"metrics":{}}],"generator":)" + generator + "}");
    EXPECT_TRUE(trial) << generator;
    return trial ? trial->generator.machine_was_the_limit() : false;
  };
  EXPECT_TRUE(trial_of(R"({"limit":"cores_busy","verdict":"words"})"));
  EXPECT_TRUE(trial_of(R"({"limit":"starts_late","verdict":"words"})"));
  EXPECT_FALSE(trial_of(R"({"limit":"no_free_vu","verdict":"the generator was the limit"})"));
  EXPECT_FALSE(trial_of(R"({"limit":"none","verdict":""})"));
  EXPECT_FALSE(trial_of(R"({"limit":5,"verdict":[]})"));
  EXPECT_FALSE(trial_of("7"));
}

}  // namespace
}  // namespace gauntlet::lab
