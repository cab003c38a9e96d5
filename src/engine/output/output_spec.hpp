#pragma once
// What `--out` and `-o` ask for.
//
//   json=results.json        end-of-test results and a row a second; atomically at the end (strict: k6's lines)
//   points=FILE              every sample, a line of JSON each, as k6's json output; .gz and .zst compress, "-" prints
//   json, json=-, json=FILE  (FILE not ending in .json) the same as points
//   csv=FILE                 every sample, k6's CSV; options fileName=, saveInterval=, timeFormat=
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "engine/output/csv.hpp"

namespace gauntlet::engine::output {

struct OutputSpec {
  enum class Kind : std::uint8_t { results, points, csv };
  Kind kind = Kind::points;
  std::string path;  ///< "-": standard output
  CsvTimeFormat time_format = CsvTimeFormat::unix_s;
  std::chrono::nanoseconds save_interval{0};

  /// As the header lists it: "json (points.ndjson)", "csv (stdout)".
  std::string description() const;
  /// As the last lines of a run list it: "results", "points", "csv".
  std::string label() const;
  /// True for those that want each sample.
  bool wants_samples() const { return kind != Kind::results; }
};

/// `strict_k6`: `json=FILE.json` is k6's lines, and `points` does not exist.
base::Expected<OutputSpec> parse_output(std::string_view text, bool strict_k6 = false);

}  // namespace gauntlet::engine::output
