#pragma once
// What is said to a proxy before a connection through it is the server's: HTTP's CONNECT, or SOCKS 5 (RFC 1928, 1929).
// No I/O: bytes come in and go out.
//
//   ProxyTunnel tunnel(proxy, "api.test", 443);
//   send(tunnel.take_outgoing()); ... tunnel.feed(received) until it is not State::more
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/wire/failure.hpp"
#include "engine/wire/tcp/proxy.hpp"

namespace gauntlet::engine::wire {

class ProxyTunnel {
 public:
  enum class State : std::uint8_t { more, open, failed };

  ProxyTunnel(const ProxyServer& proxy, std::string_view host, std::uint16_t port);

  /// What is to be sent now; empty while the proxy is to answer.
  std::string take_outgoing();
  State feed(std::string_view bytes);
  /// Why it failed, in Go's words.
  const Failure& problem() const { return problem_; }

 private:
  enum class Step : std::uint8_t { connect, greeting, password, request };

  State feed_connect();
  State feed_socks();
  State fail(std::string text);
  void request_connection();

  const ProxyServer& proxy_;
  std::string host_;
  std::uint16_t port_;
  Step step_;
  std::string outgoing_;
  std::string received_;
  Failure problem_;
};

}  // namespace gauntlet::engine::wire
