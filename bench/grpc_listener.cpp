// Server CPU per unary gRPC call on base's listener: the server in a process of its own answers at once, a client of
// nghttp2 alone keeps a fixed number of calls in flight.
//   bench-grpc-listener [CALLS]     CALLS per row, default 400000
// Prints a row for each number of connections; CPU is the server's own getrusage(), so other load on the machine
// disturbs the rate but hardly the figure.
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
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
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/event_loop.hpp"
#include "base/grpc/server.hpp"
#include "base/http/listener.hpp"
#include "base/http/router.hpp"

namespace {

constexpr std::size_t kMessageBytes = 93;  // a typical statistic event
constexpr const char* kMethod = "/accelbyte.social.statistic.v1.StatisticStatItemUpdatedService/OnMessage";

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
  grpc::Server rpc;
  rpc.unary(kMethod, [](grpc::CallPtr call) { call->finish(std::string_view()); });
  rpc.unary("/bench/Cpu", [](grpc::CallPtr call) { call->finish(fmt::format("{:.6f}", cpu_seconds(RUSAGE_SELF))); });
  http::Listener listener(loop, {.address = "127.0.0.1"}, router, rpc.streams());
  if (const auto listening = listener.listen(); !listening) {
    std::fprintf(stderr, "%s\n", listening.error().message.c_str());
    std::_Exit(1);
  }
  const std::uint16_t port = listener.port();
  if (write(port_pipe, &port, sizeof port) != sizeof port) std::_Exit(1);
  loop.run();
  std::_Exit(0);
}

/// One client connection that starts a new call for each that ends, while the row has calls left.
class Client {
 public:
  struct Row {
    std::uint64_t to_start = 0;
    std::uint64_t to_end = 0;
    std::uint64_t succeeded = 0;  // grpc-status 0
    const char* path = kMethod;
    std::string answer;
  };

  Client(std::uint16_t port, Row& row) : row_(row), fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
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
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_client_new(&session_, callbacks, this);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, nullptr, 0);
    nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, 1 << 24);
  }
  ~Client() {
    nghttp2_session_del(session_);
    close(fd_);
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  int fd() const { return fd_; }

  void start_call() {
    if (row_.to_start == 0) return;
    --row_.to_start;
    const auto header = [](std::string_view name, std::string_view value) {
      return nghttp2_nv{reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data())),
                        reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data())), name.size(), value.size(),
                        NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE};
    };
    const std::array headers{header(":method", "POST"),
                             header(":scheme", "http"),
                             header(":path", row_.path),
                             header(":authority", "127.0.0.1"),
                             header("content-type", "application/grpc"),
                             header("user-agent", "grpc-go/1.60.0"),
                             header("te", "trailers"),
                             header("grpc-timeout", "9999m")};
    nghttp2_data_provider body{};
    body.read_callback = [](nghttp2_session*, std::int32_t, std::uint8_t* to, std::size_t, std::uint32_t* flags,
                            nghttp2_data_source*, void*) -> ssize_t {
      std::memset(to, 'x', 5 + kMessageBytes);
      std::memcpy(to, "\0\0\0\0", 4);
      to[4] = kMessageBytes;
      *flags |= NGHTTP2_DATA_FLAG_EOF;
      return 5 + kMessageBytes;
    };
    nghttp2_submit_request(session_, nullptr, headers.data(), headers.size(), &body, nullptr);
  }

  void receive() {
    static std::array<std::uint8_t, 256 * 1024> bytes;
    const ssize_t got = recv(fd_, bytes.data(), bytes.size(), 0);
    if (got <= 0 || nghttp2_session_mem_recv(session_, bytes.data(), static_cast<std::size_t>(got)) < 0) {
      std::fprintf(stderr, "the server has closed the connection\n");
      std::exit(1);
    }
    flush();
  }

  void flush() {
    static std::string out;
    out.clear();
    const std::uint8_t* data = nullptr;
    for (ssize_t size = 0; (size = nghttp2_session_mem_send(session_, &data)) > 0;) {
      out.append(reinterpret_cast<const char*>(data), static_cast<std::size_t>(size));
    }
    for (std::size_t sent = 0; sent < out.size();) {
      const ssize_t wrote = send(fd_, out.data() + sent, out.size() - sent, MSG_NOSIGNAL);
      if (wrote <= 0) std::exit(1);
      sent += static_cast<std::size_t>(wrote);
    }
  }

 private:
  static int on_close(nghttp2_session*, std::int32_t, std::uint32_t, void* self) {
    auto& client = *static_cast<Client*>(self);
    --client.row_.to_end;
    client.start_call();
    return 0;
  }
  static int on_data(nghttp2_session*, std::uint8_t, std::int32_t, const std::uint8_t* data, std::size_t size,
                     void* self) {
    static_cast<Client*>(self)->row_.answer.assign(reinterpret_cast<const char*>(data), size);
    return 0;
  }
  static int on_header(nghttp2_session*, const nghttp2_frame*, const std::uint8_t* name, std::size_t name_size,
                       const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* self) {
    const std::string_view header(reinterpret_cast<const char*>(name), name_size);
    if (header == "grpc-status" && value_size == 1 && *value == '0') ++static_cast<Client*>(self)->row_.succeeded;
    return 0;
  }

  Row& row_;
  int fd_;
  nghttp2_session* session_ = nullptr;
};

