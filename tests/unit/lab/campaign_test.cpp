#include <gtest/gtest.h>

#include "lab/campaign/campaign_journal.hpp"
#include "lab/campaign/campaign_plan.hpp"
#include "temporary_folder.hpp"

namespace gauntlet::lab {
namespace {

using std::chrono::seconds;

TEST(CampaignPlan, holds_the_guides_levels_and_file_names) {
  const auto levels = campaign_levels(CampaignSize::full, std::nullopt);
  std::vector<std::string> files;
  for (const auto& level : levels) files.push_back(result_file(level));
  EXPECT_EQ(files, (std::vector<std::string>{"scenario1/level_50rps.json",
                                             "scenario1/level_100rps.json",
                                             "scenario1/level_200rps.json",
                                             "scenario1/level_500rps.json",
                                             "scenario1/level_1000rps.json",
                                             "scenario1/level_2000rps.json",
                                             "scenario1/level_5000rps.json",
                                             "scenario2/level_100eps.json",
                                             "scenario2/level_500eps.json",
                                             "scenario2/level_1000eps.json",
                                             "scenario2/level_2000eps.json",
                                             "scenario2/level_5000eps.json",
                                             "scenario2/level_10000eps.json",
                                             "scenario3/level_50rps_100eps.json",
                                             "scenario3/level_100rps_500eps.json",
                                             "scenario3/level_200rps_1000eps.json",
                                             "scenario3/level_500rps_2000eps.json",
                                             "scenario3/level_1000rps_5000eps.json",
                                             "scenario4/results.json",
                                             "scenario5/results.json"}));
  EXPECT_EQ(levels.front().duration, seconds(1800));
  EXPECT_EQ(levels.back().duration, seconds(300));
  EXPECT_EQ(level_title(levels[15].load), "200 RPS + 1000 EPS");
}

TEST(CampaignPlan, quick_fits_into_twenty_minutes_with_its_pauses) {
  seconds total{0};
  for (const auto& level : campaign_levels(CampaignSize::quick, std::nullopt)) total += level.duration + seconds(30);
  EXPECT_LE(total, seconds(1200));
}

TEST(CampaignPlan, one_scenario_alone_has_its_levels_alone) {
  for (const auto& level : campaign_levels(CampaignSize::quick, 2, seconds(5))) {
    EXPECT_EQ(level.scenario, 2);
    EXPECT_EQ(level.duration, seconds(5));
  }
}

TEST(CampaignJournal, survives_its_file_and_knows_what_held) {
  const TemporaryFolder results;
  CampaignJournal journal;
  journal.size = CampaignSize::quick;
  journal.started_s = 1000;
  journal.environment = {{"cores", "2"}};
  const auto levels = campaign_levels(CampaignSize::quick, 1);
  journal.levels = {{levels[0], LevelRecord::State::held, "", 1, 2, 49.9, 0, {1, 2, 3}, 20},
                    {levels[1], LevelRecord::State::held, "", 3, 4, 99.9, 0, {1, 2, 3}, 20},
                    {levels[2], LevelRecord::State::failed, "a threshold was crossed", 5, 6, 150, 0, {1, 2, 3}, 20},
                    {levels[3], LevelRecord::State::skipped, "200 RPS failed", 0, 0, 0, 0, {}, 0}};
  ASSERT_TRUE(write_journal(results.path(), journal));
  const auto again = read_journal(results.path());
  ASSERT_TRUE(again) << again.error().message;
  ASSERT_EQ(again->levels.size(), 4U);
  EXPECT_EQ(again->size, CampaignSize::quick);
  EXPECT_EQ(again->highest_held(1)->level.load.requests_per_s, 100);
  EXPECT_EQ(again->first_failed(1)->reason, "a threshold was crossed");
  EXPECT_EQ(again->highest_held(2), nullptr);
  EXPECT_EQ(again->find(levels[1])->cpu.database_s, 3);
}

TEST(CampaignJournal, says_which_file_is_none) {
  const TemporaryFolder results;
  EXPECT_EQ(read_journal(results.path()).error().kind, base::ErrorKind::not_found);
  results.write("campaign.json", "{\"size\":");
  EXPECT_NE(read_journal(results.path()).error().message.find("campaign.json"), std::string::npos);
}

}  // namespace
}  // namespace gauntlet::lab
