#pragma once
// A server that does to each connection what a test's function says, in bytes: right, wrong, slow or cut short.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace gauntlet::engine::wire::test {

/// One accepted connection, used on the server's thread for it.
class Peer {
 public:
  explicit Peer(int fd) : fd_(fd) {}
  ~Peer() {
    if (fd_ >= 0) ::close(fd_);
  }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  /// The next request with its body (by Content-Length); empty when the client has closed.
  std::string request() {
    for (;;) {
      const auto end = pending_.find("\r\n\r\n");
      if (end != std::string::npos) {
        std::size_t length = end + 4;
        const auto field = pending_.find("Content-Length: ");
        if (field < end) length += std::stoul(pending_.substr(field + 16));
        while (pending_.size() < length) {
          if (!more()) return {};
        }
        std::string whole = pending_.substr(0, length);
        pending_.erase(0, length);
        return whole;
      }
      if (!more()) return {};
    }
  }
  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  void close() {
    const std::lock_guard lock(mutex_);
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  /// From another thread: wakes the server's side up, whatever it waits for.
  void hang_up() {
    const std::lock_guard lock(mutex_);
    if (fd_ >= 0) shutdown(fd_, SHUT_RDWR);
  }
  /// Closes with a reset instead of an orderly end.
  void reset() {
    const linger now{1, 0};
    setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close();
  }
  /// Waits until the client closes, for at most five seconds.
  void wait_for_close() {
    pollfd poll_fd{fd_, POLLIN, 0};
    while (::poll(&poll_fd, 1, 5000) == 1 && more()) {
    }
  }

 private:
  bool more() {
    char bytes[65536];
    const ssize_t got = recv(fd_, bytes, sizeof bytes, 0);
    if (got <= 0) return false;
    pending_.append(bytes, static_cast<std::size_t>(got));
    return true;
  }

  std::mutex mutex_;  // closing and hanging up
  int fd_;
  std::string pending_;
};

/// Listens on a free port of 127.0.0.1; each connection gets a thread that runs `serve(peer, its number from 0)`.
class ScriptServer {
 public:
  using Serve = std::function<void(Peer&, int)>;

  explicit ScriptServer(Serve serve) : serve_(std::move(serve)), listener_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    listen(listener_, 64);
    socklen_t length = sizeof address;
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { accept_all(); });
  }
  ~ScriptServer() {
    shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    for (const auto& peer : open_) peer->hang_up();
    for (std::thread& thread : peers_) thread.join();
    close(listener_);
  }
  ScriptServer(const ScriptServer&) = delete;
  ScriptServer& operator=(const ScriptServer&) = delete;

  std::uint16_t port() const { return port_; }
  std::string url(std::string_view path = "/") const { return "http://127.0.0.1:" + std::to_string(port_) + std::string(path); }
  int connections() const { return connections_; }

 private:
  void accept_all() {
    for (;;) {
      const int fd = accept(listener_, nullptr, nullptr);
      if (fd < 0) return;
      const timeval patience{5, 0};  // a test that goes wrong ends all the same
      setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
      setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
      const int number = connections_++;
      open_.push_back(std::make_unique<Peer>(fd));
      peers_.emplace_back([this, peer = open_.back().get(), number] {
        serve_(*peer, number);
        peer->close();
      });
    }
  }

  Serve serve_;
  int listener_;
  std::uint16_t port_ = 0;
  std::atomic<int> connections_{0};
  std::vector<std::unique_ptr<Peer>> open_;
  std::vector<std::thread> peers_;
  std::thread acceptor_;
};

/// Answers every request of a connection with the same bytes.
inline ScriptServer::Serve always(std::string response) {
  return [response = std::move(response)](Peer& peer, int) {
    while (!peer.request().empty()) peer.send(response);
  };
}

/// Sends the bytes after the first request, then closes.
inline ScriptServer::Serve once_then_close(std::string response) {
  return [response = std::move(response)](Peer& peer, int) {
    peer.request();
    peer.send(response);
  };
}

}  // namespace gauntlet::engine::wire::test
