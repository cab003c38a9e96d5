#include "engine/api/crypto/operation.hpp"

#include <fmt/format.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <array>

namespace gauntlet::engine::crypto {
namespace {

using KeyContext = std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)>;
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

constexpr std::size_t kMaxDerivedBits = std::size_t{1} << 24;

const unsigned char* raw(std::string_view bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }
unsigned char* raw(std::string& bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }

const EVP_CIPHER* cipher_of(const Key& key) {
  const std::string& name = key.algorithm.name;
  const std::size_t bits = key.secret.size() * 8;
  if (name == "AES-CBC") return bits == 128 ? EVP_aes_128_cbc() : bits == 192 ? EVP_aes_192_cbc() : EVP_aes_256_cbc();
  if (name == "AES-CTR") return bits == 128 ? EVP_aes_128_ctr() : bits == 192 ? EVP_aes_192_ctr() : EVP_aes_256_ctr();
  return bits == 128 ? EVP_aes_128_gcm() : bits == 192 ? EVP_aes_192_gcm() : EVP_aes_256_gcm();
}

tl::unexpected<Failure> failed(std::string_view what) { return fail("OperationError", openssl_reason(what)); }

/// One pass of a cipher over `data` with padding as the mode has it.
Result<std::string> run_cipher(const Key& key, const std::string& iv, std::string_view data, bool encrypts) {
  const CipherContext context(EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
  if (EVP_CipherInit_ex2(context.get(), cipher_of(key), raw(std::string_view(key.secret)), raw(std::string_view(iv)), encrypts ? 1 : 0,
                         nullptr) != 1) {
    return failed("the cipher cannot be set up");
  }
  std::string out(data.size() + EVP_MAX_BLOCK_LENGTH, '\0');
  int size = 0, rest = 0;
  if (EVP_CipherUpdate(context.get(), raw(out), &size, raw(data), static_cast<int>(data.size())) != 1 ||
      EVP_CipherFinal_ex(context.get(), raw(out) + size, &rest) != 1) {
    return failed(encrypts ? "could not encrypt" : "could not decrypt");
  }
  out.resize(static_cast<std::size_t>(size + rest));
  return out;
}

/// The low `bits` of the block count and wrap within themselves; OpenSSL counts with all 128. So the data is cut where
/// the counter wraps.
Result<std::string> run_counter(const Algorithm& parameters, const Key& key, std::string_view data) {
  if (parameters.counter.size() != 16) return fail("OperationError", "the counter must have 16 bytes");
  const int bits = parameters.length_bits;
  if (bits < 1 || bits > 128) return fail("OperationError", "the counter's length must be from 1 to 128 bits");
  std::string block = parameters.counter;
  if (bits >= 64) return run_cipher(key, block, data, true);
  std::uint64_t low = 0;
  for (std::size_t i = 8; i < 16; ++i) low = low << 8U | static_cast<unsigned char>(block[i]);
  const std::uint64_t mask = (std::uint64_t{1} << static_cast<unsigned>(bits)) - 1;
  const std::uint64_t blocks_needed = (data.size() + 15) / 16;
  if (blocks_needed > mask + 1) return fail("OperationError", "the data is longer than the counter can count");
  const std::uint64_t until_wrap = (mask - (low & mask) + 1) * 16;
  auto first = run_cipher(key, block, data.substr(0, until_wrap), true);
  if (!first || data.size() <= until_wrap) return first;
  const std::uint64_t wrapped = low & ~mask;
  for (std::size_t i = 0; i < 8; ++i) block[15 - i] = static_cast<char>(wrapped >> (8 * i));
  auto rest = run_cipher(key, block, data.substr(until_wrap), true);
  if (rest) *first += *rest;
  return rest ? std::move(first) : std::move(rest);
}

Result<std::string> run_gcm(const Algorithm& parameters, const Key& key, std::string_view data, bool encrypts) {
  const auto tag_size = static_cast<std::size_t>(parameters.tag_length_bits) / 8;
  static constexpr std::array kTagBits = {32, 64, 96, 104, 112, 120, 128};
  if (std::find(kTagBits.begin(), kTagBits.end(), parameters.tag_length_bits) == kTagBits.end())
    return fail("OperationError", "invalid tagLength");
  if (parameters.iv.empty()) return fail("OperationError", "the iv is empty");
  if (!encrypts && data.size() < tag_size) return fail("OperationError", "the text is shorter than its tag");
  std::string tag(encrypts ? std::string(tag_size, '\0') : std::string(data.substr(data.size() - tag_size)));
  if (!encrypts) data.remove_suffix(tag_size);
  const CipherContext context(EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
  const int direction = encrypts ? 1 : 0;
  std::string out(data.size() + EVP_MAX_BLOCK_LENGTH, '\0');
  int size = 0, rest = 0, ignored = 0;
  const bool ready = EVP_CipherInit_ex2(context.get(), cipher_of(key), nullptr, nullptr, direction, nullptr) == 1 &&
                     EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_IVLEN, static_cast<int>(parameters.iv.size()), nullptr) == 1 &&
                     EVP_CipherInit_ex2(context.get(), nullptr, raw(std::string_view(key.secret)), raw(std::string_view(parameters.iv)),
                                        direction, nullptr) == 1;
  if (!ready) return failed("the cipher cannot be set up");
  if (!encrypts) EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, static_cast<int>(tag.size()), tag.data());
  if (!parameters.additional_data.empty()) {
    EVP_CipherUpdate(context.get(), nullptr, &ignored, raw(std::string_view(parameters.additional_data)),
                     static_cast<int>(parameters.additional_data.size()));
  }
  if (EVP_CipherUpdate(context.get(), raw(out), &size, raw(data), static_cast<int>(data.size())) != 1 ||
      EVP_CipherFinal_ex(context.get(), raw(out) + size, &rest) != 1) {
    return failed(encrypts ? "could not encrypt" : "the text or its tag was changed, or the key is another one");
  }
  out.resize(static_cast<std::size_t>(size + rest));
  if (encrypts) {
    EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, static_cast<int>(tag.size()), tag.data());
    out += tag;
  }
  return out;
}

