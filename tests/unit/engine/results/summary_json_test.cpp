#include "engine/results/summary_json.hpp"

#include <nlohmann/json.hpp>

#include "unit/engine/results/recording.hpp"

namespace gauntlet::engine::results {
namespace {

using nlohmann::json;

TEST(SummaryJson, is_what_k6_handed_to_handle_summary_for_the_same_samples) {
  for (const char* name : {"compact", "us", "ttycompact"}) {
    const Recording recording(name, rich_thresholds());
    const json ours = json::parse(handle_summary_json(recording.summary()));
    EXPECT_EQ(json::diff(recording.data(), ours), json::array()) << name;
  }
}

TEST(SummaryJson, keeps_groups_of_setup_and_teardown_as_k6_does) {
  const Recording recording("groups", groups_thresholds());
  const json ours = json::parse(handle_summary_json(recording.summary()));
  EXPECT_EQ(json::diff(recording.data(), ours), json::array());
}

TEST(SummaryJson, export_equals_k6s_file_for_the_same_samples) {
  const Recording recording("compact", rich_thresholds());
  const json ours = json::parse(summary_export_json(recording.summary()));
  EXPECT_EQ(json::diff(json::parse(golden_text("compact.export.json")), ours), json::array());
  const Recording groups("groups", groups_thresholds());
  EXPECT_EQ(json::diff(json::parse(golden_text("groups.export.json")), json::parse(summary_export_json(groups.summary()))), json::array());
}

TEST(SummaryJson, results_answer_the_questions_that_people_ask_with_jq) {
  Recording recording("compact", rich_thresholds());
  const json results = json::parse(results_json(recording.summary(), recording.collector().series().rows(), recording.registry(), ""));
  const json& theirs = recording.data()["metrics"];
  EXPECT_EQ(results["metrics"]["http_req_duration"]["values"]["p(95)"], theirs["http_req_duration"]["values"]["p(95)"]);
  EXPECT_EQ(results["metrics"]["http_req_failed"]["values"]["rate"], theirs["http_req_failed"]["values"]["rate"]);
  EXPECT_EQ(results["metrics"]["http_reqs"]["values"]["rate"], theirs["http_reqs"]["values"]["rate"]);
  ASSERT_EQ(results["series"].size(), 1U);
  EXPECT_EQ(results["series"][0]["metrics"]["http_reqs"]["count"], 22);
  EXPECT_EQ(results["endpoints"].size(), 5U);
  EXPECT_EQ(results["endpoints"][0]["count"], 6);
}

}  // namespace
}  // namespace gauntlet::engine::results
