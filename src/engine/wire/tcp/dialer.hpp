#pragma once
// From a host name to a connected stream, by the test's rules: hosts overrides, blocked names, blacklisted addresses,
// DNS options, local addresses; then TCP connect, and TLS where asked.
//
//   dialer.dial({.host = "api.test", .port = 443, .tls = true, .protocols = {"http/1.1"}}, [](Dialed d) { ... });
#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "base/event_loop.hpp"
#include "engine/wire/failure.hpp"
#include "engine/wire/tcp/address_range.hpp"
#include "engine/wire/tcp/proxy.hpp"
#include "engine/wire/tcp/resolver.hpp"
#include "engine/wire/tcp/stream.hpp"
#include "engine/wire/tcp/tls.hpp"

namespace gauntlet::engine::wire {

/// A list of host names where a leading "*" stands for anything: "*.example.com". The longest match counts; case does not
/// (RFC 4343).
class HostPatterns {
 public:
  /// Fails where `pattern` fits no name that there can be.
  base::Expected<void> add(std::string pattern, std::string value = {});
  /// The value (and the pattern) that fits `host`, or null.
  const std::pair<std::string, std::string>* find(std::string_view host) const;
  bool empty() const { return exact_.empty() && suffixes_.empty(); }

 private:
  std::vector<std::pair<std::string, std::string>> exact_;
  std::vector<std::pair<std::string, std::string>> suffixes_;  // without the star; matched at the end
};

/// "ip", "ip:port", "[ip]" or "[ip]:port", as option hosts has them; `port` is kept when none is named.
bool parse_address(std::string_view text, std::uint16_t port, Endpoint& out);

/// How a test reaches its servers; shared by all its virtual users and constant while it runs.
struct DialPolicy {
  HostPatterns hosts;                     ///< option hosts: host or host:port -> ip or ip:port
  HostPatterns blocked_hosts;             ///< option blockHostnames
  std::vector<AddressRange> blacklist;    ///< option blacklistIPs
  std::vector<Endpoint> local_addresses;  ///< option localIPs, taken by VU number
  ProxyRules proxies;                     ///< from the environment; for those who dial to choose DialTarget::proxy by
  std::chrono::nanoseconds connect_timeout = std::chrono::seconds(30);
};

struct DialTarget {
  std::string host;  ///< name or IP literal, without brackets
  std::uint16_t port = 0;
  bool tls = false;
  std::vector<std::string_view> protocols;  ///< for ALPN; string literals
  const TlsContext* tls_context = nullptr;  ///< instead of the dialer's own, as gRPC's per-connection settings need
  std::string server_name;                  ///< for SNI and verification when it is not `host`
  /// Instead of going to the server directly. `tunnels`: what is connected is the server, seen through the proxy;
  /// otherwise it is the proxy itself, as plain HTTP wants it. Outlives the dial.
  const ProxyServer* proxy = nullptr;
  bool tunnels = true;
};

/// The outcome: a stream, or why there is none. Times are those that k6 shows; zero for what did not happen.
struct Dialed {
  std::unique_ptr<Stream> stream;
  Failure failure;
  std::chrono::nanoseconds connecting{0};
  std::chrono::nanoseconds tls_handshaking{0};
};

/// One per virtual user; lives on its loop's thread. Destroying it forgets dials under way without calling back.
class Dialer {
 public:
  using Callback = std::function<void(Dialed)>;
  using DialId = std::uint64_t;

  /// `tls` may be null when no target asks for TLS; `vu` picks the local address. All references outlive the dialer.
  Dialer(base::EventLoop& loop, Resolver& resolver, const DialPolicy& policy, const TlsContext* tls, Traffic& traffic, std::uint64_t vu);
  ~Dialer();
  Dialer(const Dialer&) = delete;
  Dialer& operator=(const Dialer&) = delete;

  /// Calls back exactly once, from the loop and never from inside this call, unless cancelled.
  DialId dial(DialTarget target, Callback done);
  void cancel(DialId dial);
  /// Through what the environment wants that server to be reached; nullptr: directly.
  const ProxyServer* proxy_for(bool tls, std::string_view host, std::uint16_t port) const { return policy_.proxies.find(tls, host, port); }

 private:
  class Attempt;

  base::EventLoop& loop_;
  Resolver& resolver_;
  const DialPolicy& policy_;
  const TlsContext* tls_;
  Traffic& traffic_;
  std::uint64_t vu_;
  DialId next_id_ = 1;
  std::unordered_map<DialId, std::unique_ptr<Attempt>> attempts_;
};

}  // namespace gauntlet::engine::wire
