#include "engine/run/test_run.hpp"

#include <fmt/format.h>

namespace gauntlet::engine::run {

using output::RunProgress;

bool TestRun::open_rest() {
  if (settings_.rest_address.empty() || settings_.member != nullptr) return true;
  auto started = RestServer::start(settings_.rest_address, control_, [this](const RestRequest& request) { return answer_rest(request); });
  if (!started) {
    give_verdict({ExitCode::rest_address_taken, std::move(started.error()).in("the REST API cannot be served").message, ""});
    return false;
  }
  rest_ = std::move(*started);
  return true;
}

bool TestRun::wait_while_paused() {
  if (!paused_) return true;
  log_.write(LogLevel::info, "the test waits to be resumed: gauntlet resume --address " + settings_.rest_address);
  run_until([this] { return !paused_ || aborted_; });
  return !aborted_;
}

RestStatus TestRun::rest_status() const {
  RestStatus status;
  const bool initialized = pool_ != nullptr && test_.vus_initialized >= planned_vus_;
  switch (phase_) {
    case RunProgress::Phase::init: status.phase = paused_ && initialized ? 4 : 1; break;
    case RunProgress::Phase::setup: status.phase = 6; break;
    case RunProgress::Phase::running: status.phase = 7; break;
    case RunProgress::Phase::teardown: status.phase = 8; break;
    default: status.phase = 9;
  }
  status.paused = paused_;
  status.vus = test_.vus_active;
  status.vus_max = test_.vus_initialized;
  status.stopped = stopped_by_rest_;
  status.running = phase_ == RunProgress::Phase::running;
  for (const metrics::ThresholdGroup& group : thresholds_.groups()) status.tainted = status.tainted || !group.ok();
  return status;
}

RestReply TestRun::answer_status(const RestRequest& request) {
  if (request.method == "GET") return status_document(rest_status());
  const auto patch = parse_status_patch(request.body);
  if (!patch) return error_document(400, "Invalid data", patch.error().message);
  if (patch->scales) {
    return error_document(500, "Execution config error", "an externally-controlled executor needs to be configured for live configuration updates");
  }
  if (patch->paused && *patch->paused != paused_) {
    if (phase_ != RunProgress::Phase::init) {
      return error_document(500, "Pause error", fmt::format("{} executor '{}' doesn't support pause and resume operations after its start",
                                                             scenarios_.empty() ? "" : name_of(scenarios_.front().executor), scenarios_.empty() ? "" : scenarios_.front().name));
    }
    paused_ = *patch->paused;
  } else if (patch->paused && *patch->paused) {
    return error_document(500, "Pause error", "execution is already paused");
  } else if (patch->paused) {
    return error_document(500, "Pause error", "execution wasn't paused");
  }
  if (patch->stopped && *patch->stopped && !stopped_by_rest_) {
    stopped_by_rest_ = true;
    paused_ = false;
    abort({ExitCode::stopped_by_rest, "test run stopped from REST API", ""});
  }
  return status_document(rest_status());
}

/// On the control loop.
RestReply TestRun::answer_rest(const RestRequest& request) {
  const std::string& path = request.path;
  constexpr std::string_view kMetric = "/v1/metrics/", kGroup = "/v1/groups/";
  const bool gets = request.method == "GET";
  const RestReply not_allowed{.status = 405, .text = "", .is_json = false};
  if (path == "/v1/status") return gets || request.method == "PATCH" ? answer_status(request) : not_allowed;
  if (path == "/v1/setup") {
    if (request.method == "PUT") {
      if (phase_ == RunProgress::Phase::running) return error_document(500, "Setup error", "the virtual users have the data already: it can be set before they start");
      const auto json = parse_json(request.body);
      if (!json) return error_document(400, "Invalid data", json.error().message);
      test_.setup_data = std::make_shared<const std::string>(*json);
    } else if (!gets) {
      return not_allowed;
    }
    return setup_document(test_.setup_data.get());
  }
  if (path.rfind("/v1/", 0) != 0) return {.status = 200, .text = "ok", .is_json = false};
  if (!gets) return not_allowed;
  const metrics::Snapshot empty;
  const metrics::Snapshot& snapshot = collector_ ? collector_->snapshot() : empty;
  if (path == "/v1/metrics") return metrics_document(snapshot, thresholds_);
  if (path.rfind(kMetric, 0) == 0) return metric_document(snapshot, thresholds_, path.substr(kMetric.size()));
  if (path == "/v1/groups") return groups_document(snapshot);
  if (path.rfind(kGroup, 0) == 0) return group_document(snapshot, path.substr(kGroup.size()));
  return error_document(404, "Not Found", "there is no " + path);
}

}  // namespace gauntlet::engine::run
