#pragma once
// NTLM authentication of HTTP requests: the two messages that a client sends, by Microsoft's [MS-NLMP]
// (https://learn.microsoft.com/openspecs/windows_protocols/ms-nlmp). NTLMv2 only, without signing and sealing.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gauntlet::engine::wire {

struct NtlmCredentials {
  std::string_view user;  ///< "user" or "domain\user"
  std::string_view password;
};

/// The scheme that a `WWW-Authenticate` header offers, "NTLM" or "Negotiate"; nothing for others.
std::optional<std::string_view> ntlm_scheme(std::string_view header);

/// The Authorization header that opens the handshake.
std::string begin_ntlm(std::string_view scheme);

/// The one that answers the server's challenge ("NTLM TlRMTV..."); nothing when that is none that can be answered.
/// `nonce` are eight random bytes and `now` the Unix time in 100 ns, given in so that tests are repeatable.
std::optional<std::string> answer_ntlm_challenge(std::string_view header, const NtlmCredentials& credentials, std::string_view nonce,
                                                 std::uint64_t now);

}  // namespace gauntlet::engine::wire
