#include "service/grpc_adapter.hpp"

#include "service.pb.h"
#include "service/messages.hpp"

namespace gauntlet::service {
namespace {

using base::Expected;
using base::grpc::CallPtr;

Wanted wanted_by(const CallPtr& call) {
  return [call] { return !call->cancelled(); };
}

/// For start(): answers with the result as Message, or with its error.
template <class Message>
auto answering(const CallPtr& call) {
  return [call](const auto& result) {
    if (!result) return call->fail(result.error());
    Message message;
    fill(message, *result);
    call->finish(message);
  };
}

}  // namespace

GrpcAdapter::GrpcAdapter(ChallengeService& service, Authenticator& authenticator) : service_(service), authenticator_(authenticator) {}

void GrpcAdapter::as_player(const CallPtr& call, std::function<void(std::string)> next) {
  const Credentials credentials{call->metadata("authorization"), call->metadata_occurrences("authorization"),
                                call->metadata("x-mock-user-id")};
  authenticator_.authenticate(credentials, [call, next = std::move(next)](Expected<std::string> user_id) {
    if (!user_id) return call->fail(user_id.error());
    next(std::move(*user_id));
  });
}

void GrpcAdapter::add_methods(base::grpc::Server& server) {
  server.unary("/service.Service/HealthCheck", [this](const CallPtr& call) {
    ::service::HealthCheckRequest request;
    if (!call->parse(request)) return;
    start(service_.health(), [call](const Expected<void>& healthy) {
      if (!healthy) return call->fail(healthy.error());
      ::service::HealthCheckResponse response;
      response.set_status("healthy");
      call->finish(response);
    });
  });
  server.unary("/service.Service/GetUserChallenges", [this](const CallPtr& call) {
    ::service::GetChallengesRequest request;
    if (!call->parse(request)) return;
    as_player(call, [this, call, active_only = request.active_only()](std::string user_id) {
      start(service_.list(std::move(user_id), wanted_by(call)), [call, active_only](const Expected<PlayerChallenges>& view) {
        if (!view) return call->fail(view.error());
        ::service::GetChallengesResponse response;
        fill(response, *view, active_only);
        call->finish(response);
      });
    });
  });
  server.unary("/service.Service/InitializePlayer", [this](const CallPtr& call) {
    ::service::InitializeRequest request;
    if (!call->parse(request)) return;
    as_player(call, [this, call](std::string user_id) {
      start(service_.initialize(std::move(user_id), wanted_by(call)), answering<::service::InitializeResponse>(call));
    });
  });
  server.unary("/service.Service/SetGoalActive", [this](const CallPtr& call) {
    ::service::SetGoalActiveRequest request;
    if (!call->parse(request)) return;
    as_player(call, [this, call, request = std::move(request)](std::string user_id) {
      start(service_.set_active(std::move(user_id), request.challenge_id(), request.goal_id(), request.is_active(), wanted_by(call)),
            answering<::service::SetGoalActiveResponse>(call));
    });
  });
  server.unary("/service.Service/ClaimGoalReward", [this](const CallPtr& call) {
    ::service::ClaimRewardRequest request;
    if (!call->parse(request)) return;
    as_player(call, [this, call, request = std::move(request)](std::string user_id) {
      start(service_.claim(std::move(user_id), request.challenge_id(), request.goal_id()), answering<::service::ClaimRewardResponse>(call));
    });
  });
  server.unary("/service.Service/BatchSelectGoals", [this](const CallPtr& call) {
    ::service::BatchSelectRequest request;
    if (!call->parse(request)) return;
    as_player(call, [this, call, request = std::move(request)](std::string user_id) {
      start(service_.batch_select(std::move(user_id), request.challenge_id(), {request.goal_ids().begin(), request.goal_ids().end()},
                                  request.replace_existing(), wanted_by(call)),
            answering<::service::GoalSelectionResponse>(call));
    });
  });
  server.unary("/service.Service/RandomSelectGoals", [this](const CallPtr& call) {
    ::service::RandomSelectRequest request;
    if (!call->parse(request)) return;
    as_player(call, [this, call, request = std::move(request)](std::string user_id) {
      start(service_.random_select(std::move(user_id), request.challenge_id(),
                                   {request.count(), request.replace_existing(), request.exclude_active()}, wanted_by(call)),
            answering<::service::GoalSelectionResponse>(call));
    });
  });
  server.unary("/service.Service/GetRotationStatus", [this](const CallPtr& call) {
    ::service::GetRotationStatusRequest request;
    if (!call->parse(request)) return;
    as_player(call, [this, call, request = std::move(request)](const std::string&) {
      answering<::service::GetRotationStatusResponse>(call)(service_.rotation_status(request.challenge_id()));
    });
  });
}

}  // namespace gauntlet::service
