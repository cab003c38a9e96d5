#include <gtest/gtest.h>

#include "engine/results/run_result.hpp"
#include "lab/demo/demo_table.hpp"
#include "lab/demo/level_choice.hpp"
#include "lab/trial/run_summary.hpp"

namespace gauntlet::lab {
namespace {

using namespace std::chrono_literals;

TEST(LoadLevel, is_the_highest_that_half_the_machine_carries) {
  // 2 cores, half of them: 1 CPU second a second, at 1 ms a request 1,000 requests.
  EXPECT_EQ(level_that_fits(kApiLevels, {.request_cpu_s = 0.001}, 2).requests_per_s, 1000);
  EXPECT_EQ(level_that_fits(kApiLevels, {.request_cpu_s = 0.0011}, 2).requests_per_s, 500);
  EXPECT_EQ(level_that_fits(kEventLevels, {.event_cpu_s = 0.00005}, 2).events_per_s, 10'000);
}

TEST(LoadLevel, counts_requests_and_events_together) {
  const auto level = level_that_fits(kCombinedLevels, {.request_cpu_s = 0.001, .event_cpu_s = 0.0002}, 2);
  EXPECT_EQ(level.requests_per_s, 500);  // 0.5 + 0.4; the next would be 1 + 1
  EXPECT_EQ(level.events_per_s, 2000);
}

TEST(LoadLevel, is_the_lowest_when_none_fits) { EXPECT_EQ(level_that_fits(kApiLevels, {.request_cpu_s = 1}, 2).requests_per_s, 50); }

TEST(LoadLevel, is_not_lowered_by_what_a_run_costs_however_small) {
  // 1 s to start the generator and 0.1 ms an event: the mean of a small run would be 1.8 ms.
  const double cost = cost_of_one_more(600, 1.06, 6000, 1.6);
  EXPECT_DOUBLE_EQ(cost, 0.0001);
  EXPECT_EQ(level_that_fits(kEventLevels, {.event_cpu_s = cost}, 2).events_per_s, 10'000);
  // Two runs that tell no difference: the mean of the second.
  EXPECT_DOUBLE_EQ(cost_of_one_more(600, 1, 600, 1.2), 0.002);
  EXPECT_DOUBLE_EQ(cost_of_one_more(600, 1.3, 1000, 1), 0.001);
}

TEST(LoadLevel, counts_on_the_cores_that_others_leave) {
  EXPECT_DOUBLE_EQ(cores_available(2, 14, 4, 8), 4);  // half used by others
  EXPECT_DOUBLE_EQ(cores_available(2, 30, 4, 8), 8);
  EXPECT_DOUBLE_EQ(cores_available(1, 0, 4, 8), 4);  // our share of a full machine
}

TEST(LoadLevel, below_the_lowest_there_is_none) {
  EXPECT_EQ(level_below(kApiLevels, {500, 0}).requests_per_s, 200);
  EXPECT_EQ(level_below(kApiLevels, {50, 0}).requests_per_s, 50);
}

constexpr const char* kSummary = R"json({"metrics":{
  "iterations":{"values":{"count":3000,"rate":149.5}},
  "http_reqs":{"values":{"count":2200}},
  "http_req_duration":{"values":{"med":0.5,"p(95)":2.25,"p(99)":30}},
  "http_req_failed":{"values":{"rate":0.005}},
  "grpc_reqs":{"values":{"count":1000}},
  "grpc_req_duration":{"values":{"med":1,"p(95)":2,"p(99)":3}},
  "grpc_req_failed":{"values":{"rate":0}},
  "iteration_duration_intended":{"values":{"med":4,"p(95)":5,"p(99)":6}}}})json";

TEST(DemoTable, shows_each_scenario_with_its_figures) {
  ScenarioResult result;
  result.level = {100, 50};
  result.summary = summary_of(*engine::results::parse_run_result(kSummary));
  result.cpu = {.generator_s = 10, .services_s = 5, .database_s = 2};
  result.wall_s = 20;
  DemoTable table;
  table.add_combined("3 combined", result, 20s);
  EXPECT_EQ(table.text(),
            "                                    service time, ms      from intended start, ms                     "
            "CPU, cores         \n"
            "scenario       target achieved      p50     p95      p99      p50     p95      p99   errors  generator "
            "services  database\n"
            "3 combined    100 RPS      100     0.50    2.25     30.0     4.00    5.00     6.00   0.50 %       0.50    "
            " 0.25      0.10\n"
            "               50 EPS       50     1.00    2.00     3.00                             0.00 %               "
            "               \n");
}

}  // namespace
}  // namespace gauntlet::lab
