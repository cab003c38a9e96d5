#include "engine/sinks/page/history.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "engine/metrics/collector.hpp"

namespace gauntlet::engine::dashboard {
namespace {

using metrics::Instant;
using metrics::MetricId;
using nlohmann::json;

/// A run whose seconds pass as told: `requests` in each.
class SimulatedRun {
 public:
  void second(int requests, const SystemSample* system = nullptr) {
    now_ += std::chrono::seconds(1);
    for (int i = 0; i < requests; ++i) recorder_->add(MetricId::http_reqs, recorder_->tags().empty(), 1, now_);
    failed_ += 1;
    history.add(collector_.sample(now_), collector_.series(),
                {.generator_cores = 0.5, .generator_bytes = 1000, .failures = {{"503", failed_}}}, system);
  }
  History history{"{}"};

 private:
  Instant now_{std::chrono::hours(1)};
  metrics::MetricRegistry registry_;
  metrics::Collector collector_{registry_, {}, now_};
  std::unique_ptr<metrics::Recorder> recorder_ = collector_.make_recorder(nullptr);
  std::uint64_t failed_ = 0;
};

std::size_t place_of(const json& document, const char* column) {
  const auto& columns = document["columns"];
  return static_cast<std::size_t>(std::find(columns.begin(), columns.end(), column) - columns.begin());
}

TEST(History, gives_a_late_visitor_every_second_and_an_early_one_only_what_is_new) {
  SimulatedRun run;
  const SystemSample system{.figures = {{"cpu/service", 0.25}}, .detail = R"({"note":"x"})"};
  run.second(3);
  run.history.take_update();
  run.second(5, &system);
  const json update = json::parse(run.history.take_update());
  const json document = json::parse(run.history.document());
  ASSERT_EQ(update["rows"].size(), 1u);
  ASSERT_EQ(document["rows"].size(), 2u);
  EXPECT_EQ(document["rows"][1], update["rows"][0]);
  EXPECT_EQ(document["rows"][0].size(), document["columns"].size());
  EXPECT_EQ(update["rows"][0][place_of(document, "requests")], 5);
  EXPECT_EQ(update["rows"][0][place_of(document, "failures")], (json{{"503", 1}}));
  EXPECT_EQ(update["system"], json::parse(R"({"names":["cpu/service"],"rows":[[2.0,0.25]]})"));
  EXPECT_EQ(document["detail"]["note"], "x");
}

TEST(History, stays_bounded_in_a_long_run_and_loses_no_request) {
  SimulatedRun run;
  constexpr int kSeconds = 9000;
  for (int i = 0; i < kSeconds; ++i) run.second(1);
  const json document = json::parse(run.history.document());
  ASSERT_LE(document["rows"].size(), metrics::Series::kMaxRows);
  double requests = 0;
  std::uint64_t failures = 0;
  const std::size_t requests_at = place_of(document, "requests");
  for (const json& row : document["rows"]) {
    requests += row[requests_at].get<double>();
    failures += row.back().value("503", std::uint64_t{0});
    EXPECT_NEAR(row[row.size() - 3].get<double>(), 0.5, 0.01) << "the generator's CPU is a mean, not a sum";
  }
  EXPECT_EQ(requests, kSeconds);
  EXPECT_EQ(failures, kSeconds);
}

}  // namespace
}  // namespace gauntlet::engine::dashboard