Result<std::string> run_oaep(const Algorithm& parameters, const Key& key, std::string_view data, bool encrypts) {
  const KeyContext context(EVP_PKEY_CTX_new(key.pair.get(), nullptr), &EVP_PKEY_CTX_free);
  const EVP_MD* digest = digest_named(key.algorithm.hash);
  if ((encrypts ? EVP_PKEY_encrypt_init(context.get()) : EVP_PKEY_decrypt_init(context.get())) != 1 ||
      EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_OAEP_PADDING) != 1 ||
      EVP_PKEY_CTX_set_rsa_oaep_md(context.get(), digest) != 1 || EVP_PKEY_CTX_set_rsa_mgf1_md(context.get(), digest) != 1) {
    return failed("RSA-OAEP cannot be set up");
  }
  if (!parameters.label.empty()) {
    void* label = OPENSSL_memdup(parameters.label.data(), parameters.label.size());
    EVP_PKEY_CTX_set0_rsa_oaep_label(context.get(), label,
                                     static_cast<int>(parameters.label.size()));  // owns it from now on
  }
  const auto run = encrypts ? &EVP_PKEY_encrypt : &EVP_PKEY_decrypt;
  std::size_t size = 0;
  if (run(context.get(), nullptr, &size, raw(data), data.size()) != 1) return failed("could not size the text");
  std::string out(size, '\0');
  if (run(context.get(), raw(out), &size, raw(data), data.size()) != 1) return failed(encrypts ? "could not encrypt" : "could not decrypt");
  out.resize(size);
  return out;
}

Result<std::string> run(const Algorithm& parameters, const Key& key, std::string_view data, bool encrypts) {
  if (key.algorithm.name == "AES-CBC") {
    if (parameters.iv.size() != 16) return fail("OperationError", "iv length is invalid, should be 16 bytes");
    return run_cipher(key, parameters.iv, data, encrypts);
  }
  if (key.algorithm.name == "AES-CTR") return run_counter(parameters, key, data);
  if (key.algorithm.name == "AES-GCM") return run_gcm(parameters, key, data, encrypts);
  if (key.algorithm.name == "RSA-OAEP") return run_oaep(parameters, key, data, encrypts);
  return fail("NotSupportedError", fmt::format("{} does not encrypt", key.algorithm.name));
}

/// The digest of a signature: ECDSA has it in the call, the others in the key.
const EVP_MD* signature_digest(const Algorithm& parameters, const Key& key) {
  return digest_named(key.algorithm.name == "ECDSA" ? parameters.hash : key.algorithm.hash);
}

std::string hmac(const Key& key, std::string_view data) {
  std::string out(EVP_MAX_MD_SIZE, '\0');
  std::size_t size = 0;
  EVP_Q_mac(nullptr, "HMAC", nullptr, EVP_MD_get0_name(digest_named(key.algorithm.hash)), nullptr, key.secret.data(), key.secret.size(),
            raw(data), data.size(), raw(out), out.size(), &size);
  out.resize(size);
  return out;
}

bool pad_for(const Algorithm& parameters, const Key& key, EVP_PKEY_CTX* context) {
  if (key.algorithm.name != "RSA-PSS") return true;
  return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
         EVP_PKEY_CTX_set_rsa_pss_saltlen(context, parameters.salt_length_bytes) == 1;
}

