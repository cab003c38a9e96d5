#include "engine/wire/tcp/tls.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cstring>

#include "base/text.hpp"
#include "engine/wire/tcp/missing_issuers.hpp"

namespace gauntlet::engine::wire {
namespace {

using Bio = std::unique_ptr<BIO, decltype(&BIO_free_all)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;
using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

std::string openssl_error() {
  const unsigned long code = ERR_peek_last_error();
  const char* reason = ERR_reason_error_string(code);
  ERR_clear_error();
  return reason != nullptr ? reason : "no reason given by OpenSSL";
}

int protocol_number(std::string_view name) {
  if (name == "tls1.0") return TLS1_VERSION;
  if (name == "tls1.1") return TLS1_1_VERSION;
  if (name == "tls1.2") return TLS1_2_VERSION;
  if (name == "tls1.3") return TLS1_3_VERSION;
  return -1;
}

Bio memory_bio(std::string_view text) { return {BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), &BIO_free_all}; }

/// OpenSSL's name of a cipher suite given by its IANA name, or null.
const char* openssl_cipher_name(SSL_CTX* context, std::string_view iana) {
  const STACK_OF(SSL_CIPHER)* ciphers = SSL_CTX_get_ciphers(context);
  for (int i = 0; i < sk_SSL_CIPHER_num(ciphers); ++i) {
    const SSL_CIPHER* cipher = sk_SSL_CIPHER_value(ciphers, i);
    const char* standard = SSL_CIPHER_standard_name(cipher);
    if (standard != nullptr && iana == standard) return SSL_CIPHER_get_name(cipher);
  }
  return nullptr;
}

bool domain_matches(std::string_view pattern, std::string_view host) {
  if (pattern.starts_with("*.")) {
    const auto dot = host.find('.');
    return dot != std::string_view::npos && host.substr(dot) == pattern.substr(1);
  }
  return pattern == host;
}

bool is_ip_literal(const std::string& name) {
  unsigned char bytes[16];
  return inet_pton(AF_INET, name.c_str(), bytes) == 1 || inet_pton(AF_INET6, name.c_str(), bytes) == 1;
}

/// An alert of the peer in Go's words.
std::string alert_text(int alert) {
  switch (alert) {
    case SSL_AD_UNEXPECTED_MESSAGE: return "unexpected message";
    case SSL_AD_BAD_RECORD_MAC: return "bad record MAC";
    case SSL_AD_RECORD_OVERFLOW: return "record overflow";
    case SSL_AD_HANDSHAKE_FAILURE: return "handshake failure";
    case SSL_AD_BAD_CERTIFICATE: return "bad certificate";
    case SSL_AD_UNSUPPORTED_CERTIFICATE: return "unsupported certificate";
    case SSL_AD_CERTIFICATE_REVOKED: return "revoked certificate";
    case SSL_AD_CERTIFICATE_EXPIRED: return "expired certificate";
    case SSL_AD_CERTIFICATE_UNKNOWN: return "unknown certificate";
    case SSL_AD_ILLEGAL_PARAMETER: return "illegal parameter";
    case SSL_AD_UNKNOWN_CA: return "unknown certificate authority";
    case SSL_AD_ACCESS_DENIED: return "access denied";
    case SSL_AD_DECODE_ERROR: return "error decoding message";
    case SSL_AD_DECRYPT_ERROR: return "error decrypting message";
    case SSL_AD_PROTOCOL_VERSION: return "protocol version not supported";
    case SSL_AD_INSUFFICIENT_SECURITY: return "insufficient security level";
    case SSL_AD_INTERNAL_ERROR: return "internal error";
    case SSL_AD_INAPPROPRIATE_FALLBACK: return "inappropriate fallback";
    case SSL_AD_USER_CANCELLED: return "user canceled";
    case SSL_AD_MISSING_EXTENSION: return "missing extension";
    case SSL_AD_UNSUPPORTED_EXTENSION: return "unsupported extension";
    case SSL_AD_UNRECOGNIZED_NAME: return "unrecognized name";
    case SSL_AD_CERTIFICATE_REQUIRED: return "certificate required";
    case SSL_AD_NO_APPLICATION_PROTOCOL: return "no application protocol";
    default: return fmt::format("alert({})", alert);
  }
}

/// OpenSSL looks at the chain before the name, Go at the name first: a wrong name is what the user is to hear of.
int prefer_name_mismatch(int is_ok, X509_STORE_CTX* store) {
  if (is_ok != 0) return is_ok;
  note_missing_issuer(store);
  X509* const certificate = X509_STORE_CTX_get0_cert(store);
  X509_VERIFY_PARAM* const wanted = X509_STORE_CTX_get0_param(store);
  const char* const host = X509_VERIFY_PARAM_get0_host(wanted, 0);
  if (certificate != nullptr && host != nullptr && X509_check_host(certificate, host, 0, 0, nullptr) != 1) {
    X509_STORE_CTX_set_error(store, X509_V_ERR_HOSTNAME_MISMATCH);
  }
  return 0;
}

int no_password(char*, int, int, void*) { return 0; }

}  // namespace

