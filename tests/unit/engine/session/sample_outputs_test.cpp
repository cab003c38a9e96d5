#include "engine/session/sample_outputs.hpp"

#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>

#include "engine/sinks/file/points.hpp"
#include "unit/engine/results/recording.hpp"

namespace gauntlet::engine::session {
namespace {

using nlohmann::json;

class SampleFiles : public testing::Test {
 protected:
  SampleFiles() : folder_(std::filesystem::temp_directory_path() / ("gauntlet-samples-" + std::to_string(getpid()))) {
    std::filesystem::create_directories(folder_);
  }
  ~SampleFiles() override { std::filesystem::remove_all(folder_); }

  std::string path(const std::string& name) const { return folder_ / name; }
  std::string text(const std::string& name) const {
    std::ifstream in(path(name), std::ios::binary);
    std::stringstream all;
    all << in.rdbuf();
    return all.str();
  }

  /// The recorded samples of `name`, replayed into the outputs of `specs`.
  void replay(const std::string& name, const std::vector<OutputSpec>& specs) {
    metrics::CollectorOptions options;
    options.stream_bytes = 4U << 20U;
    results::Recording recording(name, results::rich_thresholds(), options);
    auto outputs = SampleOutputs::open(specs, *recording.collector().stream(), recording.registry(), options.system_tags,
                                       [](const std::string& message) { ADD_FAILURE() << message; });
    ASSERT_TRUE(outputs) << outputs.error().message;
    (*outputs)->start();
    const auto finished = (*outputs)->finish();
    EXPECT_TRUE(finished) << finished.error().message;
    EXPECT_EQ(recording.collector().stream()->dropped(), 0U);
  }

 private:
  std::filesystem::path folder_;
};

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

/// k6 lists submetrics in no order of its own.
std::string comparable(const std::string& line) {
  json parsed = json::parse(line);
  if (parsed["type"] != "Metric") return line;
  json& submetrics = parsed["data"]["submetrics"];
  if (submetrics.is_array())
    std::sort(submetrics.begin(), submetrics.end(), [](const json& a, const json& b) { return a["name"] < b["name"]; });
  return parsed.dump();
}

TEST_F(SampleFiles, points_are_the_very_lines_that_k6_wrote_for_the_same_samples) {
  replay("compact", {*parse_output("points=" + path("points.ndjson"))});
  const std::vector<std::string> theirs = lines_of(results::golden_gzip("compact.points.ndjson.gz"));
  const std::vector<std::string> ours = lines_of(text("points.ndjson"));
  ASSERT_EQ(ours.size(), theirs.size());
  for (std::size_t i = 0; i < ours.size(); ++i) EXPECT_EQ(comparable(ours[i]), comparable(theirs[i])) << "line " << i;
}

TEST_F(SampleFiles, csv_has_the_very_lines_that_k6_wrote_but_for_the_order_of_extra_tags) {
  replay("compact", {*parse_output("csv=" + path("points.csv"))});
  const auto sorted_extra = [](std::string line) {
    if (const auto at = line.find("team=red&kind=a"); at != std::string::npos) line.replace(at, 15, "kind=a&team=red");
    return line;
  };
  const std::vector<std::string> theirs = lines_of(results::golden_text("compact.csv"));
  const std::vector<std::string> ours = lines_of(text("points.csv"));
  ASSERT_EQ(ours.size(), theirs.size());
  for (std::size_t i = 0; i < ours.size(); ++i) EXPECT_EQ(ours[i], sorted_extra(theirs[i])) << "line " << i;
}

TEST_F(SampleFiles, names_ending_in_gz_and_zst_compress) {
  replay("compact", {*parse_output("points=" + path("plain")), *parse_output("points=" + path("points.gz")),
                     *parse_output("points=" + path("points.zst"))});
  const std::string plain = text("plain");
  gzFile in = gzopen(path("points.gz").c_str(), "rb");
  std::string unpacked(plain.size() + 1, '\0');
  EXPECT_EQ(gzread(in, unpacked.data(), static_cast<unsigned>(unpacked.size())), static_cast<int>(plain.size()));
  gzclose(in);
  unpacked.resize(plain.size());
  EXPECT_EQ(unpacked, plain);
  const std::string packed = text("points.zst");
  ZSTD_DCtx* context = ZSTD_createDCtx();
  unpacked.assign(plain.size(), '\0');
  ZSTD_inBuffer from{packed.data(), packed.size(), 0};
  ZSTD_outBuffer to{unpacked.data(), unpacked.size(), 0};
  EXPECT_EQ(ZSTD_decompressStream(context, &to, &from), 0U);
  ZSTD_freeDCtx(context);
  EXPECT_EQ(to.pos, plain.size());
  EXPECT_EQ(unpacked, plain);
}

TEST_F(SampleFiles, a_path_that_cannot_be_opened_is_told_before_the_test) {
  metrics::MetricRegistry registry;
  metrics::SampleStream stream(4096);
  const auto outputs = SampleOutputs::open({*parse_output("points=/nonexistent/x")}, stream, registry, {}, [](const std::string&) {});
  ASSERT_FALSE(outputs);
  EXPECT_EQ(outputs.error().message, "could not create the 'points' output: open /nonexistent/x: No such file or directory");
}

TEST_F(SampleFiles, a_full_disk_is_told_at_the_end) {
  auto file = sinks::OutputFile::open("/dev/full");
  ASSERT_TRUE(file);
  (*file)->write("x\n");
  const auto closed = (*file)->close();
  ASSERT_FALSE(closed);
  EXPECT_EQ(closed.error().message, "write /dev/full: No space left on device");
}

TEST_F(SampleFiles, whole_files_replace_what_was_there_and_leave_nothing_beside_it) {
  ASSERT_TRUE(sinks::write_whole_file(path("a.json"), "one"));
  ASSERT_TRUE(sinks::write_whole_file(path("a.json"), "two"));
  EXPECT_EQ(text("a.json"), "two");
  EXPECT_FALSE(sinks::write_whole_file("/nonexistent/a.json", "x"));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(std::filesystem::path(path("")).parent_path()), {}), 1);
}

