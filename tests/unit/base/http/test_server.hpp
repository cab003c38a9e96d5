#pragma once
// A listener on its own thread and a socket that says exactly what a test wants said.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/grpc/server.hpp"
#include "base/http/listener.hpp"
#include "base/loop_thread.hpp"

namespace gauntlet::base::http {

class TestServer {
 public:
  explicit TestServer(ListenerOptions options, const std::function<void(Router&)>& add_routes, grpc::Server* rpc = nullptr) {
    options.address = "127.0.0.1";
    add_routes(router_);
    thread_.run_and_wait([&] {
      listener_ = std::make_unique<Listener>(thread_.loop(), options, router_, rpc == nullptr ? nullptr : rpc->streams());
      const auto listening = listener_->listen();
      EXPECT_TRUE(listening) << listening.error().message;
    });
  }
  ~TestServer() { stop(); }

  void stop() {
    thread_.run_and_wait([&] { listener_.reset(); });
  }
  std::uint16_t port() const { return listener_->port(); }
  EventLoop& loop() { return thread_.loop(); }
  Listener& listener() { return *listener_; }
  void on_loop(const std::function<void()>& task) { thread_.run_and_wait(task); }
  Listener::Counts counts() {
    Listener::Counts counts;
    on_loop([&] { counts = listener_->counts(); });
    return counts;
  }
  /// Waits until `wanted`, asked on the loop's thread, is satisfied; a failure after 10 s.
  void wait_for(const std::function<bool(const Listener::Counts&)>& wanted) {
    for (int i = 0; i < 10'000; ++i) {
      bool satisfied = false;
      on_loop([&] { satisfied = wanted(listener_->counts()); });
      if (satisfied) return;
      usleep(1000);
    }
    ADD_FAILURE() << "what the test waits for does not happen";
  }

 private:
  Router router_;
  LoopThread thread_{"test-server"};
  std::unique_ptr<Listener> listener_;
};

/// A blocking client socket. Waits 10 s at most for anything, which no passing test comes near.
class Socket {
 public:
  explicit Socket(std::uint16_t port, int receive_buffer = 0) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (receive_buffer > 0) setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    const int on = 1;
    setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  ~Socket() { close(fd_); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  int fd() const { return fd_; }
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  void shut_write() { shutdown(fd_, SHUT_WR); }
  /// Closes with a reset instead of an orderly end.
  void reset() {
    const linger hard{1, 0};
    setsockopt(fd_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close(fd_);
    fd_ = -1;
  }
  bool readable(int timeout_ms) {
    pollfd poll_fd{fd_, POLLIN, 0};
    int ready = 0;
    do {
      ready = poll(&poll_fd, 1, timeout_ms);
    } while (ready < 0 && errno == EINTR);  // pprof's goroutine interrupts every thread
    return ready == 1;
  }
  /// Up to the peer's end of the connection.
  std::string read_all() {
    while (read_more()) {
    }
    return std::exchange(buffer_, {});
  }
  std::string read_exactly(std::size_t count) {
    while (buffer_.size() < count && read_more()) {
    }
    const std::string text = buffer_.substr(0, count);
    buffer_.erase(0, count);
    return text;
  }
  /// Head and body of one response by its Content-Length; empty when the connection ends before it.
  std::string read_response(bool has_body = true) {
    std::size_t end = std::string::npos;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
      if (!read_more()) return {};
    }
    std::size_t length = 0;
    const std::size_t field = buffer_.find("Content-Length: ");
    if (has_body && field < end) length = std::stoul(buffer_.substr(field + 16));
    return read_exactly(end + 4 + length);
  }

 private:
  bool read_more() {
    if (!readable(10'000)) {
      ADD_FAILURE() << "nothing came; so far: " << buffer_;
      return false;
    }
    std::array<char, 65536> bytes;
    const ssize_t got = recv(fd_, bytes.data(), bytes.size(), 0);
    if (got <= 0) return false;
    buffer_.append(bytes.data(), static_cast<std::size_t>(got));
    return true;
  }

  int fd_;
  std::string buffer_;
};

}  // namespace gauntlet::base::http
