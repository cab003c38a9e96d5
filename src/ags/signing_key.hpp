#pragma once
// The issuer's side of json_web_token.hpp, for the platform's stand-in (mock_platform.hpp) and for tests: an RSA key that
// signs tokens and shows its public half.
#include <memory>
#include <string>
#include <string_view>

typedef struct evp_pkey_st EVP_PKEY;

namespace gauntlet::ags {

/// Any thread may use one at a time. Copies share the key.
class SigningKey {
 public:
  /// Makes a new key, in some 50 ms; `id` is its kid.
  explicit SigningKey(std::string id, unsigned bits = 2048);

  const std::string& id() const { return id_; }
  /// Its entry of a JWKS document, and a document of it alone.
  std::string jwk() const;
  std::string jwks() const;

  /// A token with this payload, RS256; the header names the key unless it is given too.
  std::string sign(std::string_view payload) const;
  std::string sign(std::string_view header, std::string_view payload) const;
  /// The classic forgery: an HS256 token, keyed with the public key's text.
  std::string sign_with_public_key_as_secret(std::string_view payload) const;

 private:
  std::string id_;
  std::shared_ptr<EVP_PKEY> key_;  // shared: keys are not cheap to copy
};

}  // namespace gauntlet::ags
