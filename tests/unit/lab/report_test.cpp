#include <gtest/gtest.h>

#include <cmath>

#include "lab/comparison/paired_difference.hpp"
#include "lab/record/run_history.hpp"
#include "lab/report/capacity_model.hpp"
#include "lab/report/documents.hpp"
#include "lab/report/html_report.hpp"
#include "lab/report/level_chart.hpp"
#include "temporary_folder.hpp"

namespace gauntlet::lab {
namespace {

CostPoint point(double requests, double events) {
  return {requests,
          events,
          0.01 + 0.001 * requests,
          0.02 + 0.0001 * events,
          0.05 + 0.0004 * requests + 0.0003 * events,
          0.002 * requests + 0.0005 * events};
}

TEST(CapacityModel, is_found_again_from_points_that_follow_it) {
  const auto model = fit_capacity({point(50, 0), point(200, 0), point(500, 0), point(0, 500), point(0, 2000), point(200, 1000)});
  ASSERT_TRUE(model);
  EXPECT_NEAR(model->service.per_request, 0.001, 1e-6);
  EXPECT_NEAR(model->handler.per_event, 0.0001, 1e-7);
  EXPECT_NEAR(model->database.base, 0.05, 1e-4);
  EXPECT_LT(model->worst_error, 1e-4);
  EXPECT_EQ(model->most_events_per_s, 2000);
}

TEST(CapacityModel, is_not_made_up_from_too_little) {
  EXPECT_FALSE(fit_capacity({point(50, 0), point(100, 0), point(200, 0)}));
  EXPECT_FALSE(fit_capacity({point(50, 100), point(100, 0)}));
}

TEST(CapacityPlan, follows_the_assumptions_and_says_when_it_extrapolates) {
  const auto model = *fit_capacity({point(50, 0), point(200, 0), point(500, 0), point(0, 500), point(0, 2000)});
  PlayerBehaviour players;
  players.daily_players = 86'400;  // a second each
  players.requests_per_player = 100;
  players.events_per_player = 100;
  players.peak_factor = 2;
  players.headroom = 2;
  auto plan = plan_capacity(model, players, 200.0);
  EXPECT_DOUBLE_EQ(plan.peak_requests_per_s, 200);
  EXPECT_EQ(plan.service_replicas, 2);  // (0.01 + 0.4) / 0.7, but never one alone
  EXPECT_EQ(plan.database_cores, 1);
  EXPECT_NEAR(*plan.database_gb, 86'400 * 10 * 200 / 1e9, 1e-9);
  EXPECT_LT(plan.extrapolation, 1);
  players.daily_players *= 100;
  plan = plan_capacity(model, players, std::nullopt);
  EXPECT_EQ(plan.service_replicas, 58);  // ceil(40.01 / 0.7)
  EXPECT_FALSE(plan.database_gb);
  EXPECT_DOUBLE_EQ(plan.extrapolation, 80);
}

TEST(PairedDifference, sees_a_change_through_drift_that_hits_both_sides) {
  const auto d = paired_difference({100, 150, 210, 80}, {90, 136, 188, 72.5}, false);
  EXPECT_NEAR(d.change, -9.9, 0.5);
  EXPECT_LT(d.high, 0);
  EXPECT_EQ(judgement(d), "better");
  EXPECT_EQ(judgement(paired_difference({100, 150, 210, 80}, {90, 136, 188, 72.5}, true)), "worse");
}

TEST(PairedDifference, does_not_take_noise_for_a_change) {
  const auto d = paired_difference({100, 100, 100}, {90, 104, 107}, false);
  EXPECT_LT(d.low, 0);
  EXPECT_GT(d.high, 0);
  EXPECT_EQ(judgement(d).substr(0, 18), "no difference seen");
  EXPECT_EQ(judgement(paired_difference({1}, {2}, false)), "not enough pairs");
}

TEST(RunHistory, lists_newest_first_and_forgets_on_demand) {
  const TemporaryFolder project;
  auto history = RunHistory::open(project.path());
  ASSERT_TRUE(history) << history.error().message;
  const std::string result = project.write("results/a.json", "{}").string();
  RunEntry run{.id = 0,
               .started_s = 5,
               .seconds = 2,
               .kind = "campaign",
               .script = "a.js",
               .level = "50 RPS",
               .state = "held",
               .result = result,
               .p95_ms = 1.5,
               .throughput_per_s = 50};
  const auto first = history->add(run);
  run.level = "100 RPS";
  const auto second = history->add(run);
  ASSERT_TRUE(first && second);
  EXPECT_EQ((*history->list(10)).at(0).level, "100 RPS");
  EXPECT_EQ((*history->list(1)).size(), 1U);
  ASSERT_TRUE(history->remove(*first, true));
  EXPECT_FALSE(std::filesystem::exists(result));
  EXPECT_FALSE((*history->find(*first)).has_value());
  EXPECT_EQ(history->remove(*first, false).error().kind, base::ErrorKind::not_found);
  EXPECT_EQ((*RunHistory::open(project.path())).find(*second)->value().p95_ms, 1.5);
}

TEST(Documents, say_what_was_not_measured) {
  CampaignFacts facts;
  facts.journal.size = CampaignSize::quick;
  const auto levels = campaign_levels(CampaignSize::quick, 1);
  facts.journal.levels = {{levels[0], LevelRecord::State::failed, "a <threshold> was crossed", 1, 2, 40, 0, {}, 20},
                          {levels[1], LevelRecord::State::skipped, "50 RPS failed", 0, 0, 0, 0, {}, 0}};
  for (const auto& record : facts.journal.levels) facts.levels.push_back({record, std::nullopt, std::nullopt});
  const auto baseline = baseline_document(facts);
  EXPECT_NE(baseline.find("| 2 Event processing | not measured | not measured | not measured | not measured |"), std::string::npos)
      << baseline;
  EXPECT_NE(baseline.find("| 50 RPS | **failed** | 40 | not measured |"), std::string::npos) << baseline;
  EXPECT_NE(capacity_document(facts).find("Nothing here is guessed"), std::string::npos);
  const auto junit = report_junit(facts);
  EXPECT_NE(junit.find("tests=\"2\" failures=\"1\" skipped=\"1\""), std::string::npos);
  EXPECT_NE(junit.find("a &lt;threshold&gt; was crossed"), std::string::npos);
}

TEST(Documents, say_who_had_the_machine_at_the_highest_level) {
  CampaignFacts facts;
  const auto levels = campaign_levels(CampaignSize::quick, 1);
  for (std::size_t i = 0; i < 2; ++i) {
    Evidence evidence;
    evidence.cores = 2;
    evidence.processes["generator"].cpu_cores = 0.5;
    evidence.processes["challenge-service"].cpu_cores = 0.3;
    evidence.idle_cores = 1.1;
    facts.levels.push_back({{levels[i], LevelRecord::State::held, "", 1, 2, 1000.0, 0, {}, 20}, std::nullopt, evidence});
  }
  facts.levels.push_back({{levels[2], LevelRecord::State::skipped, "", 0, 0, 0, 0, {}, 0}, std::nullopt, std::nullopt});
  const auto own = baseline_document(facts);
  EXPECT_NE(own.find("Who had the 2 cores at 100 RPS:"), std::string::npos) << own;
  EXPECT_NE(own.find("| generator | 0.50 | 25 % | 0.500 | 0.14 |"), std::string::npos) << own;
  EXPECT_NE(own.find("| challenge-service | 0.30 | 15 % | 0.300 | 0.03 |"), std::string::npos) << own;
  EXPECT_NE(own.find("| idle | 1.10 | 55 % |  | |"), std::string::npos) << own;
  facts.journal.environment["target"] = "staging";
  EXPECT_NE(baseline_document(facts).find("| generator | 0.50 | 25 % | 0.500 |\n"), std::string::npos);
}

TEST(HtmlReport, draws_levels_and_takes_no_text_for_markup) {
  CampaignFacts facts;
  const auto levels = campaign_levels(CampaignSize::quick, 1);
  for (int i = 0; i < 2; ++i) {
    LevelRecord record{levels[static_cast<std::size_t>(i)], LevelRecord::State::held, "", 1, 2, 50.0 * (i + 1), 0, {}, 20};
    facts.journal.levels.push_back(record);
    RunSummary summary;
    summary.request_time = Percentiles{1, 2, 3};
    facts.levels.push_back({record, summary, std::nullopt});
  }
  facts.journal.environment["cpu"] = "<script>alert(1)</script> A|B";
  const auto html = report_html(facts);
  EXPECT_NE(html.find("<title>p95, 100: 2 ms</title>"), std::string::npos);
  EXPECT_NE(html.find("<table>"), std::string::npos);
  EXPECT_EQ(html.find("<script"), std::string::npos);
  EXPECT_NE(html.find("not measured"), std::string::npos);
}

TEST(LevelChart, leaves_a_gap_where_nothing_was_measured) {
  const auto svg = level_chart("CPU", "cores", {"50", "100", "200"}, {{"service", {0.1, std::nullopt, 0.4}}});
  EXPECT_EQ(svg.find(" L"), std::string::npos) << "points that are not neighbours are not joined";
  EXPECT_NE(svg.find("<title>service, 200: 0.4 cores</title>"), std::string::npos);
  EXPECT_EQ(level_chart("CPU", "cores", {"50"}, {{"service", {std::nullopt}}}), "");
}

}  // namespace
}  // namespace gauntlet::lab