void run_row(std::uint16_t port, std::size_t connections, std::size_t in_flight_each, const char* path,
             Client::Row& row) {
  row.path = path;
  row.to_end = row.to_start;
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  std::vector<std::unique_ptr<Client>> clients;
  for (std::size_t i = 0; i < connections; ++i) {
    clients.push_back(std::make_unique<Client>(port, row));
    epoll_event event{.events = EPOLLIN, .data = {.ptr = clients.back().get()}};
    epoll_ctl(epoll, EPOLL_CTL_ADD, clients.back()->fd(), &event);
    for (std::size_t k = 0; k < in_flight_each; ++k) clients.back()->start_call();
  }
  for (const auto& client : clients) client->flush();
  std::array<epoll_event, 512> events{};
  while (row.to_end > 0) {
    const int ready = epoll_wait(epoll, events.data(), static_cast<int>(events.size()), 5000);
    if (ready <= 0) {
      std::fprintf(stderr, "no answer for 5 s, %llu calls open\n", static_cast<unsigned long long>(row.to_end));
      std::exit(1);
    }
    for (int i = 0; i < ready; ++i) static_cast<Client*>(events[static_cast<std::size_t>(i)].data.ptr)->receive();
  }
  close(epoll);
}

double server_cpu_seconds(std::uint16_t port) {
  Client::Row row;
  row.to_start = 1;
  run_row(port, 1, 1, "/bench/Cpu", row);
  return std::strtod(row.answer.c_str() + 5, nullptr);
}

}  // namespace

int main(int argc, char** argv) {
  const std::uint64_t calls = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 400'000;
  std::array<int, 2> port_pipe{};
  if (pipe(port_pipe.data()) != 0) return 1;
  const pid_t server = fork();
  if (server == 0) serve(port_pipe[1]);
  std::uint16_t port = 0;
  if (read(port_pipe[0], &port, sizeof port) != sizeof port) return 1;

  struct Load {
    std::size_t connections;
    std::size_t in_flight_each;
  };
  fmt::print("{:>12} {:>10} {:>10} {:>14} {:>14} {:>8}\n", "connections", "in flight", "calls/s", "server us/call",
             "client us/call", "failed");
  std::uint64_t failed = 0;
  for (const Load load : {Load{1, 500}, Load{1, 1}, Load{10, 50}, Load{100, 5}, Load{1000, 1}}) {
    const std::uint64_t count = load.connections * load.in_flight_each == 1 ? calls / 10 : calls;
    // Warm: connections' first frames and the pools are not what is measured.
    Client::Row warm;
    warm.to_start = count / 10;
    run_row(port, load.connections, load.in_flight_each, kMethod, warm);
    const double server_before = server_cpu_seconds(port);
    const double client_before = cpu_seconds(RUSAGE_SELF);
    const auto began = std::chrono::steady_clock::now();
    Client::Row row;
    row.to_start = count;
    run_row(port, load.connections, load.in_flight_each, kMethod, row);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    const auto number = static_cast<double>(count);
    fmt::print("{:>12} {:>10} {:>10.0f} {:>14.2f} {:>14.2f} {:>8}\n", load.connections,
               load.connections * load.in_flight_each, number / seconds,
               (server_cpu_seconds(port) - server_before) * 1e6 / number,
               (cpu_seconds(RUSAGE_SELF) - client_before) * 1e6 / number, count - row.succeeded);
    failed += count - row.succeeded;
  }
  kill(server, SIGTERM);
  waitpid(server, nullptr, 0);
  return failed == 0 ? 0 : 1;
}
