#include "service/authenticator.hpp"

#include "ags/token_verifier.hpp"
#include "base/text.hpp"
#include "challenge/user_id.hpp"

namespace gauntlet::service {
namespace {

using base::ErrorKind;
using base::Expected;
using base::fail;

/// The token of "Bearer <token>"; the scheme counts in any case.
std::optional<std::string_view> bearer_token(std::string_view authorization) {
  constexpr std::string_view kScheme = "bearer ";
  if (authorization.size() <= kScheme.size()) return std::nullopt;
  if (!base::equals_ignoring_case(authorization.substr(0, kScheme.size()), kScheme)) return std::nullopt;
  return authorization.substr(kScheme.size());
}

}  // namespace

void MockAuthenticator::authenticate(const Credentials& credentials, std::function<void(Expected<std::string>)> done) {
  if (!credentials.mock_user || credentials.mock_user->empty()) return done(std::string("test-user-id"));
  if (!challenge::is_user_id(*credentials.mock_user)) {
    return done(fail(ErrorKind::invalid_argument, "x-mock-user-id must be 1 to 100 characters of UTF-8 text"));
  }
  done(std::string(*credentials.mock_user));
}

void TokenAuthenticator::authenticate(const Credentials& credentials, std::function<void(Expected<std::string>)> done) {
  if (!credentials.authorization) return done(fail(ErrorKind::unauthenticated, "an access token is needed (Authorization: Bearer ...)"));
  const auto token = bearer_token(*credentials.authorization);
  if (credentials.authorization_count != 1 || !token) {
    return done(fail(ErrorKind::unauthenticated, "there must be one Authorization header, as in: Bearer <token>"));
  }
  verifier_.verify(*token, [done = std::move(done)](Expected<std::string> subject) {
    if (subject && !challenge::is_user_id(*subject)) return done(fail(ErrorKind::unauthenticated, "the access token's user is not valid"));
    done(std::move(subject));
  });
}

}  // namespace gauntlet::service
