#pragma once
// HTTP digest authentication (RFC 7616): the answer to a server's challenge.
#include <optional>
#include <string>
#include <string_view>

namespace gauntlet::engine::wire {

struct DigestCredentials {
  std::string_view user;
  std::string_view password;
  std::string_view method;
  std::string_view uri;     ///< the request target
  std::string_view body;    ///< for qop=auth-int
  std::string_view cnonce;  ///< random; given in so that tests are repeatable
};

/// The Authorization header for a `WWW-Authenticate: Digest ...` header; nothing when it is no digest challenge, or
/// asks for an algorithm that is not known.
std::optional<std::string> answer_digest_challenge(std::string_view challenge, const DigestCredentials& credentials);

/// 32 hexadecimal digits from the system's random source.
std::string random_cnonce();

}  // namespace gauntlet::engine::wire
