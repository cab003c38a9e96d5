#pragma once
// Proxies as Go's net/http takes them from the environment: HTTP_PROXY, HTTPS_PROXY, NO_PROXY and their lower-case
// names. Loopback addresses and "localhost" are never reached through one.
//
//   const ProxyRules rules = ProxyRules::from_environment().value();
//   if (const ProxyServer* proxy = rules.find(true, "api.test", 443)) ...
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace gauntlet::engine::wire {

struct ProxyServer {
  enum class Kind : std::uint8_t { http, socks5 };
  Kind kind = Kind::http;
  std::string host;
  std::uint16_t port = 0;
  std::string user;  ///< from the URL's user info; empty without
  std::string password;
  std::string authorization;  ///< what Proxy-Authorization says; empty without user info
};

/// Constant after creation.
class ProxyRules {
 public:
  ProxyRules() = default;
  /// Fails with the variable's name when its value is no URL of a proxy that can be used.
  static base::Expected<ProxyRules> from_environment();
  /// The same from texts, as the environment's variables have them.
  static base::Expected<ProxyRules> from_texts(std::string_view http_proxy, std::string_view https_proxy, std::string_view no_proxy);

  bool empty() const { return http_ == nullptr && https_ == nullptr; }
  /// Through what a server is reached; nullptr: directly. Valid as long as the rules.
  const ProxyServer* find(bool tls, std::string_view host, std::uint16_t port) const;

 private:
  struct Exception {
    std::string text;        // a domain without leading dots, or an address or range
    std::uint16_t port = 0;  // 0: any
    bool is_suffix_only = false;
  };
  bool is_excepted(std::string_view host, std::uint16_t port) const;

  std::shared_ptr<const ProxyServer> http_;  // shared by the copies of one set of rules
  std::shared_ptr<const ProxyServer> https_;
  std::vector<Exception> exceptions_;
  bool never_ = false;  // NO_PROXY=*
};

}  // namespace gauntlet::engine::wire
