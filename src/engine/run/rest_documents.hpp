#pragma once
// The JSON:API documents of k6's REST API: what a test's state looks like there. Pure; the field names are k6's.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "engine/metrics/snapshot.hpp"
#include "engine/metrics/thresholds.hpp"
#include "engine/run/rest_server.hpp"

namespace gauntlet::engine::run {

struct RestStatus {
  int phase = 0;  ///< k6's numbers: 0 created, 1 initializing VUs, 4 paused before the start, 6 setup, 7 running, 8
                  ///< teardown, 9 ended, 10 ended before its time
  bool paused = false;
  std::int64_t vus = 0;
  std::int64_t vus_max = 0;
  bool stopped = false;
  bool running = false;  ///< has begun, and not come to its end
  bool tainted = false;  ///< a threshold is crossed
};
RestReply status_document(const RestStatus& status);

/// What PATCH /v1/status asks for; what is absent stays.
struct StatusPatch {
  std::optional<bool> paused;
  std::optional<bool> stopped;
  std::optional<std::int64_t> vus;
  std::optional<std::int64_t> max_vus;
};
/// The errors are what Go's decoder says.
base::Expected<StatusPatch> parse_status_patch(std::string_view body);

/// All metrics with samples, or the one of that name (also a submetric's, as "checks{a:b}").
RestReply metrics_document(const metrics::Snapshot& snapshot, const metrics::Thresholds& thresholds);
RestReply metric_document(const metrics::Snapshot& snapshot, const metrics::Thresholds& thresholds, std::string_view name);

RestReply groups_document(const metrics::Snapshot& snapshot);
RestReply group_document(const metrics::Snapshot& snapshot, std::string_view id);

/// `data`: JSON, or nothing before setup() has returned any.
RestReply setup_document(const std::string* data);

RestReply error_document(int status, std::string_view title, std::string_view detail);

}  // namespace gauntlet::engine::run
