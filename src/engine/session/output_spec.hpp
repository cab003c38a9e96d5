#pragma once
// What `--out` and `-o` ask for.
//
//   json=results.json        end-of-test results and a row a second; atomically at the end (strict: k6's lines)
//   points=FILE              every sample, a line of JSON each, as k6's json output; .gz and .zst compress, "-" prints
//   json, json=-, json=FILE  (FILE not ending in .json) the same as points
//   csv=FILE                 every sample, k6's CSV; options fileName=, saveInterval=, timeFormat=
//   experimental-prometheus-rw, prometheus-rw[=URL]           Prometheus remote write
//   prometheus[=[HOST:]PORT]                                  a page for Prometheus to scrape
//   influxdb[=http://HOST:8086/DB]                            InfluxDB, version 1
//   opentelemetry, experimental-opentelemetry[=HOST:PORT]     OTLP over HTTP
#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "engine/sinks/file/csv.hpp"
#include "engine/sinks/push/receivers.hpp"

namespace gauntlet::engine::session {

struct OutputSpec {
  enum class Kind : std::uint8_t { results, points, csv, receiver };
  Kind kind = Kind::points;
  std::string text;                              ///< as the user gave it
  std::map<std::string, std::string> variables;  ///< K6_* settings that were read for it
  std::string path;                              ///< "-": standard output
  sinks::CsvTimeFormat time_format = sinks::CsvTimeFormat::unix_s;
  std::chrono::nanoseconds save_interval{0};
  sinks::ReceiverSpec receiver;  ///< of Kind::receiver
  bool for_leader = false;       ///< written without a name, for a leader to bring home

  /// As the header lists it: "json (points.ndjson)", "csv (stdout)".
  std::string description() const;
  /// As the last lines of a run list it: "results", "points", "csv"; a receiver's name.
  std::string label() const;
  /// True for those that want each sample.
  bool wants_samples() const { return kind != Kind::results; }
  /// True for those that leave a file behind.
  bool writes_file() const { return kind != Kind::receiver && path != "-" && !for_leader; }
};

/// `strict_k6`: `json=FILE.json` is k6's lines, and what k6 does not have does not exist. `variable` gives K6_* settings of
/// receivers.
base::Expected<OutputSpec> parse_output(
    std::string_view text, bool strict_k6 = false, const sinks::Variables& variable = [](const char*) { return nullptr; });

}  // namespace gauntlet::engine::session
