#include "ags/signing_key.hpp"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "base/base64.hpp"

namespace gauntlet::ags {
namespace {

std::string base64url(std::string_view bytes) { return base::encode_base64(bytes, base::kBase64Url); }

std::string number(const EVP_PKEY* key, const char* name) {
  BIGNUM* value = nullptr;
  EVP_PKEY_get_bn_param(key, name, &value);
  std::string bytes(static_cast<std::size_t>(BN_num_bytes(value)), '\0');
  BN_bn2bin(value, reinterpret_cast<unsigned char*>(bytes.data()));
  BN_free(value);
  return base64url(bytes);
}

}  // namespace

SigningKey::SigningKey(std::string id, unsigned bits) : id_(std::move(id)), key_(EVP_RSA_gen(bits), EVP_PKEY_free) {}

std::string SigningKey::jwk() const {
  return R"({"kty":"RSA","use":"sig","alg":"RS256","kid":")" + id_ + R"(","n":")" + number(key_.get(), OSSL_PKEY_PARAM_RSA_N) +
         R"(","e":")" + number(key_.get(), OSSL_PKEY_PARAM_RSA_E) + "\"}";
}

std::string SigningKey::jwks() const { return R"({"keys":[)" + jwk() + "]}"; }

std::string SigningKey::sign(std::string_view payload) const { return sign(R"({"alg":"RS256","kid":")" + id_ + "\"}", payload); }

std::string SigningKey::sign(std::string_view header, std::string_view payload) const {
  const std::string text = base64url(header) + "." + base64url(payload);
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  std::size_t size = 0;
  EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get());
  const auto* data = reinterpret_cast<const unsigned char*>(text.data());
  EVP_DigestSign(context.get(), nullptr, &size, data, text.size());
  std::string signature(size, '\0');
  EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, data, text.size());
  signature.resize(size);
  return text + "." + base64url(signature);
}

std::string SigningKey::sign_with_public_key_as_secret(std::string_view payload) const {
  const std::unique_ptr<BIO, decltype(&BIO_free)> memory(BIO_new(BIO_s_mem()), BIO_free);
  PEM_write_bio_PUBKEY(memory.get(), key_.get());
  char* pem = nullptr;
  const long size = BIO_get_mem_data(memory.get(), &pem);
  const std::string text = base64url(R"({"alg":"HS256","kid":")" + id_ + "\"}") + "." + base64url(payload);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned digest_size = 0;
  HMAC(EVP_sha256(), pem, static_cast<int>(size), reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest, &digest_size);
  return text + "." + base64url({reinterpret_cast<char*>(digest), digest_size});
}

}  // namespace gauntlet::ags
