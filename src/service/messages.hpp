#pragma once
// Results of the use cases as the messages of proto/service.proto: what gRPC sends, and REST as JSON.
#include "service/challenge_service.hpp"

namespace service {  // protobuf's package
class Challenge;
class ClaimRewardResponse;
class GetChallengesResponse;
class GetRotationStatusResponse;
class GoalSelectionResponse;
class InitializeResponse;
class SetGoalActiveResponse;
}  // namespace service

namespace gauntlet::service {

/// `active_only`: goals whose row is active only; a challenge without any stays.
void fill(::service::GetChallengesResponse& message, const PlayerChallenges& view, bool active_only);
void fill(::service::Challenge& message, const PlayerChallenges& view, const challenge::Challenge& challenge);
void fill(::service::InitializeResponse& message, const Assignment& assignment);
void fill(::service::SetGoalActiveResponse& message, const Activation& activation);
void fill(::service::ClaimRewardResponse& message, const ClaimReceipt& receipt);
void fill(::service::GoalSelectionResponse& message, const GoalSelection& selection);
void fill(::service::GetRotationStatusResponse& message, const RotationStatus& status);

}  // namespace gauntlet::service
