#include "lab/trial/run_summary.hpp"

namespace gauntlet::lab {

std::optional<Percentiles> percentiles_of(const engine::results::RunResult& result, const char* metric) {
  const auto p50 = result.value(metric, "med"), p95 = result.value(metric, "p(95)"), p99 = result.value(metric, "p(99)");
  if (!p50 || !p95 || !p99) return std::nullopt;
  return Percentiles{*p50, *p95, *p99};
}

RunSummary summary_of(const engine::results::RunResult& result) {
  return {.iterations = result.value("iterations", "count").value_or(0),
          .dropped_iterations = result.value("dropped_iterations", "count").value_or(0),
          .requests = result.value("http_reqs", "count").value_or(0),
          .calls = result.value("grpc_reqs", "count").value_or(0),
          .failed_requests = result.value("http_req_failed", "rate"),
          .failed_calls = result.value("grpc_req_failed", "rate"),
          .generator = result.generator.verdict,
          .request_time = percentiles_of(result, "http_req_duration"),
          .call_time = percentiles_of(result, "grpc_req_duration"),
          .from_intended_start = percentiles_of(result, "iteration_duration_intended")};
}

}  // namespace gauntlet::lab