TEST_F(SampleFiles, metadata_and_odd_tag_values_are_written_as_go_writes_them) {
  metrics::MetricRegistry registry;
  const auto id = registry.declare("tt", metrics::MetricType::trend, metrics::ValueKind::time);
  metrics::CollectorOptions options;
  options.stream_bytes = 1U << 16U;
  options.wall_start = std::chrono::system_clock::time_point{};
  options.system_tags.vu = options.system_tags.iter = true;
  {
    metrics::Collector collector(registry, options, {});
    auto recorder = collector.make_recorder(nullptr);
    metrics::TagBuilder tags(recorder->tags(), recorder->tags().empty());
    tags.set("z t", "é\"<>&,\n").set(metrics::SystemTag::group, "");
    const metrics::Metadata metadata{.vu = 1, .iter = 0, .user = {{"m", "x&y=1"}}};
    const metrics::Instant at{std::chrono::nanoseconds(1795496560199239092)};
    recorder->add(*id, tags.intern(), 1e-7, at, &metadata);
    auto outputs =
        SampleOutputs::open({*parse_output("points=" + path("p")), *parse_output("csv=fileName=" + path("c") + ",timeFormat=rfc3339_nano")},
                            *collector.stream(), registry, options.system_tags, [](const std::string&) {});
    ASSERT_TRUE(outputs);
    ASSERT_TRUE((*outputs)->finish());
  }
  EXPECT_EQ(lines_of(text("p")).at(1),
            R"({"metric":"tt","type":"Point","data":{"time":"2026-11-24T05:02:40.199239092Z","value":1e-07,)"
            R"("tags":{"group":"","z t":"é\"\u003c\u003e\u0026,\n"},"metadata":{"iter":"0","m":"x\u0026y=1","vu":"1"}}})");
  EXPECT_EQ(text("c"),
            "metric_name,timestamp,metric_value,check,error,error_code,expected_response,group,method,name,proto,scenario,service,status,"
            "subproto,tls_version,url,extra_tags,metadata\n"
            "tt,2026-11-24T05:02:40.199239092Z,0.000000,,,,,,,,,,,,,,,\"z t=é\"\"<>&,\n\",iter=0&m=x&y=1&vu=1\n");
}

TEST(GoNumber, is_written_as_go_writes_it) {
  const auto text = [](double value) {
    std::string out;
    sinks::append_go_number(out, value);
    return out;
  };
  EXPECT_EQ(text(0), "0");
  EXPECT_EQ(text(1), "1");
  EXPECT_EQ(text(-0.5), "-0.5");
  EXPECT_EQ(text(0.1 + 0.2), "0.30000000000000004");
  EXPECT_EQ(text(1e-7), "1e-07");
  EXPECT_EQ(text(0.0001), "0.0001");
  EXPECT_EQ(text(999999), "999999");
  EXPECT_EQ(text(1e6), "1e+06");
  EXPECT_EQ(text(1234567.8), "1.2345678e+06");
  EXPECT_EQ(text(1e21), "1e+21");
  EXPECT_EQ(text(123456789.123456789), "1.2345678912345679e+08");
  EXPECT_EQ(text(5e-324), "5e-324");
  EXPECT_EQ(text(std::numeric_limits<double>::infinity()), "null");
}

