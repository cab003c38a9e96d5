#include "lab/trial/run_summary.hpp"

#include <nlohmann/json.hpp>

namespace gauntlet::lab {
namespace {

using nlohmann::json;

std::optional<double> value_of(const json& metrics, const char* metric, const char* value) {
  const auto found = metrics.find(metric);
  if (found == metrics.end() || !found->contains("values")) return std::nullopt;
  const json& values = (*found)["values"];
  if (!values.contains(value) || !values[value].is_number()) return std::nullopt;
  return values[value].get<double>();
}

std::optional<Percentiles> percentiles_of(const json& metrics, const char* metric) {
  const auto p50 = value_of(metrics, metric, "med");
  const auto p95 = value_of(metrics, metric, "p(95)");
  const auto p99 = value_of(metrics, metric, "p(99)");
  if (!p50 || !p95 || !p99) return std::nullopt;
  return Percentiles{*p50, *p95, *p99};
}

}  // namespace

base::Expected<RunSummary> parse_run_summary(const std::string& json_text) {
  const json summary = json::parse(json_text, nullptr, false);
  if (!summary.is_object() || !summary.contains("metrics") || !summary["metrics"].is_object())
    return base::fail(base::ErrorKind::invalid_argument, "it holds no end-of-test summary");
  const json& metrics = summary["metrics"];
  RunSummary out;
  out.iterations = value_of(metrics, "iterations", "count").value_or(0);
  out.dropped_iterations = value_of(metrics, "dropped_iterations", "count").value_or(0);
  out.requests = value_of(metrics, "http_reqs", "count").value_or(0);
  out.calls = value_of(metrics, "grpc_reqs", "count").value_or(0);
  out.failed_requests = value_of(metrics, "http_req_failed", "rate");
  out.failed_calls = value_of(metrics, "grpc_req_failed", "rate");
  out.generator = engine::output::generator_verdict_of(summary);
  out.request_time = percentiles_of(metrics, "http_req_duration");
  out.call_time = percentiles_of(metrics, "grpc_req_duration");
  out.from_intended_start = percentiles_of(metrics, "iteration_duration_intended");
  return out;
}

}  // namespace gauntlet::lab
