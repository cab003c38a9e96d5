#include "engine/wire/tcp/dialer.hpp"

#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <functional>

#include "base/text.hpp"
#include "engine/wire/tcp/proxy_tunnel.hpp"

namespace gauntlet::engine::wire {
namespace {

/// What a name, with or without a port, consists of; an address of version 6 has colons of its own.
bool is_name_letter(char c) {
  return base::is_letter(c) || base::is_digit(c) || c == '.' || c == '-' || c == '_' || c == ':' || static_cast<unsigned char>(c) >= 0x80;
}

bool fits(std::string_view name, std::string_view pattern) {
  return std::ranges::equal(
      name, pattern, {}, [](char c) { return base::lower_case(c); }, [](char c) { return base::lower_case(c); });
}

}  // namespace

bool parse_address(std::string_view text, std::uint16_t port, Endpoint& out) {
  if (Endpoint::parse(text, port, out)) return true;
  std::string_view ip = text;
  if (ip.starts_with('[')) {
    const auto end = ip.find(']');
    if (end == std::string_view::npos) return false;
    std::string_view rest = ip.substr(end + 1);
    ip = ip.substr(1, end - 1);
    if (rest.empty()) return Endpoint::parse(ip, port, out);
    if (rest[0] != ':') return false;
    text = rest.substr(1);
  } else {
    const auto colon = ip.rfind(':');
    if (colon == std::string_view::npos) return false;
    text = ip.substr(colon + 1);
    ip = ip.substr(0, colon);
  }
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), port);
  return problem == std::errc() && end == text.data() + text.size() && Endpoint::parse(ip, port, out);
}

base::Expected<void> HostPatterns::add(std::string pattern, std::string value) {
  const bool is_wild = pattern.starts_with('*');
  const std::string_view name = std::string_view(pattern).substr(is_wild ? 1 : 0);
  if (pattern.empty() || !std::ranges::all_of(name, is_name_letter)) {
    return base::fail(base::ErrorKind::invalid_argument,
                      fmt::format("\"{}\" is no host name: it should be one, as \"a.example.com\", or begin with the only star, as "
                                  "\"*.example.com\"",
                                  pattern));
  }
  auto& list = is_wild ? suffixes_ : exact_;
  list.emplace_back(std::move(pattern), std::move(value));
  if (is_wild) std::ranges::stable_sort(list, std::greater(), [](const auto& entry) { return entry.first.size(); });
  return {};
}

const std::pair<std::string, std::string>* HostPatterns::find(std::string_view host) const {
  for (const auto& entry : exact_) {
    if (fits(host, entry.first)) return &entry;
  }
  for (const auto& entry : suffixes_) {
    const std::string_view suffix = std::string_view(entry.first).substr(1);
    if (host.size() >= suffix.size() && fits(host.substr(host.size() - suffix.size()), suffix)) return &entry;
  }
  return nullptr;
}

/// One dial under way: name -> address -> connect -> TLS.
class Dialer::Attempt final : private Stream::Listener {
 public:
  Attempt(Dialer& dialer, DialId id, DialTarget target, Callback done)
      : dialer_(dialer),
        id_(id),
        target_(std::move(target)),
        host_(target_.proxy != nullptr ? target_.proxy->host : target_.host),
        port_(target_.proxy != nullptr ? target_.proxy->port : target_.port),
        done_(std::move(done)) {}

  ~Attempt() override { dialer_.loop_.cancel(timer_); }

