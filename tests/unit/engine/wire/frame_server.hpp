#pragma once
// An HTTP/2 server for tests that says exactly the frames it is told to, right or wrong, on a thread of its own.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <initializer_list>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace gauntlet::test {

inline std::string big_endian(std::uint32_t value, int bytes) {
  std::string text;
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) text += static_cast<char>(value >> shift);
  return text;
}

inline std::string frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream, std::string_view payload) {
  std::string text = big_endian(static_cast<std::uint32_t>(payload.size()), 3);
  text += static_cast<char>(type);
  text += static_cast<char>(flags);
  return text.append(big_endian(stream, 4)).append(payload);
}

using HeaderList = std::initializer_list<std::pair<std::string_view, std::string_view>>;

/// A header block without indexing or Huffman coding.
inline std::string header_block(HeaderList headers) {
  std::string text;
  for (const auto& [name, value] : headers) {
    text += '\0';
    for (const std::string_view part : {name, value}) {
      if (part.size() < 127) {
        text += static_cast<char>(part.size());
      } else {  // RFC 7541, 5.1: the rest in groups of seven bits
        text += '\x7f';
        std::size_t rest = part.size() - 127;
        for (; rest >= 128; rest >>= 7) text += static_cast<char>((rest & 127) | 128);
        text += static_cast<char>(rest);
      }
      text.append(part);
    }
  }
  return text;
}

inline std::string headers_frame(std::uint32_t stream, HeaderList headers, bool last = false) {
  return frame(1, last ? 5 : 4, stream, header_block(headers));
}
inline std::string data_frame(std::uint32_t stream, std::string_view bytes, bool last = false) {
  return frame(0, last ? 1 : 0, stream, bytes);
}
inline std::string rst_frame(std::uint32_t stream, std::uint32_t code) { return frame(3, 0, stream, big_endian(code, 4)); }
inline std::string goaway_frame(std::uint32_t last_stream, std::uint32_t code, std::string_view debug = {}) {
  return frame(7, 0, 0, big_endian(last_stream, 4) + big_endian(code, 4) + std::string(debug));
}
inline std::string grpc_message(std::string_view bytes, char flag = 0) {
  return std::string(1, flag) + big_endian(static_cast<std::uint32_t>(bytes.size()), 4) + std::string(bytes);
}
inline std::string grpc_headers(std::uint32_t stream) {
  return headers_frame(stream, {{":status", "200"}, {"content-type", "application/grpc"}});
}
inline std::string grpc_trailers(std::uint32_t stream, std::string_view status = "0") {
  return headers_frame(stream, {{"grpc-status", status}}, true);
}
inline std::string grpc_answer(std::uint32_t stream, std::string_view message) {
  return grpc_headers(stream) + data_frame(stream, grpc_message(message)) + grpc_trailers(stream);
}

/// What the server does when a request has come whole: frames to send, and whether the connection ends after them.
struct Reaction {
  enum class Then { stay, close, reset };
  std::string bytes;
  Then then = Then::stay;
};

class FrameServer {
 public:
  using React = std::function<Reaction(std::uint32_t stream)>;

  /// `reactions` are used one after the other, over all connections; the last one stays in use.
  explicit FrameServer(std::vector<React> reactions, std::string greeting = frame(4, 0, 0, "") + frame(4, 1, 0, ""))
      : reactions_(reactions.begin(), reactions.end()), greeting_(std::move(greeting)) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    if (bind(listener_, reinterpret_cast<sockaddr*>(&address), length) != 0 || listen(listener_, 64) != 0) std::abort();
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  ~FrameServer() { stop(); }
  FrameServer(const FrameServer&) = delete;
  FrameServer& operator=(const FrameServer&) = delete;

  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  std::uint16_t port() const { return port_; }
  int connections() const { return connections_; }
  int requests() const { return requests_; }
  int resets() const { return resets_; }
  /// What the clients sent as DATA.
  std::string body() const {
    const std::lock_guard lock(mutex_);
    return body_;
  }

  /// Closes everything and listens no more.
  void stop() {
    if (!thread_.joinable()) return;
    stopping_ = true;
    thread_.join();
    close(listener_);
  }

 private:
  struct Client {
    int fd;
    std::string received;
    bool greeted = false;
  };

  void run() {
    std::vector<Client> clients;
    while (!stopping_) {
      std::vector<pollfd> polled{{listener_, POLLIN, 0}};
      for (const Client& client : clients) polled.push_back({client.fd, POLLIN, 0});
      if (poll(polled.data(), polled.size(), 5) <= 0) continue;
      if (polled[0].revents != 0) {
        const int fd = accept(listener_, nullptr, nullptr);
        const int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        ++connections_;
        clients.push_back({fd, {}});
      }
      for (std::size_t i = 1; i < polled.size(); ++i) {
        if (polled[i].revents != 0 && !serve(clients[i - 1])) clients[i - 1].fd = -1;
      }
      std::erase_if(clients, [](const Client& client) { return client.fd < 0; });
    }
    for (const Client& client : clients) close(client.fd);
  }

  /// False when the connection is closed.
  bool serve(Client& client) {
    char buffer[65536];
    const ssize_t got = recv(client.fd, buffer, sizeof buffer, 0);
    if (got <= 0) {
      close(client.fd);
      return false;
    }
    client.received.append(buffer, static_cast<std::size_t>(got));
    constexpr std::size_t kPrefaceBytes = 24;
    if (!client.greeted) {
      if (client.received.size() < kPrefaceBytes) return true;
      client.received.erase(0, kPrefaceBytes);
      client.greeted = true;
      say(client, greeting_);
    }
    for (;;) {
      const std::string& in = client.received;
      if (in.size() < 9) return true;
      const auto byte = [&](std::size_t at) { return static_cast<std::uint32_t>(static_cast<std::uint8_t>(in[at])); };
      const std::size_t length = byte(0) << 16 | byte(1) << 8 | byte(2);
      if (in.size() < 9 + length) return true;
      const std::uint32_t type = byte(3), flags = byte(4);
      const std::uint32_t stream = byte(5) << 24 | byte(6) << 16 | byte(7) << 8 | byte(8);
      if (type == 0) {
        const std::lock_guard lock(mutex_);
        body_.append(in, 9, length);
      }
      if (type == 3) ++resets_;
      client.received.erase(0, 9 + length);
      if ((type != 0 && type != 1) || (flags & 1) == 0) continue;
      ++requests_;
      const Reaction reaction = reactions_.front()(stream);
      if (reactions_.size() > 1) reactions_.pop_front();
      say(client, reaction.bytes);
      if (reaction.then == Reaction::Then::stay) continue;
      // What was said must have been read before the connection goes, or a reset would overtake it.
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      if (reaction.then == Reaction::Then::reset) {
        const linger now{1, 0};
        setsockopt(client.fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
      } else {
        shutdown(client.fd, SHUT_WR);
        while (recv(client.fd, buffer, sizeof buffer, MSG_DONTWAIT) > 0) {
        }
      }
      close(client.fd);
      return false;
    }
  }

  static void say(const Client& client, std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = send(client.fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }

  std::deque<React> reactions_;
  std::string greeting_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<bool> stopping_{false};
  std::atomic<int> connections_{0};
  std::atomic<int> requests_{0};
  std::atomic<int> resets_{0};
  mutable std::mutex mutex_;
  std::string body_;
  std::thread thread_;
};

}  // namespace gauntlet::test
