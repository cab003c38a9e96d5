#pragma once
// TLS settings of a test and the OpenSSL context built from them. One context serves every connection of a test.
//
//   auto context = TlsContext::create(settings);
//   SSL* ssl = context->new_session("api.example.com", {"http/1.1"});   // the Stream owns it afterwards
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "engine/wire/failure.hpp"

struct ssl_st;
struct ssl_ctx_st;

namespace gauntlet::engine::wire {

/// A client certificate, sent to servers whose host name matches one of `domains` (all when empty). PEM texts.
struct ClientCertificate {
  std::string certificate;
  std::string key;
  std::string password;
  std::vector<std::string> domains;
};

/// The script's options tlsVersion, tlsCipherSuites, tlsAuth, insecureSkipTLSVerify, tlsAIAFetch.
struct TlsSettings {
  std::string min_version;                 ///< "tls1.0" .. "tls1.3"; empty: OpenSSL's default
  std::string max_version;                 ///< the same
  std::vector<std::string> cipher_suites;  ///< IANA names such as TLS_RSA_WITH_AES_128_GCM_SHA256; empty: default
  std::vector<ClientCertificate> certificates;
  std::string ca_certificates;  ///< PEM texts trusted instead of the system's; empty: the system's
  bool skip_verification = false;
  bool fetches_issuers = false;  ///< that a server does not send: missing_issuers.hpp
};

/// What was negotiated, in k6's spelling.
struct TlsSession {
  std::string version;       ///< "tls1.3"
  std::string cipher_suite;  ///< "TLS_AES_128_GCM_SHA256"
  std::string protocol;      ///< by ALPN: "h2", "http/1.1", or empty
};

/// Thread-safe after creation; lives as long as any connection made with it.
class TlsContext {
 public:
  /// Fails with the name of the setting that OpenSSL does not accept.
  static base::Expected<std::unique_ptr<TlsContext>> create(const TlsSettings& settings);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  /// A client session for `server_name` (sent as SNI unless it is an IP address, and verified). `protocols` are
  /// offered by ALPN in order of preference. The caller owns the session.
  ssl_st* new_session(std::string_view server_name, std::span<const std::string_view> protocols) const;

 private:
  struct Identity;  // a parsed client certificate with its key

  TlsContext();
  base::Expected<void> configure(const TlsSettings& settings);

  std::unique_ptr<ssl_ctx_st, void (*)(ssl_ctx_st*)> context_;
  std::vector<Identity> identities_;
};

/// What the session agreed on; valid after the handshake.
TlsSession describe_session(ssl_st* ssl);

/// Why the handshake just failed, in Go's words where there is a counterpart.
Failure handshake_failure(ssl_st* ssl, std::string_view server_name);

}  // namespace gauntlet::engine::wire
