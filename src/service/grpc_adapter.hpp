#pragma once
// service.Service of proto/service.proto: messages to use cases and back. One instance a thread.
#include "base/grpc/server.hpp"
#include "service/authenticator.hpp"
#include "service/challenge_service.hpp"

namespace gauntlet::service {

class GrpcAdapter {
 public:
  /// What it is given outlives it.
  GrpcAdapter(ChallengeService& service, Authenticator& authenticator);

  /// Registers every method; the adapter outlives the server's use.
  void add_methods(base::grpc::Server& server);

 private:
  void as_player(const base::grpc::CallPtr& call, std::function<void(std::string user_id)> next);

  ChallengeService& service_;
  Authenticator& authenticator_;
};

}  // namespace gauntlet::service
