#pragma once
// Who is asking.
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace gauntlet::ags {
class TokenVerifier;
}

namespace gauntlet::service {

/// What a request says about its sender; views into the request.
struct Credentials {
  std::optional<std::string_view> authorization;
  std::size_t authorization_count = 0;  // more than one is an attack
  std::optional<std::string_view> mock_user;
};

/// One instance a thread.
class Authenticator {
 public:
  virtual ~Authenticator() = default;
  /// Calls `done` with the player's id, at once or later on this thread; unauthenticated or permission_denied
  /// otherwise. The credentials are read before it returns.
  virtual void authenticate(const Credentials& credentials, std::function<void(base::Expected<std::string>)> done) = 0;
};

/// PLUGIN_GRPC_SERVER_AUTH_ENABLED=false: the player is whoever header x-mock-user-id says, `test-user-id` without it.
class MockAuthenticator final : public Authenticator {
 public:
  void authenticate(const Credentials& credentials, std::function<void(base::Expected<std::string>)> done) override;
};

/// PLUGIN_GRPC_SERVER_AUTH_ENABLED=true: the player is the subject of the bearer token.
class TokenAuthenticator final : public Authenticator {
 public:
  /// `verifier` outlives it.
  explicit TokenAuthenticator(ags::TokenVerifier& verifier) : verifier_(verifier) {}
  void authenticate(const Credentials& credentials, std::function<void(base::Expected<std::string>)> done) override;

 private:
  ags::TokenVerifier& verifier_;
};

}  // namespace gauntlet::service
