#include "engine/api/crypto/crypto.hpp"

#include <fmt/format.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <openssl/rand.h>

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "base/base64.hpp"
#include "base/hex.hpp"
#include "engine/script/binding.hpp"
#include "engine/script/native_memory.hpp"
#include "engine/script/value.hpp"

namespace gauntlet::engine::api {
namespace {

using script::Call;
using script::Self;

constexpr int kMaxRandomBytes = 1 << 28;

/// A digest under the name that scripts know. Fetched once a process: a fetch costs more than hashing a short text.
struct Algorithm {
  const char* name;
  const char* openssl_name;
  EVP_MD* digest;
};

/// MD4 is in OpenSSL's legacy provider, which gets a library context of its own so that nothing else sees it.
EVP_MD* fetch(const char* openssl_name) {
  if (EVP_MD* digest = EVP_MD_fetch(nullptr, openssl_name, nullptr)) return digest;
  static OSSL_LIB_CTX* const legacy = [] {
    OSSL_LIB_CTX* context = OSSL_LIB_CTX_new();
    OSSL_PROVIDER_load(context, "legacy");
    return context;
  }();
  return EVP_MD_fetch(legacy, openssl_name, nullptr);
}

const Algorithm* algorithm_named(std::string_view name) {
  static const std::array kAlgorithms = [] {
    std::array list = {
        Algorithm{"md4", "MD4", nullptr},
        Algorithm{"md5", "MD5", nullptr},
        Algorithm{"sha1", "SHA1", nullptr},
        Algorithm{"sha256", "SHA2-256", nullptr},
        Algorithm{"sha384", "SHA2-384", nullptr},
        Algorithm{"sha512", "SHA2-512", nullptr},
        Algorithm{"sha512_224", "SHA2-512/224", nullptr},
        Algorithm{"sha512_256", "SHA2-512/256", nullptr},
        Algorithm{"ripemd160", "RIPEMD160", nullptr},
    };
    for (Algorithm& each : list) each.digest = fetch(each.openssl_name);
    return list;
  }();
  for (const Algorithm& each : kAlgorithms) {
    if (name == each.name) return &each;
  }
  return nullptr;
}

JSValue throw_wrong_type(JSContext* context, JSValueConst value, std::string_view prefix = "") {
  return script::throw_error(
      context, fmt::format("{}a text, an ArrayBuffer or a Uint8Array is wanted, not {}", prefix, script::kind_of(context, value)));
}

JSValue throw_not_available(JSContext* context, const Algorithm& algorithm) {
  return script::throw_error(
      context,
      fmt::format("{} is not available: this machine's OpenSSL lacks it (its legacy provider is in Debian's libssl3)", algorithm.name));
}

/// What k6 takes for bytes: strings, ArrayBuffers and arrays of bytes.
std::optional<std::string> input(JSContext* context, JSValueConst value) {
  if (JS_IsString(value) || JS_IsArrayBuffer(value)) return script::bytes_or_text(context, value);
  const int type = JS_GetTypedArrayType(value);
  if (type == JS_TYPED_ARRAY_UINT8 || type == JS_TYPED_ARRAY_UINT8C) return script::bytes_or_text(context, value);
  return std::nullopt;
}

JSValue encoded(JSContext* context, std::string_view bytes, JSValueConst encoding) {
  const script::Text name(context, JS_IsUndefined(encoding) || JS_IsNull(encoding) ? JS_UNDEFINED : encoding);
  if (name.failed()) return JS_EXCEPTION;
  const std::string_view form = JS_IsUndefined(encoding) || JS_IsNull(encoding) ? std::string_view() : name.view();
  if (form == "hex") return script::new_string(context, base::to_hex(bytes));
  if (form == "base64") return script::new_string(context, base::encode_base64(bytes));
  if (form == "base64url") return script::new_string(context, base::encode_base64(bytes, {true, true}));
  if (form == "base64rawurl") return script::new_string(context, base::encode_base64(bytes, {true, false}));
  if (form == "binary") return script::new_array_buffer(context, bytes);
  return script::throw_error(context, fmt::format("invalid output encoding: {}", form));
}

using Output = std::array<unsigned char, EVP_MAX_MD_SIZE>;
std::string_view view_of(const Output& output, std::size_t size) { return {reinterpret_cast<const char*>(output.data()), size}; }

/// A digest or HMAC that grows by update(); what createHash() and createHMAC() return.
class Hasher {
 public:
  explicit Hasher(const Algorithm& algorithm) : digest_(EVP_MD_CTX_new(), &EVP_MD_CTX_free) {
    EVP_DigestInit_ex2(digest_.get(), algorithm.digest, nullptr);
  }
  Hasher(const Algorithm& algorithm, std::string_view key) : mac_(new_mac(), &EVP_MAC_CTX_free) {
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, const_cast<char*>(EVP_MD_get0_name(algorithm.digest)), 0),
        OSSL_PARAM_construct_end()};
    EVP_MAC_init(mac_.get(), reinterpret_cast<const unsigned char*>(key.data()), key.size(), parameters);
  }