  /// Never calls back from inside: what fails at once is reported by the next round.
  void start() {
    const DialPolicy& policy = dialer_.policy_;
    if (const auto* blocked = policy.blocked_hosts.find(host_)) {
      Failure failure{error_code::kBlockedHostname, "hostname is blocked",
                      fmt::format("hostname ({}) is in a blocked pattern ({})", host_, blocked->first)};
      return finish_soon(std::move(failure));
    }
    Endpoint endpoint;
    if (!policy.hosts.empty()) {
      const auto* found = policy.hosts.find(fmt::format("{}:{}", host_, port_));
      if (found == nullptr) found = policy.hosts.find(host_);
      if (found != nullptr && parse_address(found->second, port_, endpoint)) return connect_to(endpoint);
    }
    if (Endpoint::parse(host_, port_, endpoint) || dialer_.resolver_.cached(host_, port_, endpoint)) return connect_to(endpoint);
    // The answer may come after this attempt was cancelled, or the dialer destroyed: the flag goes with the attempt.
    dialer_.resolver_.resolve(host_, port_, dialer_.loop_, [this, alive = std::weak_ptr<bool>(alive_)](Failure problem, Endpoint found) {
      if (alive.expired()) return;
      if (problem) return finish(std::move(problem));
      connect_to(found);
    });
  }

 private:
  void connect_to(const Endpoint& endpoint) {
    for (const AddressRange& range : dialer_.policy_.blacklist) {
      if (!range.contains(endpoint)) continue;
      Failure failure{error_code::kBlacklistedIp, "ip is blacklisted",
                      fmt::format("IP ({}) is in a blacklisted range ({})", endpoint.ip(), range.text())};
      return finish_soon(std::move(failure));
    }
    const int fd = socket(endpoint.address.sin6_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
      Failure failure = socket_failure("dial", errno, {}, endpoint.text());
      failure.cause = fmt::format("dial tcp {}: socket: {}", endpoint.text(), errno_text(errno));
      return finish_soon(std::move(failure));
    }
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const auto& locals = dialer_.policy_.local_addresses;
    if (!locals.empty()) {
      const Endpoint& local = locals[dialer_.vu_ % locals.size()];
      // Lets the kernel choose the port at connect time, per destination: 10,000 VUs need more than 28,000 ports.
      setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
      if (bind(fd, local.raw(), local.length()) != 0) {
        const int problem = errno;
        close(fd);
        return finish_soon(socket_failure("dial", problem, {}, endpoint.text()));
      }
    }
    connect_started_ = base::EventLoop::Clock::now();
    if (connect(fd, endpoint.raw(), endpoint.length()) != 0 && errno != EINPROGRESS) {
      const int problem = errno;
      close(fd);
      return finish_soon(socket_failure("dial", problem, {}, endpoint.text()));
    }
    stream_ = std::make_unique<Stream>(dialer_.loop_, fd, endpoint, dialer_.traffic_);
    stream_->set_listener(this);
    timer_ = dialer_.loop_.call_after(dialer_.policy_.connect_timeout, [this] {
      timer_ = 0;
      if (step_ == Step::handshake) return finish(failure(error_code::kTls, "net/http: TLS handshake timeout"));
      finish(socket_failure("dial", ETIMEDOUT, {}, stream_->remote().text()));
    });
  }

  void on_stream_ready() override {
    if (step_ == Step::connect) {
      const int problem = stream_->connect_result();
      if (problem == EINPROGRESS) return;
      if (problem != 0) return finish(socket_failure("dial", problem, {}, stream_->remote().text()));
      connected_ = base::EventLoop::Clock::now();
      if (target_.proxy != nullptr && target_.tunnels) {
        tunnel_ = std::make_unique<ProxyTunnel>(*target_.proxy, target_.host, target_.port);
        step_ = Step::tunnel;
      } else if (!begin_tls()) {
        return finish({});
      }
    }
    if (step_ == Step::tunnel && !dig()) return;
    if (step_ != Step::handshake) return finish({});
    switch (stream_->handshake()) {
      case Stream::Status::again: return;
      case Stream::Status::ok: return finish({});
      default: return finish(stream_->last_failure());
    }
  }

