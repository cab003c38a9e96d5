#pragma once
// Keys of the Web Cryptography API (https://www.w3.org/TR/WebCryptoAPI/) on OpenSSL: made, imported and exported. Knows
// nothing of scripts. Values may be used by one thread at a time.
#include <openssl/evp.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "base/error.hpp"

namespace gauntlet::engine::crypto {

/// An error under the name that scripts see: "OperationError", "DataError", "NotSupportedError", ...
struct Failure {
  std::string name;
  std::string message;
};
template <class T>
using Result = tl::expected<T, Failure>;
inline tl::unexpected<Failure> fail(std::string name, std::string message) {
  return tl::unexpected(Failure{std::move(name), std::move(message)});
}

/// The dictionary that a script passes as `algorithm`: each algorithm reads its own members, the rest stay empty.
struct Algorithm {
  std::string name;     ///< as the specification writes it: "AES-CBC"
  std::string hash;     ///< "SHA-1", "SHA-256", "SHA-384", "SHA-512"
  std::string curve;    ///< namedCurve
  int length_bits = 0;  ///< of AES and HMAC keys, of the AES-CTR counter
  int modulus_length_bits = 0;
  std::string public_exponent;  ///< big-endian
  std::string iv;
  std::string counter;
  std::string additional_data;
  int tag_length_bits = 128;
  std::string label;
  std::string salt;
  std::string info;
  int salt_length_bytes = 0;
  std::uint32_t iterations = 0;
};

enum class Usage : unsigned {
  encrypt = 1,
  decrypt = 2,
  sign = 4,
  verify = 8,
  derive_key = 16,
  derive_bits = 32,
  wrap_key = 64,
  unwrap_key = 128,
};
constexpr unsigned operator|(Usage a, Usage b) { return static_cast<unsigned>(a) | static_cast<unsigned>(b); }

enum class KeyFormat { raw, spki, pkcs8, jwk };

struct Key {
  enum class Type { secret, private_key, public_key };
  Type type = Type::secret;
  bool is_extractable = false;
  unsigned usages = 0;
  Algorithm algorithm;
  std::string secret;              ///< of secret keys
  std::shared_ptr<EVP_PKEY> pair;  ///< shared: OpenSSL counts references itself, and both halves of a pair hold it

  bool allows(Usage usage) const { return (usages & static_cast<unsigned>(usage)) != 0; }
};

struct KeyPair {
  Key private_key;
  Key public_key;
};

/// nullptr for a name that is no digest of the specification.
const EVP_MD* digest_named(std::string_view name);
/// Uses that keys of an algorithm can have at all; 0 for an unknown algorithm.
unsigned possible_usages(std::string_view algorithm);
bool makes_pairs(std::string_view algorithm);

/// For AES and HMAC.
Result<Key> generate_secret(const Algorithm& algorithm, bool is_extractable, unsigned usages);
/// For RSA, ECDSA and ECDH. RSA takes a tenth of a second and more.
Result<KeyPair> generate_pair(const Algorithm& algorithm, bool is_extractable, unsigned usages);

/// `bytes` is the JSON text of the key for KeyFormat::jwk.
Result<Key> import_key(KeyFormat format, std::string_view bytes, const Algorithm& algorithm, bool is_extractable, unsigned usages);
Result<std::string> export_key(KeyFormat format, const Key& key);

/// Of OpenSSL's error queue, which is emptied; `otherwise` when it is empty.
std::string openssl_reason(std::string_view otherwise);

}  // namespace gauntlet::engine::crypto
