#include "engine/results/run_result.hpp"

#include <nlohmann/json.hpp>

#include "engine/results/json_writer.hpp"
#include "engine/results/summary_json.hpp"
#include "unit/engine/results/recording.hpp"

namespace gauntlet::engine::results {
namespace {

using nlohmann::json;

TEST(RunResult, is_read_back_with_every_member_that_was_written) {
  Recording recording("compact", rich_thresholds());
  Summary summary = recording.summary();
  summary.generator.cpu_share = 0.97;
  summary.generator.loop_lag_p99_ms = 1.5;
  summary.generator.verdict = summary.generator.judged();
  const std::string text = results_json(summary, recording.collector().series().rows(), recording.registry(), R"({"version":1})");
  const auto result = parse_run_result(text);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->generator.verdict.limit, GeneratorLimit::cores_busy);
  EXPECT_FALSE(result->series.empty());
  JsonWriter again;
  again.begin_object();
  write_k6_members(again, *result);
  write_own_members(again, *result);
  again.end_object();
  json written = json::parse(text);
  written.erase("root_group");
  EXPECT_EQ(json::diff(written, json::parse(again.text())), json::array());
}

TEST(RunResult, of_an_older_file_lacks_what_the_file_lacks) {
  const auto result = parse_run_result(R"({"metrics":{"http_reqs":{"values":{"count":3}}},"generator":{"verdict":"some words"}})");
  ASSERT_TRUE(result);
  EXPECT_EQ(result->value("http_reqs", "count"), 3);
  EXPECT_EQ(result->value("http_reqs", "rate"), std::nullopt);
  EXPECT_EQ(result->value("iterations", "count"), std::nullopt);
  EXPECT_TRUE(result->generator.verdict.kept_up());
  EXPECT_TRUE(result->series.empty());
}

TEST(RunResult, is_not_read_from_other_texts) {
  for (const char* text : {"", "[]", "{}", R"({"metrics":[]})", R"({"metrics":)"}) EXPECT_FALSE(parse_run_result(text)) << text;
}

}  // namespace
}  // namespace gauntlet::engine::results
