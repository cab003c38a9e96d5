#include "engine/run/test_run.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "engine/json/syntax_error.hpp"

namespace gauntlet::engine::run {

using output::RunProgress;

bool TestRun::open_rest() {
  if (settings_.rest_address.empty() || settings_.member != nullptr) return true;
  auto started = RestServer::start(settings_.rest_address, control_,
                                   [this](const RestRequest& request, const RestServer::Reply& reply) { answer_rest(request, reply); });
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
  }
  if (ended_) status.phase = aborted_ ? 10 : 9;
  status.paused = paused_;
  status.vus = test_.vus_active;
  status.vus_max = test_.vus_initialized;
  status.stopped = stopped_by_rest_;
  status.running = phase_ != RunProgress::Phase::init && (aborted_ || !ended_);
  for (const metrics::ThresholdGroup& group : thresholds_.groups()) status.tainted = status.tainted || !group.ok();
  return status;
}

// PATCH /v1/status

void TestRun::answer_status(const RestRequest& request, const RestServer::Reply& reply) {
  if (request.method == "GET") return reply(status_document(rest_status()));
  auto patch = parse_status_patch(request.body);
  if (!patch) return reply(error_document(400, "Invalid data", patch.error().message));
  // Before changes that wait for an iteration's end, and in place of what else it says.
  if (patch->stopped && *patch->stopped) {
    const auto found_at_work = rest_status().vus;  // the stop may have sent some home by the time of the answer
    if (!stopped_by_rest_ && !ended_) {
      paused_ = false;
      abort({ExitCode::stopped_by_rest, "test run stopped from REST API", ""});
    }
    stopped_by_rest_ = true;
    RestStatus status = rest_status();
    status.vus = found_at_work;
    return reply(status_document(status));
  }
  if (patch->paused) {
    if (const std::string refusal = change_pause(*patch->paused); !refusal.empty()) return reply(error_document(500, "Pause error", refusal));
  }
  if (patch->vus || patch->max_vus) {
    return reply(error_document(500, "Execution config error", "the number of virtual users is the plan's: its stages change it"));
  }
  reply(status_document(rest_status()));
}

std::string TestRun::change_pause(bool paused) {
  if (phase_ != RunProgress::Phase::init) return "a test cannot be paused after its start";
  if (paused == paused_) return paused ? "execution is already paused" : "execution wasn't paused";
  paused_ = paused;
  return "";
}

// /v1/setup, /v1/teardown

void TestRun::answer_setup(const RestRequest& request, const RestServer::Reply& reply) {
  const auto show = [this, reply] { reply(setup_document(test_.setup_data.json().get())); };
  if (request.method == "PUT") {
    if (request.body.empty()) {
      test_.setup_data.clear();
    } else if (const std::string problem = json::syntax_problem(request.body); !problem.empty()) {
      return reply(error_document(400, "Error parsing request body", problem));
    } else {
      test_.setup_data.set(request.body);
    }
  } else if (request.method == "POST" && has_function("setup")) {
    return call_for_rest("setup", std::nullopt, test_.options.setup_timeout, reply, [this, show](const StageResult& result) {
      if (result.json) {
        test_.setup_data.set(*result.json);
      } else {
        test_.setup_data.clear();
      }
      show();
    });
  }
  show();
}

void TestRun::call_for_rest(const char* function, std::optional<std::string> argument, Nanoseconds timeout, const RestServer::Reply& reply,
                            std::function<void(const StageResult&)> then) {
  const auto refuse = [this, function, reply](const std::string& why) {
    log_.write(LogLevel::error, fmt::format("Error executing {}", function), {{"error", why}});
    reply(error_document(500, fmt::format("Error executing {}", function), why));
  };
  if (workers_.empty()) return refuse("the test is still loading its script");
  rest_calls_.push_back(
      std::make_unique<StageCall>(test_, control_, *workers_.front(), function, fmt::format("::{}", function), std::move(argument)));
  StageCall* call = rest_calls_.back().get();
  call->start(timeout, [this, call, function, timeout, refuse, then = std::move(then)] {
    const StageResult& result = call->result();
    if (const std::string problem = problem_of(result, function, timeout); !problem.empty()) {
      refuse(problem);
    } else {
      then(result);
    }
    // Not here: the call is still under way.
    control_.post([this, call] { std::erase_if(rest_calls_, [&](const auto& other) { return other.get() == call; }); });
  });
}

/// On the control loop.
void TestRun::answer_rest(const RestRequest& request, const RestServer::Reply& reply) {
  const std::string& path = request.path;
  const std::string& method = request.method;
  constexpr std::string_view kMetric = "/v1/metrics/", kGroup = "/v1/groups/";
  const bool gets = method == "GET";
  const RestReply not_allowed{.status = 405, .text = "", .is_json = false};
  if (path == "/v1/status") return gets || method == "PATCH" ? answer_status(request, reply) : reply(not_allowed);
  if (path == "/v1/setup") return gets || method == "PUT" || method == "POST" ? answer_setup(request, reply) : reply(not_allowed);
  if (path == "/v1/teardown") {
    const RestReply done{.status = 200, .text = "", .is_json = false};
    if (method != "POST") return reply(not_allowed);
    if (!has_function("teardown")) return reply(done);
    std::optional<std::string> data;
    if (const auto json = test_.setup_data.json()) data = *json;
    return call_for_rest("teardown", std::move(data), test_.options.teardown_timeout, reply,
                         [reply, done](const StageResult&) { reply(done); });
  }
  if (path.rfind("/v1/", 0) != 0) return reply({.status = 200, .text = "ok", .is_json = false});
  if (!gets) return reply(not_allowed);
  const metrics::Snapshot empty;
  const metrics::Snapshot& snapshot = collector_ ? collector_->snapshot() : empty;
  if (path == "/v1/metrics") return reply(metrics_document(snapshot, thresholds_));
  if (path.rfind(kMetric, 0) == 0) return reply(metric_document(snapshot, thresholds_, path.substr(kMetric.size())));
  if (path == "/v1/groups") return reply(groups_document(snapshot));
  if (path.rfind(kGroup, 0) == 0) return reply(group_document(snapshot, path.substr(kGroup.size())));
  reply(error_document(404, "Not Found", "there is no " + path));
}

}  // namespace gauntlet::engine::run
