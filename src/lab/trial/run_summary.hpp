#pragma once
// The figures of one load run, from the summary file that the engine writes (--out json=FILE.json).
#include <filesystem>
#include <optional>
#include <string>

#include "base/error.hpp"
#include "engine/output/generator_verdict.hpp"

namespace gauntlet::lab {

struct Percentiles {
  double p50_ms = 0;
  double p95_ms = 0;
  double p99_ms = 0;
};

struct RunSummary {
  double iterations = 0;
  double dropped_iterations = 0;
  double requests = 0;                    // HTTP
  double calls = 0;                       // gRPC
  std::optional<double> failed_requests;  // share, 0 to 1
  std::optional<double> failed_calls;
  engine::output::GeneratorVerdict generator;
  std::optional<Percentiles> request_time;         // service time of HTTP requests
  std::optional<Percentiles> call_time;            // of gRPC calls
  std::optional<Percentiles> from_intended_start;  // of iterations, from the moment that each was due
};

/// Absent metrics stay empty. invalid_argument when the text is not such a summary.
base::Expected<RunSummary> parse_run_summary(const std::string& json_text);

}  // namespace gauntlet::lab