struct TlsContext::Identity {
  Certificate certificate{nullptr, &X509_free};
  std::vector<Certificate> chain;
  Key key{nullptr, &EVP_PKEY_free};
  std::vector<std::string> domains;  // in lower case

  bool serves(std::string_view given_host) const {
    const std::string host = base::lower_case(given_host);
    return domains.empty() ||
           std::any_of(domains.begin(), domains.end(), [&](const std::string& domain) { return domain_matches(domain, host); });
  }
};

TlsContext::TlsContext() : context_(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free) {}
TlsContext::~TlsContext() = default;

base::Expected<std::unique_ptr<TlsContext>> TlsContext::create(const TlsSettings& settings) {
  std::unique_ptr<TlsContext> result(new TlsContext);
  if (!result->context_) return base::fail(base::ErrorKind::internal, "OpenSSL gives no TLS context: " + openssl_error());
  TRY(result->configure(settings));
  return result;
}

base::Expected<void> TlsContext::configure(const TlsSettings& settings) {
  SSL_CTX* context = context_.get();
  const auto invalid = [](std::string message) { return base::fail(base::ErrorKind::invalid_argument, std::move(message)); };

  // One read() fetches as many records as are there, and buffers of idle connections are given back.
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  // k6 makes a full handshake for every connection: no session cache.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);

  const auto set_version = [&](const std::string& name, const char* option, auto apply) -> base::Expected<void> {
    if (name.empty()) return {};
    const int number = protocol_number(name);
    if (number < 0) return invalid(fmt::format("{} is '{}' and should be 'tls1.0', 'tls1.1', 'tls1.2' or 'tls1.3'", option, name));
    apply(number);
    return {};
  };
  if (auto done = set_version(settings.min_version, "tlsVersion.min", [&](int n) { SSL_CTX_set_min_proto_version(context, n); }); !done)
    return done;
  if (auto done = set_version(settings.max_version, "tlsVersion.max", [&](int n) { SSL_CTX_set_max_proto_version(context, n); }); !done)
    return done;
  const bool wants_old = settings.min_version == "tls1.0" || settings.min_version == "tls1.1" || settings.max_version == "tls1.0" ||
                         settings.max_version == "tls1.1";
  // Versions before 1.2 sign with SHA-1, which OpenSSL 3 only allows at security level 0.
  if (wants_old) SSL_CTX_set_security_level(context, 0);

  if (!settings.cipher_suites.empty()) {
    SSL_CTX_set_security_level(context, 0);
    SSL_CTX_set_cipher_list(context, "ALL:COMPLEMENTOFALL");
    std::string list;
    bool only_tls13 = true;
    for (const std::string& name : settings.cipher_suites) {
      const char* openssl_name = openssl_cipher_name(context, name);
      if (openssl_name == nullptr) {
        return invalid(
            fmt::format("tlsCipherSuites has '{}', which is no cipher suite that there is here: it should have IANA's names, as "
                        "'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256'",
                        name));
      }
      // TLS 1.3's own suites are not configurable in k6 either.
      if (std::strncmp(openssl_name, "TLS_", 4) == 0) continue;
      only_tls13 = false;
      list += list.empty() ? "" : ":";
      list += openssl_name;
    }
    if (!only_tls13 && SSL_CTX_set_cipher_list(context, list.c_str()) != 1) return invalid("tlsCipherSuites: " + openssl_error());
  }

  for (const ClientCertificate& item : settings.certificates) {
    Identity identity;
    for (const std::string& domain : item.domains) identity.domains.push_back(base::lower_case(domain));
    const Bio certificate = memory_bio(item.certificate);
    identity.certificate.reset(PEM_read_bio_X509_AUX(certificate.get(), nullptr, &no_password, nullptr));
    if (!identity.certificate) {
      return invalid(
          fmt::format("tlsAuth[{}].cert is no certificate in PEM and should be the text of one, as open('client.pem') gives it: {}",
                      identities_.size(), openssl_error()));
    }
    while (X509* issuer = PEM_read_bio_X509(certificate.get(), nullptr, &no_password, nullptr)) {
      identity.chain.emplace_back(issuer, &X509_free);
    }
    ERR_clear_error();  // the end of the file is an error to OpenSSL
    const Bio key = memory_bio(item.key);
    std::string password = item.password;
    identity.key.reset(PEM_read_bio_PrivateKey(key.get(), nullptr, password.empty() ? &no_password : nullptr,
                                               password.empty() ? nullptr : password.data()));
    if (!identity.key) {
      return invalid(fmt::format(
          "tlsAuth[{}].key cannot be read and should be the text of a key in PEM, as open('client.key') gives it, {}: {}",
          identities_.size(), password.empty() ? "with its password if it has one" : "and password the one that it has", openssl_error()));
    }
    if (X509_check_private_key(identity.certificate.get(), identity.key.get()) != 1) {
      ERR_clear_error();
      return invalid(fmt::format("tlsAuth[{}].key is not the key of its certificate, and should be", identities_.size()));
    }
    identities_.push_back(std::move(identity));
  }

  SSL_CTX_set_verify(context, settings.skip_verification ? SSL_VERIFY_NONE : SSL_VERIFY_PEER,
                     settings.skip_verification ? nullptr : &prefer_name_mismatch);
  if (settings.fetches_issuers && !settings.skip_verification)
    SSL_CTX_set_cert_verify_callback(context, &verify_with_missing_issuers, nullptr);
  if (!settings.ca_certificates.empty()) {
    const Bio authorities = memory_bio(settings.ca_certificates);
    X509_STORE* store = SSL_CTX_get_cert_store(context);
    int loaded = 0;
    while (X509* raw = PEM_read_bio_X509(authorities.get(), nullptr, &no_password, nullptr)) {
      const Certificate authority(raw, &X509_free);
      loaded += X509_STORE_add_cert(store, authority.get());
    }
    ERR_clear_error();
    if (loaded == 0) return invalid("the CA certificates are not PEM");
  } else if (!settings.skip_verification) {
    SSL_CTX_set_default_verify_paths(context);  // also honours SSL_CERT_FILE and SSL_CERT_DIR, as Go does
  }
  return {};
}

