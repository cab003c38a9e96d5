#pragma once
// JSON Web Tokens signed with RS256 (RFC 7515, 7517, 7519), nothing else: other algorithms, `none` and HMAC with a
// public key first of all, are refused by name.
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/error.hpp"

typedef struct evp_pkey_st EVP_PKEY;

namespace gauntlet::ags {

/// An issuer's public keys by their key id. Copies share the keys.
class KeySet {
 public:
  /// Reads a JWKS document ({"keys":[...]}). Keys that are no RSA signature keys are left out, and so are those that sign
  /// nothing safely: moduli of less than 2048 or more than 16384 bits or even ones, exponents that are even, below 3 (1
  /// makes every text its own signature) or above 64 bits. invalid_argument when the document is none.
  static base::Expected<KeySet> parse(std::string_view json);

  std::size_t size() const { return keys_.size(); }
  /// The RSA signature keys that were left out, each as "id: why".
  const std::vector<std::string>& refused() const { return refused_; }
  bool has(std::string_view key_id) const { return keys_.count(std::string(key_id)) != 0; }

 private:
  friend class SignedToken;
  std::unordered_map<std::string, std::shared_ptr<EVP_PKEY>> keys_;
  std::vector<std::string> refused_;
};

struct Claims {
  std::string subject;                 // sub
  std::string name_space;              // namespace
  std::string issuer;                  // iss
  std::vector<std::string> audiences;  // aud, which may be one text or a list
  std::int64_t expires_at = 0;         // exp, seconds since 1970
  std::optional<std::int64_t> not_before;
};

/// A token whose form is right and whose signature is not checked yet.
class SignedToken {
 public:
  /// Splits and decodes; unauthenticated says what is wrong with it. At most 8 KiB.
  static base::Expected<SignedToken> parse(std::string_view token);

  const std::string& key_id() const { return key_id_; }
  /// The claims, once the signature has been found right with the key of its id; unauthenticated otherwise, also when
  /// that key is not in the set.
  base::Expected<Claims> verify(const KeySet& keys) const;

 private:
  std::string key_id_;
  std::string signed_text_;  // header.payload as received
  std::string signature_;
  std::string payload_;
};

/// What a token must be made out for.
struct TokenDemands {
  std::string name_space;
  std::string issuer;    // empty: any
  std::string audience;  // empty: any
};

/// Verified claims at this time: unauthenticated, or permission_denied for another namespace.
base::Expected<void> check_claims(const Claims& claims, std::int64_t now_s, const TokenDemands& demands);

}  // namespace gauntlet::ags
