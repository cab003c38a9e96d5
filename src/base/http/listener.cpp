#include "base/http/listener.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/http/connection.hpp"
#include "base/http/stream.hpp"

namespace gauntlet::base::http {
namespace {

constexpr int kAcceptsPerRound = 64;
// Without a free descriptor accept() fails at once for ever; waiting lets others go first.
constexpr std::chrono::milliseconds kAcceptPause{50};

union SocketAddress {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;
};

bool is_loopback(const SocketAddress& address) {
  if (address.any.sa_family == AF_INET) return ntohl(address.v4.sin_addr.s_addr) >> 24 == 127;
  if (address.any.sa_family != AF_INET6) return false;
  const in6_addr& v6 = address.v6.sin6_addr;
  return IN6_IS_ADDR_LOOPBACK(&v6) || (IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[12] == 127);
}

}  // namespace

struct Listener::State final : IoHandler {
  State(EventLoop& loop, ListenerOptions options, const Router& router, StreamService* streams)
      : core(loop, std::move(options), router, streams) {}

  ~State() override {
    core.on_connection_closed = nullptr;
    if (accept_timer != 0) core.loop.cancel(accept_timer);
    close_socket();
  }

  void close_socket() {
    if (fd < 0) return;
    core.loop.unwatch(fd);
    close(fd);
    fd = -1;
  }

  Expected<void> listen() {
    const ListenerOptions& options = core.options;
    const auto failed = [&](std::string_view what) {
      const int reason = errno;
      if (fd >= 0) close(fd);
      fd = -1;
      return fail(reason == EACCES ? ErrorKind::permission_denied : ErrorKind::unavailable,
                  fmt::format("cannot {} {}:{}: {}", what, options.address, options.port, std::strerror(reason)));
    };
    SocketAddress address{};
    socklen_t size = 0;
    if (inet_pton(AF_INET, options.address.c_str(), &address.v4.sin_addr) == 1) {
      address.v4.sin_family = AF_INET;
      address.v4.sin_port = htons(options.port);
      size = sizeof address.v4;
    } else if (inet_pton(AF_INET6, options.address.c_str(), &address.v6.sin6_addr) == 1) {
      address.v6.sin6_family = AF_INET6;
      address.v6.sin6_port = htons(options.port);
      size = sizeof address.v6;
    } else {
      return fail(ErrorKind::invalid_argument, "'" + options.address + "' is not a numeric IPv4 or IPv6 address");
    }
    fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return failed("open a socket for");
    const int on = 1;
    const int off = 0;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (options.reuse_port) setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    if (address.any.sa_family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    // Accepted sockets inherit it, which saves a system call for each.
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (bind(fd, &address.any, size) != 0) return failed("listen on");
    if (::listen(fd, options.backlog) != 0) return failed("listen on");
    if (getsockname(fd, &address.any, &size) != 0) return failed("ask for the port of");
    port = ntohs(address.any.sa_family == AF_INET ? address.v4.sin_port : address.v6.sin6_port);
    core.loop.watch(fd, EPOLLIN, this);
    return {};
  }

  void on_io(std::uint32_t) override {
    for (int i = 0; i < kAcceptsPerRound; ++i) {
      SocketAddress peer{};
      socklen_t size = sizeof peer;
      const int accepted = accept4(fd, &peer.any, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (accepted < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) pause_accepting();
        if (errno == EINTR || errno == ECONNABORTED) continue;
        return;
      }
      if (core.counts.connections >= core.options.max_connections) {
        ++core.counts.rejected;
        close(accepted);
        continue;
      }
      ++core.counts.accepted;
      ++core.counts.connections;
      core.connections.push_back(std::make_unique<Connection>(core, accepted, is_loopback(peer)));
    }
  }

  void pause_accepting() {
    ++core.counts.rejected;
    core.loop.unwatch(fd);
    accept_timer = core.loop.call_after(kAcceptPause, [this] {
      accept_timer = 0;
      if (fd >= 0) core.loop.watch(fd, EPOLLIN, this);
    });
  }

  void drain(std::function<void()> done) {
    core.draining = true;
    close_socket();
    core.on_connection_closed = [this, done = std::move(done)]() mutable {
      if (core.counts.connections > 0 || done == nullptr) return;
      core.loop.post(std::exchange(done, nullptr));
    };
    for (const auto& connection : core.connections) connection->drain();
    core.on_connection_closed();
  }

  ListenerCore core;
  int fd = -1;
  std::uint16_t port = 0;
  EventLoop::TimerId accept_timer = 0;
};

Listener::Listener(EventLoop& loop, ListenerOptions options, const Router& router, StreamService* streams)
    : state_(std::make_unique<State>(loop, std::move(options), router, streams)) {}
Listener::~Listener() = default;

Expected<void> Listener::listen() { return state_->listen(); }
std::uint16_t Listener::port() const { return state_->port; }
void Listener::drain(std::function<void()> done) { state_->drain(std::move(done)); }
Listener::Counts Listener::counts() const { return state_->core.counts; }

}  // namespace gauntlet::base::http
