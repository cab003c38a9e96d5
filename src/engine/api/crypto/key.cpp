#include "engine/api/crypto/key.hpp"

#include <fmt/format.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <array>
#include <deque>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/base64.hpp"

namespace gauntlet::engine::crypto {
namespace {

using nlohmann::json;

constexpr int kMaxRsaBits = 8192;  // larger ones take minutes to make
constexpr base::Base64Form kJwkForm{.is_url = true, .is_padded = false};

using Number = std::unique_ptr<BIGNUM, decltype(&BN_free)>;

std::shared_ptr<EVP_PKEY> share(EVP_PKEY* key) { return {key, &EVP_PKEY_free}; }

struct Curve {
  const char* name;
  const char* group;
  std::size_t bytes;
};
constexpr std::array kCurves = {Curve{"P-256", "prime256v1", 32}, Curve{"P-384", "secp384r1", 48}, Curve{"P-521", "secp521r1", 66}};

const Curve* curve_named(std::string_view name) {
  for (const Curve& curve : kCurves) {
    if (name == curve.name) return &curve;
  }
  return nullptr;
}

bool is_aes(std::string_view name) { return name.substr(0, 4) == "AES-"; }
bool is_rsa(std::string_view name) { return name.substr(0, 3) == "RSA"; }
bool is_elliptic(std::string_view name) { return name == "ECDSA" || name == "ECDH"; }

unsigned public_usages(std::string_view algorithm) {
  if (algorithm == "ECDH") return 0;
  return static_cast<unsigned>(Usage::verify) | static_cast<unsigned>(Usage::encrypt) | static_cast<unsigned>(Usage::wrap_key);
}

Result<std::string> random_bytes(std::size_t size) {
  std::string bytes(size, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(size)) != 1) {
    return fail("OperationError", openssl_reason("OpenSSL has no random bytes"));
  }
  return bytes;
}

bool is_aes_length(int bits) { return bits == 128 || bits == 192 || bits == 256; }

std::string bytes_of(const BIGNUM* number, std::size_t width = 0) {
  std::string bytes(std::max<std::size_t>(width, static_cast<std::size_t>(BN_num_bytes(number))), '\0');
  BN_bn2binpad(number, reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  return bytes;
}

/// A number of the key, or an empty string where it has none.
std::string number_of(const Key& key, const char* name, std::size_t width = 0) {
  BIGNUM* raw = nullptr;
  if (EVP_PKEY_get_bn_param(key.pair.get(), name, &raw) != 1) return {};
  const Number number(raw, &BN_free);
  return bytes_of(raw, width);
}

std::string public_point(const Key& key) {
  std::size_t size = 0;
  EVP_PKEY_get_octet_string_param(key.pair.get(), OSSL_PKEY_PARAM_PUB_KEY, nullptr, 0, &size);
  std::string point(size, '\0');
  EVP_PKEY_get_octet_string_param(key.pair.get(), OSSL_PKEY_PARAM_PUB_KEY, reinterpret_cast<unsigned char*>(point.data()), size, &size);
  point.resize(size);
  if (!point.empty() && point.front() != 4) {  // compressed, as some files have it
    const Curve* curve = curve_named(key.algorithm.curve);
    const std::string x = number_of(key, OSSL_PKEY_PARAM_EC_PUB_X, curve->bytes),
                      y = number_of(key, OSSL_PKEY_PARAM_EC_PUB_Y, curve->bytes);
    point = std::string(1, '\4') + x + y;
  }
  return point;
}

/// Collects what a key is made of and makes it.
class KeyBuilder {
 public:
  void number(const char* name, const std::string& big_endian) {
    numbers_.emplace_back(
        BN_bin2bn(reinterpret_cast<const unsigned char*>(big_endian.data()), static_cast<int>(big_endian.size()), nullptr), &BN_free);
    OSSL_PARAM_BLD_push_BN(builder_.get(), name, numbers_.back().get());
  }
  void text(const char* name, const char* value) { OSSL_PARAM_BLD_push_utf8_string(builder_.get(), name, value, 0); }
  void octets(const char* name, std::string value) {
    octets_.push_back(std::move(value));  // the builder keeps the pointer
    OSSL_PARAM_BLD_push_octet_string(builder_.get(), name, octets_.back().data(), octets_.back().size());
  }

  std::shared_ptr<EVP_PKEY> make(const char* kind, bool is_private) {
    const std::unique_ptr<OSSL_PARAM, decltype(&OSSL_PARAM_free)> parameters(OSSL_PARAM_BLD_to_param(builder_.get()), &OSSL_PARAM_free);
    const std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> context(EVP_PKEY_CTX_new_from_name(nullptr, kind, nullptr),
                                                                              &EVP_PKEY_CTX_free);
    EVP_PKEY* key = nullptr;
    if (EVP_PKEY_fromdata_init(context.get()) != 1 ||
        EVP_PKEY_fromdata(context.get(), &key, is_private ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY, parameters.get()) != 1) {
      return nullptr;
    }
    return share(key);
  }

 private:
  std::unique_ptr<OSSL_PARAM_BLD, decltype(&OSSL_PARAM_BLD_free)> builder_{OSSL_PARAM_BLD_new(), &OSSL_PARAM_BLD_free};
  std::vector<Number> numbers_;
  std::deque<std::string> octets_;
};

bool is_sound(const Key& key) {
  const std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> context(EVP_PKEY_CTX_new(key.pair.get(), nullptr), &EVP_PKEY_CTX_free);
  return key.type == Key::Type::private_key ? EVP_PKEY_pairwise_check(context.get()) == 1 : EVP_PKEY_public_check(context.get()) == 1;
}

// JSON Web Keys (RFC 7517, 7518)

std::string jwk_text(const json& jwk, const char* name) {
  const auto found = jwk.find(name);
  return found != jwk.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::string jwk_bytes(const json& jwk, const char* name) { return base::decode_base64(jwk_text(jwk, name), kJwkForm).value_or(""); }

std::string jwk_algorithm(const Algorithm& algorithm) {
  const std::string bits = algorithm.hash.size() > 4 ? algorithm.hash.substr(4) : std::string();
  if (algorithm.name == "HMAC") return "HS" + bits;
  if (algorithm.name == "RSA-PSS") return "PS" + bits;
  if (algorithm.name == "RSASSA-PKCS1-v1_5") return "RS" + bits;
  if (algorithm.name == "RSA-OAEP") return algorithm.hash == "SHA-1" ? "RSA-OAEP" : "RSA-OAEP-" + bits;
  if (is_aes(algorithm.name)) return fmt::format("A{}{}", algorithm.length_bits, algorithm.name.substr(4));
  return {};
}

struct NamedUsage {
  const char* name;
  Usage usage;
};
constexpr std::array kUsages = {
    NamedUsage{"encrypt", Usage::encrypt},  NamedUsage{"decrypt", Usage::decrypt},      NamedUsage{"sign", Usage::sign},
    NamedUsage{"verify", Usage::verify},    NamedUsage{"deriveKey", Usage::derive_key}, NamedUsage{"deriveBits", Usage::derive_bits},
    NamedUsage{"wrapKey", Usage::wrap_key}, NamedUsage{"unwrapKey", Usage::unwrap_key},
};

std::string export_jwk(const Key& key) {
  json jwk;
  const auto put = [&](const char* name, const std::string& bytes) { jwk[name] = base::encode_base64(bytes, kJwkForm); };
  if (key.type == Key::Type::secret) {
    jwk["kty"] = "oct";
    put("k", key.secret);
  } else if (is_elliptic(key.algorithm.name)) {
    const Curve& curve = *curve_named(key.algorithm.curve);
    jwk["kty"] = "EC";
    jwk["crv"] = key.algorithm.curve;
    put("x", number_of(key, OSSL_PKEY_PARAM_EC_PUB_X, curve.bytes));
    put("y", number_of(key, OSSL_PKEY_PARAM_EC_PUB_Y, curve.bytes));
    if (key.type == Key::Type::private_key) put("d", number_of(key, OSSL_PKEY_PARAM_PRIV_KEY, curve.bytes));
  } else {
    jwk["kty"] = "RSA";
    put("n", number_of(key, OSSL_PKEY_PARAM_RSA_N));
    put("e", number_of(key, OSSL_PKEY_PARAM_RSA_E));
    if (key.type == Key::Type::private_key) {
      put("d", number_of(key, OSSL_PKEY_PARAM_RSA_D));
      put("p", number_of(key, OSSL_PKEY_PARAM_RSA_FACTOR1));
      put("q", number_of(key, OSSL_PKEY_PARAM_RSA_FACTOR2));
      put("dp", number_of(key, OSSL_PKEY_PARAM_RSA_EXPONENT1));
      put("dq", number_of(key, OSSL_PKEY_PARAM_RSA_EXPONENT2));
      put("qi", number_of(key, OSSL_PKEY_PARAM_RSA_COEFFICIENT1));
    }
  }
  if (const std::string name = jwk_algorithm(key.algorithm); !name.empty()) jwk["alg"] = name;
  jwk["ext"] = key.is_extractable;
  jwk["key_ops"] = json::array();
  for (const NamedUsage& each : kUsages) {
    if (key.allows(each.usage)) jwk["key_ops"].push_back(each.name);
  }
  return jwk.dump();
}

/// Fills type, secret and pair.
Result<void> import_jwk(std::string_view text, Key& key) {
  const json jwk = json::parse(text, nullptr, false);
  if (!jwk.is_object()) return fail("DataError", "the key is no JSON Web Key");
  const bool wants_rsa = is_rsa(key.algorithm.name), wants_curve = is_elliptic(key.algorithm.name);
  const std::string kind = jwk_text(jwk, "kty"), wanted = wants_rsa ? "RSA" : wants_curve ? "EC" : "oct";
  if (kind != wanted)
    return fail("DataError", fmt::format("the key type (kty) is \"{}\", and {} keys are \"{}\"", kind, key.algorithm.name, wanted));
  if (const auto ext = jwk.find("ext"); ext != jwk.end() && ext->is_boolean() && !ext->get<bool>() && key.is_extractable) {
    return fail("DataError", "the key says that it is not extractable (ext)");
  }
  if (kind == "oct") {
    const auto secret = base::decode_base64(jwk_text(jwk, "k"), kJwkForm);
    if (!secret) return fail("DataError", "the key's k is no base64url");
    key.secret = *secret;
    return {};
  }
  const bool is_private = jwk.contains("d");
  key.type = is_private ? Key::Type::private_key : Key::Type::public_key;
  KeyBuilder builder;
  if (kind == "EC") {
    const std::string curve_name = jwk_text(jwk, "crv");
    const Curve* curve = curve_named(curve_name);
    if (curve == nullptr || curve_name != key.algorithm.curve)
      return fail("DataError", fmt::format("the key's curve is {}, not {}", curve_name, key.algorithm.curve));
    const std::string x = jwk_bytes(jwk, "x"), y = jwk_bytes(jwk, "y");
    if (x.size() != curve->bytes || y.size() != curve->bytes) return fail("DataError", "the key's point does not have the curve's size");
    builder.text(OSSL_PKEY_PARAM_GROUP_NAME, curve->group);
    builder.octets(OSSL_PKEY_PARAM_PUB_KEY, std::string(1, '\4') + x + y);
    if (is_private) builder.number(OSSL_PKEY_PARAM_PRIV_KEY, jwk_bytes(jwk, "d"));
    key.pair = builder.make("EC", is_private);
  } else {
    struct Part {
      const char* name;
      const char* parameter;
    };
    static constexpr std::array kParts = {
        Part{"n", OSSL_PKEY_PARAM_RSA_N},          Part{"e", OSSL_PKEY_PARAM_RSA_E},
        Part{"d", OSSL_PKEY_PARAM_RSA_D},          Part{"p", OSSL_PKEY_PARAM_RSA_FACTOR1},
        Part{"q", OSSL_PKEY_PARAM_RSA_FACTOR2},    Part{"dp", OSSL_PKEY_PARAM_RSA_EXPONENT1},
        Part{"dq", OSSL_PKEY_PARAM_RSA_EXPONENT2}, Part{"qi", OSSL_PKEY_PARAM_RSA_COEFFICIENT1},
    };
    for (const Part& part : kParts) {
      if (jwk.contains(part.name)) builder.number(part.parameter, jwk_bytes(jwk, part.name));
    }
    key.pair = builder.make("RSA", is_private);
  }
  if (!key.pair) return fail("DataError", openssl_reason("the key's numbers make no key"));
  return {};
}

Result<void> import_raw(std::string_view bytes, Key& key) {
  if (key.algorithm.name == "ECDSA" || key.algorithm.name == "ECDH") {
    key.type = Key::Type::public_key;
    KeyBuilder builder;
    builder.text(OSSL_PKEY_PARAM_GROUP_NAME, curve_named(key.algorithm.curve)->group);
    builder.octets(OSSL_PKEY_PARAM_PUB_KEY, std::string(bytes));
    key.pair = builder.make("EC", false);
    if (!key.pair) return fail("DataError", openssl_reason("the bytes are no point of the curve"));
    return {};
  }
  if (is_rsa(key.algorithm.name)) return fail("NotSupportedError", "RSA keys have no raw format");
  key.secret = std::string(bytes);
  return {};
}

Result<void> import_der(KeyFormat format, std::string_view bytes, Key& key) {
  if (key.algorithm.name == "HMAC" || is_aes(key.algorithm.name) || key.algorithm.name == "PBKDF2" || key.algorithm.name == "HKDF") {
    return fail("NotSupportedError",
                fmt::format("{} keys have no {} format", key.algorithm.name, format == KeyFormat::spki ? "spki" : "pkcs8"));
  }
  const auto* at = reinterpret_cast<const unsigned char*>(bytes.data());
  const auto size = static_cast<long>(bytes.size());
  if (format == KeyFormat::spki) {
    key.type = Key::Type::public_key;
    key.pair = share(d2i_PUBKEY(nullptr, &at, size));
  } else {
    key.type = Key::Type::private_key;
    key.pair = share(d2i_AutoPrivateKey(nullptr, &at, size));
  }
  const char* const wanted = is_rsa(key.algorithm.name) ? "RSA" : "EC";
  if (!key.pair) return fail("DataError", openssl_reason("the bytes are no key"));
  if (EVP_PKEY_is_a(key.pair.get(), wanted) != 1) return fail("DataError", fmt::format("the key is no {} key", wanted));
  if (is_elliptic(key.algorithm.name)) {
    std::array<char, 64> group{};
    std::size_t length = 0;
    EVP_PKEY_get_group_name(key.pair.get(), group.data(), group.size(), &length);
    if (std::string_view(group.data(), length) != curve_named(key.algorithm.curve)->group) {
      return fail("DataError", fmt::format("the key is not of the curve {}", key.algorithm.curve));
    }
  }
  return {};
}

std::string to_der(EVP_PKEY* key, bool is_private) {
  unsigned char* bytes = nullptr;
  int size = 0;
  if (is_private) {
    const std::unique_ptr<PKCS8_PRIV_KEY_INFO, decltype(&PKCS8_PRIV_KEY_INFO_free)> info(EVP_PKEY2PKCS8(key), &PKCS8_PRIV_KEY_INFO_free);
    size = info ? i2d_PKCS8_PRIV_KEY_INFO(info.get(), &bytes) : -1;
  } else {
    size = i2d_PUBKEY(key, &bytes);
  }
  std::string der;
  if (size > 0) der.assign(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  OPENSSL_free(bytes);
  return der;
}

void note_size(Key& key) {
  if (key.type == Key::Type::secret) {
    if (key.algorithm.name != "PBKDF2" && key.algorithm.name != "HKDF" && key.algorithm.length_bits == 0) {
      key.algorithm.length_bits = static_cast<int>(key.secret.size() * 8);
    }
  } else if (is_rsa(key.algorithm.name)) {
    key.algorithm.modulus_length_bits = EVP_PKEY_get_bits(key.pair.get());
    key.algorithm.public_exponent = number_of(key, OSSL_PKEY_PARAM_RSA_E);
  }
}

}  // namespace

std::string openssl_reason(std::string_view otherwise) {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? std::string(otherwise) : std::string(reason);
}

const EVP_MD* digest_named(std::string_view name) {
  if (name == "SHA-1") return EVP_sha1();
  if (name == "SHA-256") return EVP_sha256();
  if (name == "SHA-384") return EVP_sha384();
  if (name == "SHA-512") return EVP_sha512();
  return nullptr;
}

unsigned possible_usages(std::string_view algorithm) {
  if (algorithm == "AES-KW") return Usage::wrap_key | Usage::unwrap_key;
  if (is_aes(algorithm) || algorithm == "RSA-OAEP") return (Usage::encrypt | Usage::decrypt) | (Usage::wrap_key | Usage::unwrap_key);
  if (algorithm == "HMAC" || algorithm == "ECDSA" || is_rsa(algorithm)) return Usage::sign | Usage::verify;
  if (algorithm == "ECDH" || algorithm == "PBKDF2" || algorithm == "HKDF") return Usage::derive_key | Usage::derive_bits;
  return 0;
}

bool makes_pairs(std::string_view algorithm) { return is_rsa(algorithm) || is_elliptic(algorithm); }

Result<Key> generate_secret(const Algorithm& algorithm, bool is_extractable, unsigned usages) {
  Key key;
  key.algorithm = algorithm;
  key.is_extractable = is_extractable;
  key.usages = usages;
  if (is_aes(algorithm.name)) {
    if (!is_aes_length(algorithm.length_bits)) return fail("OperationError", "invalid key length");
  } else if (algorithm.length_bits == 0) {
    key.algorithm.length_bits = EVP_MD_get_block_size(digest_named(algorithm.hash)) * 8;
  }
  auto secret = TRY(random_bytes(static_cast<std::size_t>(key.algorithm.length_bits + 7) / 8));
  key.secret = std::move(secret);
  return key;
}

Result<KeyPair> generate_pair(const Algorithm& algorithm, bool is_extractable, unsigned usages) {
  const bool rsa = is_rsa(algorithm.name);
  const Curve* curve = curve_named(algorithm.curve);
  if (!rsa && curve == nullptr) return fail("NotSupportedError", fmt::format("elliptic curve {} is not supported", algorithm.curve));
  if (rsa && (algorithm.modulus_length_bits < 512 || algorithm.modulus_length_bits > kMaxRsaBits)) {
    return fail("OperationError", fmt::format("modulusLength must be from 512 to {}", kMaxRsaBits));
  }
  const std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> context(
      EVP_PKEY_CTX_new_from_name(nullptr, rsa ? "RSA" : "EC", nullptr), &EVP_PKEY_CTX_free);
  EVP_PKEY_keygen_init(context.get());
  if (rsa) {
    EVP_PKEY_CTX_set_rsa_keygen_bits(context.get(), algorithm.modulus_length_bits);
    const Number exponent(BN_bin2bn(reinterpret_cast<const unsigned char*>(algorithm.public_exponent.data()),
                                    static_cast<int>(algorithm.public_exponent.size()), nullptr),
                          &BN_free);
    if (EVP_PKEY_CTX_set1_rsa_keygen_pubexp(context.get(), exponent.get()) != 1)
      return fail("OperationError", openssl_reason("invalid publicExponent"));
  } else {
    EVP_PKEY_CTX_set_group_name(context.get(), curve->group);
  }
  EVP_PKEY* made = nullptr;
  if (EVP_PKEY_generate(context.get(), &made) != 1) return fail("OperationError", openssl_reason("no key could be made"));
  KeyPair pair;
  pair.private_key.type = Key::Type::private_key;
  pair.public_key.type = Key::Type::public_key;
  pair.private_key.pair = pair.public_key.pair = share(made);
  pair.private_key.algorithm = pair.public_key.algorithm = algorithm;
  pair.private_key.is_extractable = is_extractable;
  pair.public_key.is_extractable = true;
  pair.private_key.usages = usages & ~public_usages(algorithm.name);
  pair.public_key.usages = usages & public_usages(algorithm.name);
  if (pair.private_key.usages == 0) return fail("SyntaxError", "usages cannot not be empty for a secret or private CryptoKey");
  return pair;
}

Result<Key> import_key(KeyFormat format, std::string_view bytes, const Algorithm& algorithm, bool is_extractable, unsigned usages) {
  if (is_elliptic(algorithm.name) && curve_named(algorithm.curve) == nullptr) {
    return fail("NotSupportedError", fmt::format("elliptic curve {} is not supported", algorithm.curve));
  }
  Key key;
  key.algorithm = algorithm;
  key.is_extractable = is_extractable;
  key.usages = usages;
  TRY(format == KeyFormat::jwk   ? import_jwk(bytes, key)
      : format == KeyFormat::raw ? import_raw(bytes, key)
                                 : import_der(format, bytes, key));
  if (key.pair && !is_sound(key)) return fail("DataError", openssl_reason("the key is not valid"));
  note_size(key);
  if (is_aes(algorithm.name) && !is_aes_length(key.algorithm.length_bits)) return fail("DataError", "invalid key length");
  if (algorithm.name == "HMAC" && key.secret.empty()) return fail("DataError", "key length cannot be 0");
  if (key.type != Key::Type::public_key && usages == 0)
    return fail("SyntaxError", "usages cannot not be empty for a secret or private CryptoKey");
  if (key.type == Key::Type::public_key && (usages & ~public_usages(algorithm.name)) != 0) return fail("SyntaxError", "invalid key usage");
  if (key.type == Key::Type::private_key && (usages & public_usages(algorithm.name)) != 0) return fail("SyntaxError", "invalid key usage");
  return key;
}

Result<std::string> export_key(KeyFormat format, const Key& key) {
  if (!key.is_extractable) return fail("InvalidAccessError", "the key is not extractable");
  switch (format) {
    case KeyFormat::jwk: return export_jwk(key);
    case KeyFormat::raw:
      if (key.type == Key::Type::secret) return key.secret;
      if (key.type == Key::Type::public_key && is_elliptic(key.algorithm.name)) return public_point(key);
      return fail("InvalidAccessError", "only secret keys and public keys of curves have a raw format");
    case KeyFormat::spki:
      if (key.type != Key::Type::public_key) return fail("InvalidAccessError", "only public keys have the spki format");
      return to_der(key.pair.get(), false);
    case KeyFormat::pkcs8:
      if (key.type != Key::Type::private_key) return fail("InvalidAccessError", "only private keys have the pkcs8 format");
      return to_der(key.pair.get(), true);
  }
  return fail("NotSupportedError", "unknown key format");
}

}  // namespace gauntlet::engine::crypto
