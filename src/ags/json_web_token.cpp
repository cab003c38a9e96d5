#include "ags/json_web_token.hpp"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/base64.hpp"

namespace gauntlet::ags {
namespace {

using base::decode_base64;
using base::ErrorKind;
using base::Expected;
using base::fail;
using base::kBase64Url;
using Json = nlohmann::json;

constexpr std::size_t kTokenBytesMax = 8 * 1024;
constexpr int kKeyBitsMin = 2048;
/// OpenSSL verifies with nothing larger; either bound keeps one signature from taking seconds.
constexpr int kKeyBitsMax = 16384;
constexpr int kExponentBitsMax = 64;
/// Of an issuer's keys that are not used, so many are told.
constexpr std::size_t kRefusedMax = 10;

template <auto kFree>
struct Free {
  template <class T>
  void operator()(T* owned) const {
    kFree(owned);
  }
};
using BigNumber = std::unique_ptr<BIGNUM, Free<BN_free>>;
using ParamBuilder = std::unique_ptr<OSSL_PARAM_BLD, Free<OSSL_PARAM_BLD_free>>;
using Params = std::unique_ptr<OSSL_PARAM, Free<OSSL_PARAM_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Free<EVP_PKEY_CTX_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Free<EVP_MD_CTX_free>>;

tl::unexpected<base::Error> malformed(const char* what) {
  return fail(ErrorKind::unauthenticated, std::string("the access token is not valid: ") + what);
}

/// A text member, "" when absent or something else.
std::string text_of(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

/// The texts of a member that is one or a list of them.
std::vector<std::string> texts_of(const Json& object, const char* name) {
  std::vector<std::string> texts;
  const auto found = object.find(name);
  if (found == object.end()) return texts;
  if (found->is_string()) texts.push_back(found->get<std::string>());
  if (found->is_array()) {
    for (const Json& one : *found)
      if (one.is_string()) texts.push_back(one.get<std::string>());
  }
  return texts;
}

std::optional<std::int64_t> time_of(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_number()) return std::nullopt;
  const double seconds = found->get<double>();
  constexpr double kMax = 253402300800.0;  // the year 10000
  if (!(std::abs(seconds) < kMax)) return std::nullopt;
  return static_cast<std::int64_t>(seconds);
}

BigNumber number_of(const std::string& bytes) {
  return BigNumber(BN_bin2bn(reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()), nullptr));
}

/// What makes an RSA key unfit to verify signatures with; null when nothing does.
const char* weakness_of(const BIGNUM* n, const BIGNUM* e) {
  if (BN_num_bits(n) < kKeyBitsMin) return "its modulus has less than 2048 bits";
  if (BN_num_bits(n) > kKeyBitsMax) return "its modulus has more than 16384 bits";
  if (BN_is_odd(n) == 0) return "its modulus is even";
  if (BN_is_odd(e) == 0 || BN_is_one(e) != 0) return "its exponent is even or 1";
  if (BN_num_bits(e) > kExponentBitsMax) return "its exponent has more than 64 bits";
  return nullptr;
}

/// The reason when it is no key that one can trust.
Expected<std::shared_ptr<EVP_PKEY>> rsa_key(const std::string& modulus, const std::string& exponent) {
  const auto unusable = [](const char* why) { return fail(ErrorKind::invalid_argument, why); };
  const BigNumber n = number_of(modulus), e = number_of(exponent);
  const ParamBuilder builder(OSSL_PARAM_BLD_new());
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
  if (!n || !e || !builder || !context) return unusable("it cannot be read");
  if (const char* weakness = weakness_of(n.get(), e.get())) return unusable(weakness);
  if (OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1) {
    return unusable("it cannot be read");
  }
  const Params params(OSSL_PARAM_BLD_to_param(builder.get()));
  EVP_PKEY* key = nullptr;
  if (!params || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()) != 1) {
    return unusable("it cannot be read");
  }
  return std::shared_ptr<EVP_PKEY>(key, EVP_PKEY_free);
}

}  // namespace