std::size_t curve_bytes(const Key& key) { return (static_cast<std::size_t>(EVP_PKEY_get_bits(key.pair.get())) + 7) / 8; }

/// From the DER that OpenSSL makes to r and s side by side.
std::string fixed_width(const Key& key, std::string_view der) {
  const auto* at = raw(der);
  const std::unique_ptr<ECDSA_SIG, decltype(&ECDSA_SIG_free)> signature(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())),
                                                                        &ECDSA_SIG_free);
  const std::size_t width = curve_bytes(key);
  std::string out(2 * width, '\0');
  BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), raw(out), static_cast<int>(width));
  BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), raw(out) + width, static_cast<int>(width));
  return out;
}

/// The way back; empty for what has not the curve's width.
std::string der_form(const Key& key, std::string_view fixed) {
  const std::size_t width = curve_bytes(key);
  if (fixed.size() != 2 * width) return {};
  const std::unique_ptr<ECDSA_SIG, decltype(&ECDSA_SIG_free)> signature(ECDSA_SIG_new(), &ECDSA_SIG_free);
  ECDSA_SIG_set0(signature.get(), BN_bin2bn(raw(fixed), static_cast<int>(width), nullptr),
                 BN_bin2bn(raw(fixed) + width, static_cast<int>(width), nullptr));
  unsigned char* bytes = nullptr;
  const int size = i2d_ECDSA_SIG(signature.get(), &bytes);
  std::string der(reinterpret_cast<const char*>(bytes), size > 0 ? static_cast<std::size_t>(size) : 0);
  OPENSSL_free(bytes);
  return der;
}

Result<std::string> run_kdf(const char* name, const OSSL_PARAM* parameters, std::size_t bytes) {
  const std::unique_ptr<EVP_KDF, decltype(&EVP_KDF_free)> kdf(EVP_KDF_fetch(nullptr, name, nullptr), &EVP_KDF_free);
  const std::unique_ptr<EVP_KDF_CTX, decltype(&EVP_KDF_CTX_free)> context(EVP_KDF_CTX_new(kdf.get()), &EVP_KDF_CTX_free);
  std::string out(bytes, '\0');
  if (EVP_KDF_derive(context.get(), raw(out), out.size(), parameters) != 1) return failed("could not derive");
  return out;
}

/// RFC 8018, 5.2. OpenSSL's runs to its end whatever happens meanwhile.
Result<std::string> pbkdf2(const char* digest, const Algorithm& parameters, const Key& key, std::size_t bytes,
                           const std::function<bool()>& may_go_on) {
  constexpr std::uint32_t kRoundsPerLook = 1000;
  const std::unique_ptr<EVP_MAC, decltype(&EVP_MAC_free)> mac(EVP_MAC_fetch(nullptr, "HMAC", nullptr), &EVP_MAC_free);
  const std::unique_ptr<EVP_MAC_CTX, decltype(&EVP_MAC_CTX_free)> context(EVP_MAC_CTX_new(mac.get()), &EVP_MAC_CTX_free);
  const OSSL_PARAM list[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, const_cast<char*>(digest), 0),
                             OSSL_PARAM_construct_end()};
  if (EVP_MAC_init(context.get(), raw(key.secret), key.secret.size(), list) != 1) return failed("could not derive");
  unsigned char block[EVP_MAX_MD_SIZE];
  std::size_t size = 0;
  const auto take = [&](std::string_view input) {
    return EVP_MAC_update(context.get(), raw(input), input.size()) == 1 && EVP_MAC_final(context.get(), block, &size, sizeof block) == 1 &&
           EVP_MAC_init(context.get(), nullptr, 0, nullptr) == 1;  // with the same key
  };
  std::string out;
  for (std::uint32_t number = 1; out.size() < bytes; ++number) {
    std::string first = parameters.salt;
    for (int shift = 24; shift >= 0; shift -= 8) first += static_cast<char>(number >> shift);
    if (!take(first)) return failed("could not derive");
    std::string sum(reinterpret_cast<const char*>(block), size);
    for (std::uint32_t round = 1; round < parameters.iterations; ++round) {
      if (round % kRoundsPerLook == 0 && !may_go_on()) return fail("OperationError", "the script has ended");
      if (!take({reinterpret_cast<const char*>(block), size})) return failed("could not derive");
      for (std::size_t i = 0; i < size; ++i) sum[i] = static_cast<char>(sum[i] ^ static_cast<char>(block[i]));
    }
    out += sum;
  }
  out.resize(bytes);
  return out;
}

}  // namespace