TEST(OutputSpec, tells_results_from_lines_by_the_name) {
  struct Row {
    const char* text;
    OutputSpec::Kind kind;
    const char* path;
    const char* description;
  };
  for (const Row& row :
       {Row{"json=a/b.json", OutputSpec::Kind::results, "a/b.json", "results (a/b.json)"},
        Row{"json", OutputSpec::Kind::points, "-", "json(stdout)"}, Row{"json=-", OutputSpec::Kind::points, "-", "json(stdout)"},
        Row{"json=a.ndjson", OutputSpec::Kind::points, "a.ndjson", "json (a.ndjson)"},
        Row{"json=a.json.gz", OutputSpec::Kind::points, "a.json.gz", "json (a.json.gz)"},
        Row{"points=a.json", OutputSpec::Kind::points, "a.json", "json (a.json)"},
        Row{"csv", OutputSpec::Kind::csv, "file.csv", "csv (file.csv)"}, Row{"csv=-", OutputSpec::Kind::csv, "-", "csv (stdout)"},
        Row{"csv=fileName=b.csv,saveInterval=200ms", OutputSpec::Kind::csv, "b.csv", "csv (b.csv)"}}) {
    const auto spec = parse_output(row.text);
    ASSERT_TRUE(spec) << row.text;
    EXPECT_EQ(spec->kind, row.kind) << row.text;
    EXPECT_EQ(spec->path, row.path);
    EXPECT_EQ(spec->description(), row.description);
  }
  EXPECT_EQ(parse_output("json=a.json", true)->kind, OutputSpec::Kind::points);
  EXPECT_FALSE(parse_output("points=a", true));
}

TEST(OutputSpec, receivers_are_named_with_their_addresses_as_in_k6s_header) {
  const sinks::Variables variable = [](const char* name) -> const char* {
    return std::string_view(name) == "K6_PROMETHEUS_RW_SERVER_URL" ? "http://mimir/push" : nullptr;
  };
  const auto description = [&](const char* text) { return parse_output(text, false, variable)->description(); };
  EXPECT_EQ(description("experimental-prometheus-rw"), "Prometheus remote write (http://mimir/push)");
  EXPECT_EQ(description("influxdb=http://me:pw@db:8086/k6"), "InfluxDBv1 (http://db:8086)");
  EXPECT_EQ(description("opentelemetry"), "opentelemetry (grpc (insecure), localhost:4317)");
  EXPECT_EQ(description("opentelemetry=grpcs://collector"), "opentelemetry (grpc, collector:4317)");
  EXPECT_EQ(description("opentelemetry=http://collector:4318"), "opentelemetry (http/protobuf, http://collector:4318/v1/metrics)");
  EXPECT_EQ(description("prometheus=9999"), "Prometheus scrape page (http://127.0.0.1:9999/metrics)");
  for (const char* past_k6 : {"prometheus", "prometheus-rw"}) EXPECT_FALSE(parse_output(past_k6, true)) << past_k6;
}

TEST(OutputSpec, errors_name_what_is_wrong) {
  const auto error = [](const char* text) { return parse_output(text).error().message; };
  EXPECT_EQ(error("nope"),
            "invalid output type 'nope', available types are: csv, influxdb, json, opentelemetry, points, prometheus, prometheus-rw, "
            "web-dashboard");
  EXPECT_EQ(error("csv=foo=bar"), "could not create the 'csv' output: unknown key \"foo\" as argument for csv output");
  EXPECT_EQ(error("csv=saveInterval=x"), "could not create the 'csv' output: \"x\" is no duration, as 1m30s or 500ms");
  EXPECT_EQ(error("csv=timeFormat=zzz"), "could not create the 'csv' output: zzz does not belong to TimeFormat values");
  EXPECT_EQ(error("csv=fileName="), "could not create the 'csv' output: couldn't parse \"fileName=\" as argument for csv output");
}

}  // namespace
}  // namespace gauntlet::engine::session