ssl_st* TlsContext::new_session(std::string_view server_name, std::span<const std::string_view> protocols) const {
  SSL* ssl = SSL_new(context_.get());
  if (ssl == nullptr) return nullptr;
  const std::string name(server_name);
  if (is_ip_literal(name)) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name.c_str());
  } else {
    // SSL_set_tlsext_host_name() without its C cast.
    SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, const_cast<char*>(name.c_str()));
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    SSL_set1_host(ssl, name.c_str());
  }
  std::string offer;
  for (const std::string_view protocol : protocols) {
    offer += static_cast<char>(protocol.size());
    offer += protocol;
  }
  if (!offer.empty()) {
    SSL_set_alpn_protos(ssl, reinterpret_cast<const unsigned char*>(offer.data()), static_cast<unsigned>(offer.size()));
  }
  for (const Identity& identity : identities_) {
    if (!identity.serves(name)) continue;
    SSL_use_certificate(ssl, identity.certificate.get());
    SSL_use_PrivateKey(ssl, identity.key.get());
    for (const Certificate& issuer : identity.chain) SSL_add1_chain_cert(ssl, issuer.get());
    break;
  }
  SSL_set_connect_state(ssl);
  return ssl;
}

TlsSession describe_session(ssl_st* ssl) {
  TlsSession session;
  switch (SSL_version(ssl)) {
    case TLS1_VERSION: session.version = "tls1.0"; break;
    case TLS1_1_VERSION: session.version = "tls1.1"; break;
    case TLS1_2_VERSION: session.version = "tls1.2"; break;
    case TLS1_3_VERSION: session.version = "tls1.3"; break;
    default: break;
  }
  if (const SSL_CIPHER* cipher = SSL_get_current_cipher(ssl)) {
    if (const char* name = SSL_CIPHER_standard_name(cipher)) session.cipher_suite = name;
  }
  const unsigned char* protocol = nullptr;
  unsigned length = 0;
  SSL_get0_alpn_selected(ssl, &protocol, &length);
  if (protocol != nullptr) session.protocol.assign(reinterpret_cast<const char*>(protocol), length);
  return session;
}