Result<std::string> digest(std::string_view algorithm, std::string_view data) {
  std::string out(EVP_MAX_MD_SIZE, '\0');
  unsigned int size = 0;
  if (EVP_Digest(data.data(), data.size(), raw(out), &size, digest_named(algorithm), nullptr) != 1) return failed("could not digest");
  out.resize(size);
  return out;
}

Result<std::string> encrypt(const Algorithm& parameters, const Key& key, std::string_view data) { return run(parameters, key, data, true); }
Result<std::string> decrypt(const Algorithm& parameters, const Key& key, std::string_view data) {
  return run(parameters, key, data, false);
}

Result<std::string> sign(const Algorithm& parameters, const Key& key, std::string_view data) {
  if (key.algorithm.name == "HMAC") return hmac(key, data);
  const DigestContext context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  EVP_PKEY_CTX* key_context = nullptr;
  std::size_t size = 0;
  if (EVP_DigestSignInit(context.get(), &key_context, signature_digest(parameters, key), nullptr, key.pair.get()) != 1 ||
      !pad_for(parameters, key, key_context) || EVP_DigestSign(context.get(), nullptr, &size, raw(data), data.size()) != 1) {
    return failed("could not sign");
  }
  std::string out(size, '\0');
  if (EVP_DigestSign(context.get(), raw(out), &size, raw(data), data.size()) != 1) return failed("could not sign");
  out.resize(size);
  return key.algorithm.name == "ECDSA" ? fixed_width(key, out) : out;
}

Result<bool> verify(const Algorithm& parameters, const Key& key, std::string_view signature, std::string_view data) {
  if (key.algorithm.name == "HMAC") {
    const std::string right = hmac(key, data);
    return right.size() == signature.size() && CRYPTO_memcmp(right.data(), signature.data(), right.size()) == 0;
  }
  const std::string der = key.algorithm.name == "ECDSA" ? der_form(key, signature) : std::string(signature);
  const DigestContext context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  EVP_PKEY_CTX* key_context = nullptr;
  if (EVP_DigestVerifyInit(context.get(), &key_context, signature_digest(parameters, key), nullptr, key.pair.get()) != 1 ||
      !pad_for(parameters, key, key_context)) {
    return failed("could not verify");
  }
  const bool is_right =
      !der.empty() && EVP_DigestVerify(context.get(), raw(std::string_view(der)), der.size(), raw(data), data.size()) == 1;
  openssl_reason("");  // what a wrong signature left there
  return is_right;
}

Result<std::string> derive(const Algorithm& parameters, const Key& key, std::size_t length_bits, const std::function<bool()>& may_go_on) {
  if (length_bits == 0 || length_bits % 8 != 0 || length_bits > kMaxDerivedBits)
    return fail("OperationError", "length must be a multiple of 8 bits, and not 0");
  auto secret = key.secret;
  auto salt = parameters.salt;
  auto info = parameters.info;
  const char* digest = EVP_MD_get0_name(digest_named(parameters.hash));
  if (key.algorithm.name == "PBKDF2") {
    if (parameters.iterations == 0) return fail("OperationError", "iterations must be more than 0");
    return pbkdf2(digest, parameters, key, length_bits / 8, may_go_on);
  }
  const OSSL_PARAM list[] = {OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, const_cast<char*>(digest), 0),
                             OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, secret.data(), secret.size()),
                             OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, salt.data(), salt.size()),
                             OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info.data(), info.size()), OSSL_PARAM_construct_end()};
  return run_kdf("HKDF", list, length_bits / 8);
}

Result<std::string> agree(const Key& private_key, const Key& public_key, std::size_t length_bits) {
  if (private_key.algorithm.curve != public_key.algorithm.curve) return fail("InvalidAccessError", "the keys are of different curves");
  const KeyContext context(EVP_PKEY_CTX_new(private_key.pair.get(), nullptr), &EVP_PKEY_CTX_free);
  std::size_t size = 0;
  if (EVP_PKEY_derive_init(context.get()) != 1 || EVP_PKEY_derive_set_peer(context.get(), public_key.pair.get()) != 1 ||
      EVP_PKEY_derive(context.get(), nullptr, &size) != 1) {
    return failed("the keys do not agree");
  }
  std::string out(size, '\0');
  if (EVP_PKEY_derive(context.get(), raw(out), &size) != 1) return failed("the keys do not agree");
  out.resize(size);
  if (length_bits == 0) return out;
  if (length_bits > out.size() * 8)
    return fail("OperationError", fmt::format("length is too large, the shared secret has {} bits", out.size() * 8));
  out.resize((length_bits + 7) / 8);
  if (length_bits % 8 != 0) out.back() = static_cast<char>(out.back() & (0xff << (8 - length_bits % 8)));
  return out;
}

}  // namespace gauntlet::engine::crypto
