#include "support/tcp_proxy.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <list>
#include <string>

namespace gauntlet::support {
namespace {

[[noreturn]] void give_up(const char* what) {
  std::perror(what);
  std::exit(1);
}

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

/// Closes with a reset: the peer learns at once, and what it has not read yet is lost.
void reset_and_close(int fd) {
  const linger hard{1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  close(fd);
}

/// Unsent bytes of one direction; beyond it its source is not read.
constexpr std::size_t kMostUnsent = 256 * 1024;

}  // namespace

class TcpProxy::Impl final : public base::IoHandler {
 public:
  Impl(base::EventLoop& loop, std::uint16_t target) : loop_(loop), target_(target) {
    fd_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    if (fd_ < 0 || bind(fd_, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(fd_, 1024) != 0 ||
        getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
      give_up("proxy");
    port_ = ntohs(address.sin_port);
    loop_.watch(fd_, EPOLLIN, this);
  }

  ~Impl() override {
    cut();
    loop_.unwatch(fd_);
    close(fd_);
  }

  std::uint16_t port() const { return port_; }
  void set_target(std::uint16_t target) { target_ = target; }
  void cut() {
    for (Pair& pair : pairs_) pair.end(true);
    pairs_.clear();
  }
  void hold(bool held) {
    held_ = held;
    loop_.rewatch(fd_, held ? 0U : static_cast<std::uint32_t>(EPOLLIN), this);
    for (Pair& pair : pairs_) pair.watch();
  }

  void on_io(std::uint32_t) override {
    for (int client = 0; (client = accept4(fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
      const int server = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
      const sockaddr_in address = loopback(target_);
      if (server < 0 || (connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 && errno != EINPROGRESS)) {
        if (server >= 0) close(server);
        reset_and_close(client);
        continue;
      }
      pairs_.emplace_back(*this, client, server);
      pairs_.back().watch();
    }
  }

 private:
  /// One connection: two sockets, and what has been read from one and not yet taken by the other.
  struct Pair {
    struct Side final : base::IoHandler {
      Pair* pair = nullptr;
      Side* other = nullptr;
      int fd = -1;
      std::string unsent;  // to this side
      void on_io(std::uint32_t events) override { pair->relay(*this, events); }
    };

    Pair(Impl& proxy, int client, int server) : proxy_(proxy) {
      const int one = 1;
      for (auto [side, fd] : {std::pair{&sides_[0], client}, {&sides_[1], server}}) {
        side->pair = this;
        side->fd = fd;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        proxy_.loop_.watch(fd, 0, side);
      }
      sides_[0].other = &sides_[1];
      sides_[1].other = &sides_[0];
    }

    void watch() {
      for (Side& side : sides_) {
        std::uint32_t events = 0;
        if (!proxy_.held_ && side.other->unsent.size() < kMostUnsent) events |= EPOLLIN;
        if (!proxy_.held_ && !side.unsent.empty()) events |= EPOLLOUT;
        proxy_.loop_.rewatch(side.fd, events, &side);
      }
    }

    void relay(Side& side, std::uint32_t events) {
      if (proxy_.held_ && (events & (EPOLLERR | EPOLLHUP)) == 0) return;
      if ((events & EPOLLIN) != 0) {
        std::array<char, 65536> buffer;
        const ssize_t got = read(side.fd, buffer.data(), buffer.size());
        if (got > 0) side.other->unsent.append(buffer.data(), static_cast<std::size_t>(got));
        if (got == 0 || (got < 0 && errno != EAGAIN)) {
          // What the other side is owed it still gets, as far as its socket takes it.
          send_to(*side.other);
          return proxy_.remove(*this);
        }
      } else if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
        return proxy_.remove(*this);
      }
      if (!send_to(side) || !send_to(*side.other)) return proxy_.remove(*this);
      watch();
    }

    static bool send_to(Side& side) {
      while (!side.unsent.empty()) {
        const ssize_t sent = ::send(side.fd, side.unsent.data(), side.unsent.size(), MSG_NOSIGNAL);
        if (sent < 0) return errno == EAGAIN || errno == ENOTCONN;
        side.unsent.erase(0, static_cast<std::size_t>(sent));
      }
      return true;
    }

    void end(bool reset) {
      for (Side& side : sides_) {
        proxy_.loop_.unwatch(side.fd);
        if (reset) reset_and_close(side.fd);
        else close(side.fd);
      }
    }

    Impl& proxy_;
    std::array<Side, 2> sides_;
  };

  void remove(Pair& pair) {
    pair.end(false);
    pairs_.remove_if([&](const Pair& each) { return &each == &pair; });
  }

  base::EventLoop& loop_;
  std::uint16_t target_;
  std::uint16_t port_ = 0;
  int fd_ = -1;
  bool held_ = false;
  std::list<Pair> pairs_;  // their addresses are known to the loop
};

TcpProxy::TcpProxy(base::EventLoop& loop, std::uint16_t target) : impl_(std::make_unique<Impl>(loop, target)) {}
TcpProxy::~TcpProxy() = default;
std::uint16_t TcpProxy::port() const { return impl_->port(); }
void TcpProxy::set_target(std::uint16_t target) { impl_->set_target(target); }
void TcpProxy::cut() { impl_->cut(); }
void TcpProxy::hold(bool held) { impl_->hold(held); }

}  // namespace gauntlet::support
