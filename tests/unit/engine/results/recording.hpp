#pragma once
// A run of real k6 as it was recorded (golden/): every sample, its own account of the results, and what it printed.
// Replaying the samples through our recorder must give the same results and the same text.
#include <gtest/gtest.h>
#include <zlib.h>

#include <chrono>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "engine/metrics/collector.hpp"
#include "engine/metrics/recorder.hpp"
#include "engine/metrics/thresholds.hpp"
#include "engine/results/summary.hpp"
#include "support/source_directory.hpp"

namespace gauntlet::engine::results {

inline std::string golden_path(const std::string& file) {
  return support::source_directory() + "/tests/unit/engine/results/golden/" + file;
}

inline std::string golden_text(const std::string& file) {
  std::ifstream in(golden_path(file), std::ios::binary);
  EXPECT_TRUE(in.good()) << file;
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

inline std::string golden_gzip(const std::string& file) {
  gzFile in = gzopen(golden_path(file).c_str(), "rb");
  EXPECT_NE(in, nullptr) << file;
  std::string text;
  char block[65536];
  for (int size = 0; (size = gzread(in, block, sizeof block)) > 0;) text.append(block, static_cast<std::size_t>(size));
  gzclose(in);
  return text;
}

inline std::int64_t unix_ns_of(const std::string& rfc3339) {
  std::tm day{};
  long nanoseconds = 0;
  int year = 0, month = 0, mday = 0, hour = 0, minute = 0, second = 0;
  std::sscanf(rfc3339.c_str(), "%d-%d-%dT%d:%d:%d", &year, &month, &mday, &hour, &minute, &second);
  if (const auto dot = rfc3339.find('.'); dot != std::string::npos) {
    std::string digits = rfc3339.substr(dot + 1, rfc3339.find_first_of("Z+-", dot) - dot - 1);
    digits.resize(9, '0');
    nanoseconds = std::stol(digits);
  }
  day.tm_year = year - 1900;
  day.tm_mon = month - 1;
  day.tm_mday = mday;
  day.tm_hour = hour;
  day.tm_min = minute;
  day.tm_sec = second;
  return static_cast<std::int64_t>(timegm(&day)) * 1'000'000'000 + nanoseconds;
}

using ThresholdMap = std::map<std::string, std::vector<std::string>>;

/// The thresholds of golden/rich.js and golden/groups.js.
inline ThresholdMap rich_thresholds() {
  return {{"http_req_duration", {"p(95)<5000", "avg<4000", "med>10000"}},
          {"http_req_duration{name:list}", {"p(99)<5000"}},
          {"http_req_duration{name:nothing}", {"p(99)<5000"}},
          {"checks", {"rate>0.99"}},
          {"checks{check:status is 200}", {"rate>0.5"}},
          {"my_orders", {"count>0", "rate>0.001"}},
          {"my_depth", {"value<3"}},
          {"never_used", {"avg<5"}},
          {"http_req_failed{group:::outer::inner}", {"rate<0.5"}},
          {"http_reqs{scenario:extra}", {"count>=2"}},
          {"data_received", {"count>100"}}};
}
inline ThresholdMap groups_thresholds() {
  return {{"checks{scenario:a}", {"rate>0.5"}},
          {"group_duration{group:::g1}", {"avg<1000"}},
          {"http_reqs{scenario:a}", {"count>0"}},
          {"iterations{scenario:b}", {"count>5"}},
          {"tt{group:::g1}", {"avg<1"}}};
}

class Recording {
 public:
  Recording(const std::string& name, const ThresholdMap& thresholds, metrics::CollectorOptions options = {}) {
    data_ = nlohmann::json::parse(golden_text(name + ".data.json"));
    points_ = golden_gzip(name + ".points.ndjson.gz");
    declare_metrics();
    for (const auto& [key, expressions] : thresholds) {
      std::vector<metrics::ThresholdSpec> specs;
      for (const std::string& expression : expressions) specs.push_back({.expression = expression});
      const auto added = thresholds_.add(registry_, key, specs);
      EXPECT_TRUE(added.has_value()) << added.error().message;
    }
    options.parts = true;
    const metrics::Instant start{};
    options.wall_start = std::chrono::system_clock::time_point{};  // so that instants are Unix times
    collector_ = std::make_unique<metrics::Collector>(registry_, options, start);
    recorder_ = collector_->make_recorder(nullptr);
    replay();
    const auto elapsed =
        std::chrono::nanoseconds(static_cast<std::int64_t>(std::llround(data_["state"]["testRunDurationMs"].get<double>() * 1e6)));
    snapshot_ = &collector_->finish(start + elapsed);
    thresholds_.evaluate(*snapshot_, metrics::Thresholds::When::at_end);
  }

  /// As the recorded run was configured.
  SummaryOptions options() const {
    SummaryOptions options;
    options.trend_stats = data_["options"]["summaryTrendStats"].get<std::vector<std::string>>();
    options.time_unit = data_["options"]["summaryTimeUnit"];
    options.stdout_is_tty = data_["state"]["isStdOutTTY"];
    options.stderr_is_tty = data_["state"]["isStdErrTTY"];
    if (data_.contains("setup_data")) options.setup_data_json = data_["setup_data"].dump();
    return options;
  }
  Summary summary() const { return summarize(*snapshot_, thresholds_, options()); }

  const nlohmann::json& data() const { return data_; }
  const std::string& points() const { return points_; }
  metrics::MetricRegistry& registry() { return registry_; }
  const metrics::Thresholds& thresholds() const { return thresholds_; }
  metrics::Collector& collector() { return *collector_; }

 private:
  template <class F>
  void for_each_line(F&& f) {
    std::istringstream lines(points_);
    for (std::string line; std::getline(lines, line);) f(nlohmann::json::parse(line));
  }

  void declare_metrics() {
    // never_used has no samples, so nothing in the recording declares it.
    if (data_["metrics"].contains("never_used")) {
      ASSERT_TRUE(registry_.declare("never_used", metrics::MetricType::trend, metrics::ValueKind::plain));
    }
    for_each_line([&](const nlohmann::json& line) {
      if (line["type"] != "Metric" || registry_.find(line["data"]["name"].get<std::string>()) != nullptr) return;
      const std::map<std::string, metrics::MetricType> types = {{"counter", metrics::MetricType::counter},
                                                                {"gauge", metrics::MetricType::gauge},
                                                                {"rate", metrics::MetricType::rate},
                                                                {"trend", metrics::MetricType::trend}};
      const bool time = line["data"]["contains"] == "time";
      ASSERT_TRUE(registry_.declare(line["data"]["name"].get<std::string>(), types.at(line["data"]["type"]),
                                    time ? metrics::ValueKind::time : metrics::ValueKind::plain));
    });
  }

  void replay() {
    for_each_line([&](const nlohmann::json& line) {
      if (line["type"] != "Point") return;
      metrics::TagBuilder tags(recorder_->tags(), recorder_->tags().empty());
      std::vector<std::pair<std::string, std::string>> texts;  // live until intern()
      for (const auto& [name, value] : line["data"]["tags"].items()) texts.emplace_back(name, value);
      for (const auto& [name, value] : texts) tags.set(name, value);
      const std::int64_t unix_ns = unix_ns_of(line["data"]["time"]);
      recorder_->add(registry_.find(line["metric"].get<std::string>())->id, tags.intern(), line["data"]["value"],
                     metrics::Instant(std::chrono::nanoseconds(unix_ns)));
    });
  }

  nlohmann::json data_;
  std::string points_;
  metrics::MetricRegistry registry_;
  metrics::Thresholds thresholds_;
  std::unique_ptr<metrics::Collector> collector_;
  std::unique_ptr<metrics::Recorder> recorder_;
  const metrics::Snapshot* snapshot_ = nullptr;
};

}  // namespace gauntlet::engine::results