Failure handshake_failure(ssl_st* ssl, std::string_view server_name) {
  const unsigned long code = ERR_peek_error();
  const int reason = ERR_GET_REASON(code);
  const long verdict = SSL_get_verify_result(ssl);
  Failure result;
  if (ERR_GET_LIB(code) == ERR_LIB_SSL && reason == SSL_R_CERTIFICATE_VERIFY_FAILED) {
    switch (verdict) {
      case X509_V_ERR_HOSTNAME_MISMATCH:
      case X509_V_ERR_IP_ADDRESS_MISMATCH:
        result.code = error_code::kWrongHostname;
        result.message = "x509: certificate doesn't match hostname";
        result.cause = fmt::format("tls: failed to verify certificate: x509: certificate is not valid for {}", server_name);
        break;
      case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
      case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
      case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
      case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
      case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        result.code = error_code::kUnknownAuthority;
        result.message = "x509: unknown authority";
        result.cause = "tls: failed to verify certificate: x509: certificate signed by unknown authority" + take_missing_issuer();
        break;
      case X509_V_ERR_CERT_HAS_EXPIRED:
      case X509_V_ERR_CERT_NOT_YET_VALID:
        result = failure(error_code::kTls, "tls: failed to verify certificate: x509: certificate has expired or is not yet valid");
        break;
      default:
        result =
            failure(error_code::kTls, fmt::format("tls: failed to verify certificate: x509: {}", X509_verify_cert_error_string(verdict)));
        break;
    }
  } else if (ERR_GET_LIB(code) == ERR_LIB_SSL && (reason == SSL_R_HTTP_REQUEST || reason == SSL_R_WRONG_VERSION_NUMBER ||
                                                  reason == SSL_R_PACKET_LENGTH_TOO_LONG || reason == SSL_R_UNKNOWN_PROTOCOL)) {
    result = failure(error_code::kTlsRecord, "tls: first record does not look like a TLS handshake");
    if (reason == SSL_R_HTTP_REQUEST) result.cause = "http: server gave HTTP response to HTTPS client";
  } else if (ERR_GET_LIB(code) == ERR_LIB_SSL && reason >= SSL_AD_REASON_OFFSET) {
    result = failure(error_code::kNetwork, "remote error: tls: " + alert_text(reason - SSL_AD_REASON_OFFSET));
  } else {
    const char* text = ERR_reason_error_string(code);
    result = failure(error_code::kTls, fmt::format("tls: {}", text != nullptr ? text : "handshake failed"));
  }
  ERR_clear_error();
  return result;
}

}  // namespace gauntlet::engine::wire
