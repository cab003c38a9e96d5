#pragma once
// The merged state of all threads' metrics at a moment: what thresholds, the terminal, the summary and the outputs
// read. Belongs to the control thread; a copy may go anywhere.
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/duration.hpp"
#include "engine/metrics/metric.hpp"
#include "engine/metrics/sink.hpp"

namespace gauntlet::engine::metrics {

/// passes and fails of one check name in one group.
struct CheckCount {
  std::string name;
  std::string group;  ///< path, "::outer::inner"; "" for the root
  std::uint64_t passes = 0;
  std::uint64_t fails = 0;
};

/// A metric and its submetrics, in the order of MetricInfo::submetrics.
struct MetricState {
  const MetricInfo* info = nullptr;  ///< lives as long as the registry
  Sink total;
  std::vector<Sink> submetrics;
  Sink window;  ///< total of the last window alone
};

/// Requests that share method, name and outcome.
struct EndpointState {
  enum class Protocol : std::uint8_t { http, grpc };
  Protocol protocol = Protocol::http;
  std::string method;  ///< "GET"; for gRPC the short method name
  std::string name;    ///< tag `name`, or url where that is missing; "(other)" beyond the limit of rows
  std::string status;
  std::string error_code;
  std::string error;    ///< the words that came with it
  bool failed = false;  ///< expected_response was false, or the gRPC status not 0
  Distribution duration;
};

/// Every metric of one scenario, or of one group within it (`--summary-mode full`).
struct PartState {
  std::string scenario;
  std::string group;                 ///< "" for the whole scenario
  std::vector<MetricState> metrics;  ///< only those with samples; without submetrics
  std::vector<CheckCount> checks;
};

struct Snapshot {
  std::chrono::nanoseconds elapsed{0};  ///< of the test, from before setup
  std::chrono::nanoseconds window{0};   ///< how long the last window was
  std::vector<MetricState> metrics;     ///< by MetricId; unused ones have no samples
  std::vector<CheckCount> checks;       ///< in the order they were first seen
  std::vector<std::string> groups;      ///< paths in the order they were first seen, without the root
  std::vector<EndpointState> endpoints;
  std::vector<PartState> parts;  ///< empty unless asked for
  std::uint64_t tag_sweeps = 0;  ///< see TagTable::sweeps

  double elapsed_s() const { return base::seconds_of(elapsed); }
  /// nullptr when the id is beyond what has been recorded.
  const MetricState* find(MetricId id) const { return index_of(id) < metrics.size() ? &metrics[index_of(id)] : nullptr; }
};

}  // namespace gauntlet::engine::metrics