Expected<KeySet> KeySet::parse(std::string_view json) {
  const Json document = Json::parse(json, nullptr, /*allow_exceptions=*/false);
  const auto keys = document.is_object() ? document.find("keys") : document.end();
  if (!document.is_object() || keys == document.end() || !keys->is_array()) {
    return fail(ErrorKind::invalid_argument, "the key set is not a JSON object with a list \"keys\"");
  }
  KeySet set;
  for (const Json& key : *keys) {
    if (!key.is_object() || text_of(key, "kty") != "RSA") continue;
    const std::string use = text_of(key, "use"), algorithm = text_of(key, "alg"), id = text_of(key, "kid");
    if (id.empty() || (!use.empty() && use != "sig") || (!algorithm.empty() && algorithm != "RS256")) continue;
    const auto modulus = decode_base64(text_of(key, "n"), kBase64Url), exponent = decode_base64(text_of(key, "e"), kBase64Url);
    auto parsed = modulus && exponent ? rsa_key(*modulus, *exponent) : fail(ErrorKind::invalid_argument, "it is not base64url");
    if (parsed) {
      set.keys_[id] = std::move(*parsed);
    } else if (set.refused_.size() < kRefusedMax) {
      set.refused_.push_back(id + ": " + parsed.error().message);
    }
  }
  return set;
}

Expected<SignedToken> SignedToken::parse(std::string_view token) {
  if (token.size() > kTokenBytesMax) return malformed("it is too long");
  const std::size_t first = token.find('.');
  const std::size_t second = first == std::string_view::npos ? first : token.find('.', first + 1);
  if (second == std::string_view::npos || token.find('.', second + 1) != std::string_view::npos) {
    return malformed("it has not three parts");
  }
  const auto header = decode_base64(token.substr(0, first), kBase64Url);
  auto payload = decode_base64(token.substr(first + 1, second - first - 1), kBase64Url);
  auto signature = decode_base64(token.substr(second + 1), kBase64Url);
  if (!header || !payload || !signature) return malformed("it is not base64url");
  const Json fields = Json::parse(*header, nullptr, false);
  if (!fields.is_object()) return malformed("its header is not a JSON object");
  if (text_of(fields, "alg") != "RS256") return malformed("it is not signed with RS256");
  if (fields.contains("crit")) return malformed("it demands an extension");
  SignedToken parsed;
  parsed.key_id_ = text_of(fields, "kid");
  if (parsed.key_id_.empty()) return malformed("it names no key");
  parsed.signed_text_ = token.substr(0, second);
  parsed.signature_ = std::move(*signature);
  parsed.payload_ = std::move(*payload);
  return parsed;
}

Expected<Claims> SignedToken::verify(const KeySet& keys) const {
  const auto key = keys.keys_.find(key_id_);
  if (key == keys.keys_.end()) return malformed("its key is not known");
  const DigestContext context(EVP_MD_CTX_new());
  const auto bytes = [](const std::string& text) { return reinterpret_cast<const unsigned char*>(text.data()); };
  if (!context || EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key->second.get()) != 1 ||
      EVP_DigestVerify(context.get(), bytes(signature_), signature_.size(), bytes(signed_text_), signed_text_.size()) != 1) {
    return malformed("its signature is wrong");
  }
  const Json payload = Json::parse(payload_, nullptr, false);
  if (!payload.is_object()) return malformed("its payload is not a JSON object");
  Claims claims;
  claims.subject = text_of(payload, "sub");
  claims.name_space = text_of(payload, "namespace");
  claims.issuer = text_of(payload, "iss");
  claims.audiences = texts_of(payload, "aud");
  const auto expires_at = time_of(payload, "exp");
  if (!expires_at) return malformed("it has no expiry");
  claims.expires_at = *expires_at;
  if (payload.contains("nbf")) {
    claims.not_before = time_of(payload, "nbf");
    if (!claims.not_before) return malformed("its nbf is not a time");
  }
  return claims;
}

Expected<void> check_claims(const Claims& claims, std::int64_t now_s, const TokenDemands& demands) {
  if (now_s >= claims.expires_at) return malformed("it has expired");
  if (claims.not_before && now_s < *claims.not_before) return malformed("it is not valid yet");
  if (claims.subject.empty()) return malformed("it names no user");
  if (!demands.issuer.empty() && claims.issuer != demands.issuer) return malformed("it is of another issuer");
  if (!demands.audience.empty() && std::count(claims.audiences.begin(), claims.audiences.end(), demands.audience) == 0)
    return malformed("it is for another audience");
  if (claims.name_space != demands.name_space) {
    return fail(ErrorKind::permission_denied, "the access token is for namespace '" + claims.name_space + "'");
  }
  return {};
}

}  // namespace gauntlet::ags
