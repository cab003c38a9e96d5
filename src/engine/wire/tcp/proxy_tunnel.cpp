#include "engine/wire/tcp/proxy_tunnel.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "engine/wire/http_head.hpp"

namespace gauntlet::engine::wire {
namespace {

constexpr std::size_t kMaxAnswerBytes = 64 * 1024;

std::string socks_text(std::string_view text) {
  std::string out(1, static_cast<char>(text.size()));
  return out.append(text);
}

}  // namespace

ProxyTunnel::ProxyTunnel(const ProxyServer& proxy, std::string_view host, std::uint16_t port)
    : proxy_(proxy), host_(host), port_(port), step_(proxy.kind == ProxyServer::Kind::http ? Step::connect : Step::greeting) {
  if (step_ == Step::greeting) {
    outgoing_ = proxy_.user.empty() ? std::string("\x05\x01\x00", 3) : std::string("\x05\x02\x00\x02", 4);
    return;
  }
  const std::string target =
      host.find(':') == std::string_view::npos ? fmt::format("{}:{}", host, port) : fmt::format("[{}]:{}", host, port);
  outgoing_ = fmt::format("CONNECT {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: Go-http-client/1.1\r\n", target, target);
  if (!proxy_.authorization.empty()) outgoing_ += fmt::format("Proxy-Authorization: {}\r\n", proxy_.authorization);
  outgoing_ += "\r\n";
}

std::string ProxyTunnel::take_outgoing() { return std::exchange(outgoing_, {}); }

ProxyTunnel::State ProxyTunnel::feed(std::string_view bytes) {
  received_.append(bytes);
  if (received_.size() > kMaxAnswerBytes) return fail("the proxy's answer has no end");
  return step_ == Step::connect ? feed_connect() : feed_socks();
}

ProxyTunnel::State ProxyTunnel::fail(std::string text) {
  problem_ = failure(error_code::kOther, std::move(text));
  return State::failed;
}

ProxyTunnel::State ProxyTunnel::feed_connect() {
  ResponseHead head;
  std::size_t length = 0;
  switch (parse_response_head(received_.data(), received_.size(), false, head, length, problem_)) {
    case HeadState::incomplete: return State::more;
    case HeadState::cut_off:
    case HeadState::malformed: return State::failed;
    case HeadState::complete: break;
  }
  if (head.status != 200) {
    const auto text = head.status_text.find(' ');
    return fail(text == std::string_view::npos ? "unknown status code" : std::string(head.status_text.substr(text + 1)));
  }
  // The server speaks only when spoken to, TLS as well as a WebSocket upgrade.
  if (length != received_.size()) return fail("the proxy sent more than its answer to CONNECT");
  return State::open;
}

ProxyTunnel::State ProxyTunnel::feed_socks() {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned>(static_cast<unsigned char>(received_[at])); };
  if (step_ != Step::request) {
    if (received_.size() < 2) return State::more;
    if (step_ == Step::greeting) {
      if (byte(0) != 5) return fail(fmt::format("unexpected protocol version {}", byte(0)));
      if (byte(1) == 2 && !proxy_.user.empty()) {
        step_ = Step::password;
        outgoing_ = "\x01" + socks_text(proxy_.user) + socks_text(proxy_.password);
      } else if (byte(1) == 0) {
        request_connection();
      } else {
        return fail("no acceptable authentication methods");
      }
    } else {
      if (byte(1) != 0) return fail("username/password authentication failed");
      request_connection();
    }
    received_.erase(0, 2);
    return State::more;
  }
  if (received_.size() < 5) return State::more;
  constexpr std::array kReasons = {"succeeded",
                                   "general SOCKS server failure",
                                   "connection not allowed by ruleset",
                                   "network unreachable",
                                   "host unreachable",
                                   "connection refused",
                                   "TTL expired",
                                   "command not supported",
                                   "address type not supported"};
  if (byte(1) != 0) return fail(byte(1) < kReasons.size() ? kReasons[byte(1)] : fmt::format("unknown code: {}", byte(1)));
  const std::size_t address = byte(3) == 1 ? 4 : byte(3) == 4 ? 16 : 1 + byte(4);
  if (received_.size() < 4 + address + 2) return State::more;
  if (received_.size() > 4 + address + 2) return fail("the proxy sent more than its answer");
  return State::open;
}

void ProxyTunnel::request_connection() {
  step_ = Step::request;
  outgoing_ = std::string("\x05\x01\x00\x03", 4) + socks_text(host_);
  outgoing_ += static_cast<char>(port_ >> 8);
  outgoing_ += static_cast<char>(port_ & 0xff);
}

}  // namespace gauntlet::engine::wire