  void update(std::string_view bytes) {
    if (digest_) EVP_DigestUpdate(digest_.get(), bytes.data(), bytes.size());
    else EVP_MAC_update(mac_.get(), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  }

  /// Of what was put in so far: more may follow.
  std::size_t result(Output& output) const {
    if (digest_) {
      unsigned int size = 0;
      const Digest copy(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
      EVP_MD_CTX_copy_ex(copy.get(), digest_.get());
      EVP_DigestFinal_ex(copy.get(), output.data(), &size);
      return size;
    }
    std::size_t size = 0;
    const Mac copy(EVP_MAC_CTX_dup(mac_.get()), &EVP_MAC_CTX_free);
    EVP_MAC_final(copy.get(), output.data(), &size, output.size());
    return size;
  }

 private:
  using Digest = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;
  using Mac = std::unique_ptr<EVP_MAC_CTX, decltype(&EVP_MAC_CTX_free)>;

  static EVP_MAC_CTX* new_mac() {
    static EVP_MAC* const kHmac = EVP_MAC_fetch(nullptr, OSSL_MAC_NAME_HMAC, nullptr);
    return EVP_MAC_CTX_new(kHmac);
  }

  Digest digest_{nullptr, &EVP_MD_CTX_free};
  Mac mac_{nullptr, &EVP_MAC_CTX_free};
};

/// HMAC with a digest of the legacy provider (MD4) by its definition (RFC 2104): EVP_MAC looks digests up by name in
/// the default context, where MD4 is not.
std::size_t legacy_hmac(const Algorithm& algorithm, std::string key, std::string_view data, Output& output) {
  const auto block = static_cast<std::size_t>(EVP_MD_get_block_size(algorithm.digest));
  unsigned int size = 0;
  const auto digest = [&](const std::string& bytes) {
    EVP_Digest(bytes.data(), bytes.size(), output.data(), &size, algorithm.digest, nullptr);
    return std::string(view_of(output, size));
  };
  if (key.size() > block) key = digest(key);
  key.resize(block, '\0');
  std::string inner = key;
  std::string outer = key;
  for (char& c : inner) c = static_cast<char>(c ^ 0x36);
  for (char& c : outer) c = static_cast<char>(c ^ 0x5c);
  digest(outer + digest(inner.append(data)));
  return size;
}

JSValue digest(const Call& call, const char* name) {
  const Algorithm& algorithm = *algorithm_named(name);
  if (algorithm.digest == nullptr) return throw_not_available(call.context, algorithm);
  const auto bytes = input(call.context, call.arg(0));
  if (!bytes) return throw_wrong_type(call.context, call.arg(0), fmt::format("{} failed: ", name));
  Output output;
  unsigned int size = 0;
  EVP_Digest(bytes->data(), bytes->size(), output.data(), &size, algorithm.digest, nullptr);
  return encoded(call.context, view_of(output, size), call.arg(1));
}
template <const char* name>
JSValue digest_with(Call call) {
  return digest(call, name);
}

/// The algorithm that an argument names, or nullptr with an exception.
const Algorithm* algorithm_of(const Call& call) {
  const script::Text name(call.context, call.has(0) ? call.arg(0) : JS_UNDEFINED);
  if (name.failed()) return nullptr;
  const std::string_view view = call.has(0) ? name.view() : std::string_view();
  const Algorithm* algorithm = algorithm_named(view);
  if (algorithm == nullptr) script::throw_error(call.context, fmt::format("invalid algorithm: {}", view));
  else if (algorithm->digest == nullptr) {
    throw_not_available(call.context, *algorithm);
    return nullptr;
  }
  return algorithm;
}

JSValue hmac(Call call) {
  const Algorithm* algorithm = algorithm_of(call);
  if (algorithm == nullptr) return JS_EXCEPTION;
  const auto key = input(call.context, call.arg(1));
  if (!key) return throw_wrong_type(call.context, call.arg(1));
  const auto data = input(call.context, call.arg(2));
  if (!data) return throw_wrong_type(call.context, call.arg(2));
  Output output;
  std::size_t size = 0;
  if (std::string_view(algorithm->name) == "md4") {
    size = legacy_hmac(*algorithm, *key, *data, output);
  } else {
    Hasher hasher(*algorithm, *key);
    hasher.update(*data);
    size = hasher.result(output);
  }
  return encoded(call.context, view_of(output, size), call.arg(3));
}

// createHash, createHMAC

/// Text so far, for the one HMAC that has to be made at once.
struct LegacyHmac {
  std::string key;
  std::string data;
};
struct Hash {
  const Algorithm* algorithm;
  std::optional<Hasher> hasher;
  LegacyHmac legacy;
  script::NativeMemory memory;
};

JSValue update(Self<Hash> self, Call call) {
  const auto bytes = input(call.context, call.arg(0));
  if (!bytes) return throw_wrong_type(call.context, call.arg(0));
  if (self->hasher) self->hasher->update(*bytes);
  else if (self->memory.charge(self.context, bytes->size())) self->legacy.data += *bytes;
  else return JS_EXCEPTION;
  return JS_UNDEFINED;
}
JSValue result(Self<Hash> self, Call call) {
  Output output;
  const std::size_t size =
      self->hasher ? self->hasher->result(output) : legacy_hmac(*self->algorithm, self->legacy.key, self->legacy.data, output);
  return encoded(call.context, view_of(output, size), call.arg(0));
}

const script::Member kHash[] = {script::own(script::method<&result>("digest", 1)), script::own(script::method<&update>("update", 1))};

JSValue new_hash(JSContext* context, std::unique_ptr<Hash> hash) {
  constexpr std::size_t kHashBytes = 2048;  // what OpenSSL keeps: a digest's state, of an HMAC three of them
  if (!hash->memory.charge(context, kHashBytes + hash->legacy.key.size())) return JS_EXCEPTION;
  const JSValue object = script::Class<Hash>::create(context, std::move(hash));
  if (!JS_IsException(object)) JS_SetPropertyFunctionList(context, object, kHash, static_cast<int>(std::size(kHash)));
  return object;
}

JSValue create_hash(Call call) {
  const Algorithm* algorithm = algorithm_of(call);
  if (algorithm == nullptr) return JS_EXCEPTION;
  auto hash = std::make_unique<Hash>();
  hash->algorithm = algorithm;
  hash->hasher.emplace(*algorithm);
  return new_hash(call.context, std::move(hash));
}

JSValue create_hmac(Call call) {
  const Algorithm* algorithm = algorithm_of(call);
  if (algorithm == nullptr) return JS_EXCEPTION;
  auto key = input(call.context, call.arg(1));
  if (!key) return throw_wrong_type(call.context, call.arg(1));
  auto hash = std::make_unique<Hash>();
  hash->algorithm = algorithm;
  if (std::string_view(algorithm->name) == "md4") hash->legacy.key = std::move(*key);
  else hash->hasher.emplace(*algorithm, *key);
  return new_hash(call.context, std::move(hash));
}

JSValue random_bytes(Call call) {
  std::int64_t size = 0;
  if (call.has(0) && JS_ToInt64(call.context, &size, call.arg(0)) < 0) return JS_EXCEPTION;
  if (size < 1) return script::throw_error(call.context, "invalid size");
  if (size > kMaxRandomBytes)
    return script::throw_error(call.context, fmt::format("invalid size: at most {} random bytes at once", kMaxRandomBytes));
  script::NativeMemory meanwhile;
  if (!meanwhile.charge(call.context, static_cast<std::size_t>(size))) return JS_EXCEPTION;
  std::string bytes(static_cast<std::size_t>(size), '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(size)) != 1) {
    return script::throw_error(call.context, "OpenSSL has no random bytes");
  }
  return script::adopt_array_buffer(call.context, std::move(bytes));
}

JSValue hex_encode(Call call) {
  const auto bytes = input(call.context, call.arg(0));
  return bytes ? script::new_string(call.context, base::to_hex(*bytes)) : throw_wrong_type(call.context, call.arg(0));
}

constexpr char kMd4[] = "md4";
constexpr char kMd5[] = "md5";
constexpr char kSha1[] = "sha1";
constexpr char kSha256[] = "sha256";
constexpr char kSha384[] = "sha384";
constexpr char kSha512[] = "sha512";
constexpr char kSha512_224[] = "sha512_224";
constexpr char kSha512_256[] = "sha512_256";
constexpr char kRipemd160[] = "ripemd160";

const script::Member kExports[] = {
    script::function<&create_hmac>("createHMAC", 2),
    script::function<&create_hash>("createHash", 1),
    script::function<&hex_encode>("hexEncode", 1),
    script::function<&hmac>("hmac", 4),
    script::function<&digest_with<kMd4>>("md4", 2),
    script::function<&digest_with<kMd5>>("md5", 2),
    script::function<&random_bytes>("randomBytes", 1),
    script::function<&digest_with<kRipemd160>>("ripemd160", 2),
    script::function<&digest_with<kSha1>>("sha1", 2),
    script::function<&digest_with<kSha256>>("sha256", 2),
    script::function<&digest_with<kSha384>>("sha384", 2),
    script::function<&digest_with<kSha512>>("sha512", 2),
    script::function<&digest_with<kSha512_224>>("sha512_224", 2),
    script::function<&digest_with<kSha512_256>>("sha512_256", 2),
};

}  // namespace

void init_crypto(script::Module& module) {
  script::Class<Hash>::define(module.context(), "Object", {});
  module.exports(kExports);
}

}  // namespace gauntlet::engine::api
