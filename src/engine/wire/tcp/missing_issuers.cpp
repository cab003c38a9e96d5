#include "engine/wire/tcp/missing_issuers.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/curl.hpp"

namespace gauntlet::engine::wire {
namespace {

constexpr std::size_t kMostBytes = 64 * 1024;
constexpr std::chrono::seconds kPatience(5);
constexpr int kMostToAChain = 4;
/// Addresses that are remembered: a server could name a new one each time.
constexpr std::size_t kMostAddresses = 1000;

using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;

/// A certificate in DER or PEM, or the first of a bundle (PKCS #7), as RFC 5280 has them at such an address.
Certificate read_certificate(const std::string& bytes) {
  const auto* at = reinterpret_cast<const unsigned char*>(bytes.data());
  if (X509* const plain = d2i_X509(nullptr, &at, static_cast<long>(bytes.size()))) return {plain, &X509_free};
  at = reinterpret_cast<const unsigned char*>(bytes.data());
  const std::unique_ptr<PKCS7, decltype(&PKCS7_free)> bundle(d2i_PKCS7(nullptr, &at, static_cast<long>(bytes.size())), &PKCS7_free);
  if (bundle && PKCS7_type_is_signed(bundle.get()) && sk_X509_num(bundle->d.sign->cert) > 0) {
    X509* const first = sk_X509_value(bundle->d.sign->cert, 0);
    X509_up_ref(first);
    return {first, &X509_free};
  }
  const std::unique_ptr<BIO, decltype(&BIO_free)> text(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())), &BIO_free);
  return {PEM_read_bio_X509(text.get(), nullptr, nullptr, nullptr), &X509_free};
}

Certificate load(const std::string& address) {
  base::CurlHandle curl;
  curl.begin(address, {}, kPatience);
  curl.set(CURLOPT_PROTOCOLS_STR, "http");
  std::string bytes;
  const auto status = curl.perform(bytes, kMostBytes + 1);
  Certificate found(nullptr, &X509_free);
  if (status && *status == 200 && bytes.size() <= kMostBytes) found = read_certificate(bytes);
  ERR_clear_error();
  return found;
}

/// What was loaded in this process, which it outlives: threads that load may be there at its end.
class Issuers {
 public:
  /// The certificate at the address, nullptr if there is none; nothing while it is being loaded.
  std::optional<X509*> at(const std::string& address) {
    const std::lock_guard lock(mutex_);
    const auto known = known_.find(address);
    if (known != known_.end()) return known->second ? std::optional<X509*>(known->second->get()) : std::nullopt;
    if (known_.size() >= kMostAddresses) return nullptr;
    known_[address] = nullptr;
    std::thread([this, address] {
      auto loaded = std::make_unique<Certificate>(load(address));
      const std::lock_guard done(mutex_);
      known_[address] = std::move(loaded);
    }).detach();
    return std::nullopt;
  }

  static Issuers& of_process() {
    static auto& issuers = *new Issuers;
    return issuers;
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::unique_ptr<Certificate>> known_;  // nullptr: being loaded
};

using Stack = std::unique_ptr<STACK_OF(X509), void (*)(STACK_OF(X509)*)>;

bool lacks_issuer(int error) {
  return error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT || error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY ||
         error == X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE;
}

/// Where the certificate says that its issuer's is; empty: nowhere that is asked.
std::string issuer_address(X509* certificate) {
  const std::unique_ptr<AUTHORITY_INFO_ACCESS, decltype(&AUTHORITY_INFO_ACCESS_free)> access(
      static_cast<AUTHORITY_INFO_ACCESS*>(X509_get_ext_d2i(certificate, NID_info_access, nullptr, nullptr)), &AUTHORITY_INFO_ACCESS_free);
  for (int i = 0; access && i < sk_ACCESS_DESCRIPTION_num(access.get()); ++i) {
    const ACCESS_DESCRIPTION* const one = sk_ACCESS_DESCRIPTION_value(access.get(), i);
    if (OBJ_obj2nid(one->method) != NID_ad_ca_issuers || one->location->type != GEN_URI) continue;
    const ASN1_IA5STRING* const uri = one->location->d.uniformResourceIdentifier;
    std::string address(reinterpret_cast<const char*>(ASN1_STRING_get0_data(uri)), static_cast<std::size_t>(ASN1_STRING_length(uri)));
    if (address.starts_with("http://") && address.find('\0') == std::string::npos) return address;
  }
  return {};
}

struct Missing {
  std::string address;
  bool was_asked = false;
};
Missing& missing_of_thread() {
  thread_local Missing missing;
  return missing;
}

/// The certificate of which the chain lacks the issuer; nullptr: it lacks none.
X509* lacking_issuer(SSL* ssl, X509_STORE_CTX* original, STACK_OF(X509) * untrusted) {
  const std::unique_ptr<X509_STORE_CTX, decltype(&X509_STORE_CTX_free)> trial(X509_STORE_CTX_new(), &X509_STORE_CTX_free);
  if (!trial ||
      X509_STORE_CTX_init(trial.get(), SSL_CTX_get_cert_store(SSL_get_SSL_CTX(ssl)), X509_STORE_CTX_get0_cert(original), untrusted) != 1)
    return nullptr;
  X509_STORE_CTX_set_default(trial.get(), "ssl_server");
  if (X509_verify_cert(trial.get()) == 1) return nullptr;
  return lacks_issuer(X509_STORE_CTX_get_error(trial.get())) ? X509_STORE_CTX_get_current_cert(trial.get()) : nullptr;
}

}  // namespace

void note_missing_issuer(x509_store_ctx_st* store) {
  X509* const certificate = X509_STORE_CTX_get_current_cert(store);
  missing_of_thread().address =
      lacks_issuer(X509_STORE_CTX_get_error(store)) && certificate != nullptr ? issuer_address(certificate) : std::string();
}

std::string take_missing_issuer() {
  const auto [address, was_asked] = std::exchange(missing_of_thread(), {});
  if (address.empty()) return {};
  return was_asked ? " (the server does not send its issuer's, and there is none at " + address + ")"
                   : " (the server does not send its issuer's, which is at " + address + ": the option tlsAIAFetch loads it)";
}

int verify_with_missing_issuers(x509_store_ctx_st* store, void*) {
  SSL* const ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  STACK_OF(X509)* const sent = X509_STORE_CTX_get0_untrusted(store);
  const Stack chain(sent != nullptr ? sk_X509_dup(sent) : sk_X509_new_null(), [](STACK_OF(X509) * stack) { sk_X509_free(stack); });
  for (int i = 0; chain && i < kMostToAChain; ++i) {
    X509* const lacking = lacking_issuer(ssl, store, chain.get());
    const std::string address = lacking != nullptr ? issuer_address(lacking) : "";
    if (address.empty()) break;
    const std::optional<X509*> issuer = Issuers::of_process().at(address);
    if (!issuer) {
      SSL_set_retry_verify(ssl);
      return 1;
    }
    if (*issuer == nullptr) break;
    sk_X509_push(chain.get(), *issuer);
  }
  X509_STORE_CTX_set0_untrusted(store, chain.get());
  missing_of_thread() = {.address = {}, .was_asked = true};
  const int verdict = X509_verify_cert(store);
  X509_STORE_CTX_set0_untrusted(store, sent);
  return verdict;
}

}  // namespace gauntlet::engine::wire