  /// False when no TLS is wanted.
  bool begin_tls() {
    step_ = Step::done;
    if (!target_.tls) return false;
    const TlsContext* const context = target_.tls_context != nullptr ? target_.tls_context : dialer_.tls_;
    assert(context != nullptr);
    const std::string& name = target_.server_name.empty() ? target_.host : target_.server_name;
    stream_->start_tls(context->new_session(name, target_.protocols), name);
    handshake_started_ = base::EventLoop::Clock::now();
    step_ = Step::handshake;
    return true;
  }

  /// Speaks with the proxy. True when the tunnel is open; otherwise there is more to come, or this is gone.
  bool dig() {
    for (;;) {
      if (unsent_.empty()) unsent_ = tunnel_->take_outgoing();
      if (!unsent_.empty()) {
        const Stream::Result sent = stream_->write(unsent_);
        unsent_.erase(0, sent.bytes);
        if (sent.status == Stream::Status::again) return false;
        if (sent.status != Stream::Status::ok) return finish(stream_->last_failure()), false;
      }
      std::array<char, 4096> bytes;
      const Stream::Result got = stream_->read(bytes.data(), bytes.size());
      if (got.status == Stream::Status::again) return false;
      if (got.status == Stream::Status::closed) return finish(failure(error_code::kOther, "EOF")), false;
      if (got.status != Stream::Status::ok) return finish(stream_->last_failure()), false;
      switch (tunnel_->feed({bytes.data(), got.bytes})) {
        case ProxyTunnel::State::more: break;
        case ProxyTunnel::State::failed: return finish(tunnel_->problem()), false;
        case ProxyTunnel::State::open: begin_tls(); return true;
      }
    }
  }

  void finish_soon(Failure problem) {
    dialer_.loop_.post([this, alive = std::weak_ptr<bool>(alive_), problem = std::move(problem)]() mutable {
      if (!alive.expired()) finish(std::move(problem));
    });
  }

  /// Destroys this.
  void finish(Failure problem) {
    using Time = base::EventLoop::Clock::time_point;
    Dialed result;
    if (connected_ != Time{}) result.connecting = connected_ - connect_started_;
    if (!problem) {
      if (step_ == Step::handshake) result.tls_handshaking = base::EventLoop::Clock::now() - handshake_started_;
      stream_->set_listener(nullptr);
      result.stream = std::move(stream_);
    }
    if (problem && target_.proxy != nullptr && step_ == Step::connect)
      problem = failure(error_code::kTcp, "proxyconnect tcp: " + problem.cause);
    result.failure = std::move(problem);
    const Callback done = std::move(done_);
    dialer_.attempts_.erase(id_);
    done(std::move(result));
  }

  Dialer& dialer_;
  DialId id_;
  enum class Step : std::uint8_t { connect, tunnel, handshake, done };

  DialTarget target_;
  std::string host_;  // what is connected to: the proxy or the target
  std::uint16_t port_;
  Callback done_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // watched by callbacks that may come too late
  std::unique_ptr<Stream> stream_;
  base::EventLoop::TimerId timer_ = 0;
  base::EventLoop::Clock::time_point connect_started_{};
  base::EventLoop::Clock::time_point connected_{};
  base::EventLoop::Clock::time_point handshake_started_{};
  Step step_ = Step::connect;
  std::unique_ptr<ProxyTunnel> tunnel_;
  std::string unsent_;  // to the proxy
};

Dialer::Dialer(base::EventLoop& loop, Resolver& resolver, const DialPolicy& policy, const TlsContext* tls, Traffic& traffic,
               std::uint64_t vu)
    : loop_(loop), resolver_(resolver), policy_(policy), tls_(tls), traffic_(traffic), vu_(vu) {}

Dialer::~Dialer() = default;

Dialer::DialId Dialer::dial(DialTarget target, Callback done) {
  const DialId id = next_id_++;
  auto& attempt = attempts_[id] = std::make_unique<Attempt>(*this, id, std::move(target), std::move(done));
  attempt->start();
  return id;
}

void Dialer::cancel(DialId dial) { attempts_.erase(dial); }

}  // namespace gauntlet::engine::wire
