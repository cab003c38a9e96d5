#pragma once
// The figures of one load run that tables show.
#include <optional>

#include "engine/results/run_result.hpp"

namespace gauntlet::lab {

struct Percentiles {
  double p50_ms = 0;
  double p95_ms = 0;
  double p99_ms = 0;
};
/// Of a metric; nothing when it was not measured, or not all of them.
std::optional<Percentiles> percentiles_of(const engine::results::RunResult& result, const char* metric);

struct RunSummary {
  double iterations = 0;
  double dropped_iterations = 0;
  double requests = 0;                    // HTTP
  double calls = 0;                       // gRPC
  std::optional<double> failed_requests;  // share, 0 to 1
  std::optional<double> failed_calls;
  engine::results::GeneratorVerdict generator;
  std::optional<Percentiles> request_time;         // service time of HTTP requests
  std::optional<Percentiles> call_time;            // of gRPC calls
  std::optional<Percentiles> from_intended_start;  // of iterations, from the moment that each was due

  /// Of requests, or of calls where there were none.
  const std::optional<Percentiles>& latency() const { return request_time ? request_time : call_time; }
};

/// Absent metrics stay empty.
RunSummary summary_of(const engine::results::RunResult& result);

}  // namespace gauntlet::lab
