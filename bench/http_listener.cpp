// Server CPU per HTTP/1.1 GET on base's listener: the server in a process of its own answers at once from memory, a
// client keeps one request in flight on each connection.
//   bench-http-listener [REQUESTS]     REQUESTS per row, default 200000 (a tenth for the large answers)
// The large answer is what a list of 500 goals is: 180 KB in 1,000 pieces, half of them references, half copies.
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/event_loop.hpp"
#include "base/http/listener.hpp"
#include "base/http/router.hpp"

namespace {

double cpu_seconds(int who) {
  rusage usage{};
  getrusage(who, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

[[noreturn]] void serve(int port_pipe) {
  using namespace gauntlet::base;
  EventLoop loop;
  http::Router router;
  router.get("/v1/challenges/{challenge_id}", [](const http::ExchangePtr& exchange) {
    exchange->respond({.body = http::Body::of_static(R"({"ok":true})")});
  });
  router.get("/large", [fragment = std::string(340, 'f')](const http::ExchangePtr& exchange) {
    http::Body body;
    body.reserve(1000, 500 * 20);
    for (int i = 0; i < 500; ++i) {
      body.append_view(fragment);
      body.append_copy("\"progress\":12345678,");
    }
    exchange->respond({.body = std::move(body)});
  });
  router.get("/cpu", [](const http::ExchangePtr& exchange) {
    exchange->respond({.body = fmt::format("{:.6f}", cpu_seconds(RUSAGE_SELF))});
  });
  http::Listener listener(loop, {.address = "127.0.0.1"}, router);
  if (const auto listening = listener.listen(); !listening) {
    std::fprintf(stderr, "%s\n", listening.error().message.c_str());
    std::_Exit(1);
  }
  const std::uint16_t port = listener.port();
  if (write(port_pipe, &port, sizeof port) != sizeof port) std::_Exit(1);
  loop.run();
  std::_Exit(0);
}

/// One connection with one request in flight.
class Client {
 public:
  Client(std::uint16_t port, std::string_view path)
      : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)),
        request_(fmt::format(
            "GET {} HTTP/1.1\r\nHost: localhost:8000\r\nUser-Agent: k6/1.8.1\r\nAccept-Encoding: gzip\r\n"
            "Authorization: Bearer {}\r\nContent-Type: application/json\r\nX-Mock-User-Id: user-000001\r\n\r\n",
            path, std::string(200, 'j'))) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      std::perror("connect");
      std::exit(1);
    }
    const int on = 1;
    setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  ~Client() { close(fd_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  int fd() const { return fd_; }
  const std::string& body() const { return body_; }

  void start() {
    left_ = kUnknown;
    head_.clear();
    if (send(fd_, request_.data(), request_.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request_.size()))
      std::exit(1);
  }

  /// True when the answer is complete.
  bool receive() {
    static std::array<char, 256 * 1024> bytes;
    const ssize_t got = recv(fd_, bytes.data(), bytes.size(), 0);
    if (got <= 0) {
      std::fprintf(stderr, "the server has closed the connection\n");
      std::exit(1);
    }
    auto size = static_cast<std::size_t>(got);
    if (left_ == kUnknown) {
      head_.append(bytes.data(), size);
      const std::size_t end = head_.find("\r\n\r\n");
      if (end == std::string::npos) return false;
      if (!head_.starts_with("HTTP/1.1 200 ")) {
        std::fprintf(stderr, "%s\n", head_.c_str());
        std::exit(1);
      }
      left_ = std::strtoull(head_.c_str() + head_.find("Content-Length: ") + 16, nullptr, 10);
      size = head_.size() - end - 4;
      body_ = head_.substr(end + 4);
    }
    left_ -= size;
    return left_ == 0;
  }

 private:
  static constexpr std::size_t kUnknown = ~std::size_t{0};
  int fd_;
  std::string request_;
  std::string head_;
  std::string body_;  // the first piece
  std::size_t left_ = kUnknown;
};

void run_row(std::uint16_t port, std::size_t connections, std::string_view path, std::uint64_t requests) {
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  std::vector<std::unique_ptr<Client>> clients;
  for (std::size_t i = 0; i < connections; ++i) {
    clients.push_back(std::make_unique<Client>(port, path));
    epoll_event event{.events = EPOLLIN, .data = {.ptr = clients.back().get()}};
    epoll_ctl(epoll, EPOLL_CTL_ADD, clients.back()->fd(), &event);
  }
  std::uint64_t to_start = requests;
  std::uint64_t to_end = requests;
  for (const auto& client : clients) {
    if (to_start == 0) break;
    --to_start;
    client->start();
  }
  std::array<epoll_event, 512> events{};
  while (to_end > 0) {
    const int ready = epoll_wait(epoll, events.data(), static_cast<int>(events.size()), 5000);
    if (ready <= 0) {
      std::fprintf(stderr, "no answer for 5 s\n");
      std::exit(1);
    }
    for (int i = 0; i < ready; ++i) {
      auto& client = *static_cast<Client*>(events[static_cast<std::size_t>(i)].data.ptr);
      if (!client.receive()) continue;
      --to_end;
      if (to_start == 0) continue;
      --to_start;
      client.start();
    }
  }
  close(epoll);
}

double server_cpu_seconds(std::uint16_t port) {
  Client client(port, "/cpu");
  client.start();
  while (!client.receive()) {
  }
  return std::strtod(client.body().c_str(), nullptr);
}

}  // namespace

int main(int argc, char** argv) {
  const std::uint64_t requests = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 200'000;
  std::array<int, 2> port_pipe{};
  if (pipe(port_pipe.data()) != 0) return 1;
  const pid_t server = fork();
  if (server == 0) serve(port_pipe[1]);
  std::uint16_t port = 0;
  if (read(port_pipe[0], &port, sizeof port) != sizeof port) return 1;

  struct Load {
    std::size_t connections;
    const char* path;
  };
  fmt::print("{:>12} {:>20} {:>12} {:>18}\n", "connections", "path", "requests/s", "server us/request");
  for (const Load load : {Load{10, "/v1/challenges/c1"}, Load{100, "/v1/challenges/c1"},
                          Load{1000, "/v1/challenges/c1"}, Load{100, "/large"}}) {
    const std::uint64_t count = load.path == std::string_view("/large") ? requests / 10 : requests;
    run_row(port, load.connections, load.path, count / 10);  // warm
    const double before = server_cpu_seconds(port);
    const auto began = std::chrono::steady_clock::now();
    run_row(port, load.connections, load.path, count);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    const auto number = static_cast<double>(count);
    fmt::print("{:>12} {:>20} {:>12.0f} {:>18.2f}\n", load.connections, load.path, number / seconds,
               (server_cpu_seconds(port) - before) * 1e6 / number);
  }
  kill(server, SIGTERM);
  waitpid(server, nullptr, 0);
  return 0;
}
