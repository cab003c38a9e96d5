#pragma once
// The receivers that `--out NAME[=ARGUMENT]` can send samples to, as one table. A receiver is a pair of files in this folder and
// its lines in receivers.cpp.
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "engine/metrics/metric.hpp"
#include "engine/sinks/sample_output.hpp"

namespace gauntlet::engine::sinks {

/// A receiver as a user asked for it, checked, and not yet connected.
struct ReceiverSpec {
  std::string label;        ///< what the last lines of a run call it
  std::string description;  ///< what the header of a run says: "InfluxDBv1 (http://localhost:8086)"
  /// Fails where it cannot begin; `tell` is for what goes wrong later.
  std::function<base::Expected<std::unique_ptr<SampleOutput>>(const metrics::MetricRegistry&, const Tell& tell)> open;
};

struct Receiver {
  std::string_view name;
  std::string_view label;
  bool is_in_k6;  ///< else it does not exist under --strict-k6
  /// `argument`: what stands behind `=`. `variable`: the K6_* settings. Errors name the setting.
  base::Expected<ReceiverSpec> (*read)(const std::string& argument, const Variables& variable);
};

std::span<const Receiver> receivers();

}  // namespace gauntlet::engine::sinks
