// What the load generators are measured against where base's listener does not go: TLS and WebSockets.
//   bench-edge [CERTIFICATE.pem KEY.pem]    any GET: a few bytes, kept alive; a WebSocket upgrade: an echo
// With the two files it speaks TLS. One thread for all connections: the kernel bills a generator for waking the server
// up, so a server that sleeps per connection would be measured instead of the generator. Prints "port N" and serves
// until it is ended.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string>
#include <string_view>

namespace {

/// Answers are small and asked for one by one, so a socket that takes no more is given up.
class Connection {
 public:
  Connection(int fd, SSL_CTX* context) : fd_(fd), ssl_(context != nullptr ? SSL_new(context) : nullptr) {
    if (ssl_ == nullptr) return;
    SSL_set_fd(ssl_, fd_);
    SSL_set_accept_state(ssl_);
  }
  ~Connection() {
    SSL_free(ssl_);
    close(fd_);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Takes what has come; false when the connection is over.
  bool serve() {
    char bytes[16384];
    for (;;) {
      const ssize_t got = ssl_ != nullptr ? SSL_read(ssl_, bytes, sizeof bytes) : recv(fd_, bytes, sizeof bytes, 0);
      if (got <= 0) {
        const bool waits = ssl_ != nullptr ? SSL_get_error(ssl_, static_cast<int>(got)) == SSL_ERROR_WANT_READ : got < 0 && errno == EAGAIN;
        return waits;
      }
      in_.append(bytes, static_cast<std::size_t>(got));
      while (is_websocket_ ? echo() : answer()) {
      }
      if (is_over_) return false;
      if (ssl_ == nullptr && static_cast<std::size_t>(got) < sizeof bytes) return true;  // readiness tells of more
    }
  }

 private:
  void send(std::string_view bytes) {
    const auto size = static_cast<ssize_t>(bytes.size());
    if ((ssl_ != nullptr ? SSL_write(ssl_, bytes.data(), static_cast<int>(size)) : ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL)) !=
        size) {
      is_over_ = true;
    }
  }

  /// One request; false when none is whole.
  bool answer() {
    const auto end = in_.find("\r\n\r\n");
    if (is_over_ || end == std::string::npos) return false;
    const std::string head = in_.substr(0, end + 4);
    in_.erase(0, end + 4);
    const auto key = head.find("Sec-WebSocket-Key: ");
    if (key == std::string::npos) {
      send("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{\"ok\":true}");
      return true;
    }
    const std::string text = head.substr(key + 19, 24) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    unsigned char digest[SHA_DIGEST_LENGTH];
    SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
    unsigned char accept[64];
    EVP_EncodeBlock(accept, digest, sizeof digest);
    is_websocket_ = true;
    send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
         std::string(reinterpret_cast<const char*>(accept)) + "\r\n\r\n");
    return true;
  }

  /// One frame; false when none is whole.
  bool echo() {
    const auto byte = [&](std::size_t at) { return static_cast<std::size_t>(static_cast<unsigned char>(in_[at])); };
    if (is_over_ || in_.size() < 2) return false;
    const std::size_t length = byte(1) & 127;
    if (length > 125) is_over_ = true;  // more than any script of ours sends
    if (is_over_ || in_.size() < 6 + length) return false;
    std::string frame = in_.substr(0, 2);
    frame[1] = static_cast<char>(length);
    for (std::size_t i = 0; i < length; ++i) frame += static_cast<char>(in_[6 + i] ^ in_[2 + (i & 3)]);
    in_.erase(0, 6 + length);
    send(frame);
    if ((static_cast<unsigned char>(frame[0]) & 15) == 8) is_over_ = true;
    return true;
  }

  int fd_;
  SSL* ssl_;
  bool is_websocket_ = false;
  bool is_over_ = false;
  std::string in_;
};

}  // namespace

int main(int argc, char** argv) {
  SSL_CTX* context = nullptr;
  if (argc == 3) {
    context = SSL_CTX_new(TLS_server_method());
    if (SSL_CTX_use_certificate_chain_file(context, argv[1]) != 1 || SSL_CTX_use_PrivateKey_file(context, argv[2], SSL_FILETYPE_PEM) != 1) {
      std::fprintf(stderr, "bench-edge: %s and %s are no certificate with its key\n", argv[1], argv[2]);
      return 2;
    }
  } else if (argc != 1) {
    std::fputs("usage: bench-edge [CERTIFICATE.pem KEY.pem]\n", stderr);
    return 2;
  }
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (bind(listener, reinterpret_cast<const sockaddr*>(&address), size) != 0 || listen(listener, 1024) != 0) {
    std::perror("bench-edge");
    return 1;
  }
  getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  std::printf("port %d\n", ntohs(address.sin_port));
  std::fflush(stdout);
  const int poll = epoll_create1(EPOLL_CLOEXEC);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = nullptr;
  epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
  for (;;) {
    epoll_event events[256];
    const int count = epoll_wait(poll, events, 256, -1);
    for (int i = 0; i < count; ++i) {
      if (auto* const connection = static_cast<Connection*>(events[i].data.ptr)) {
        if (!connection->serve()) delete connection;
        continue;
      }
      const int fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) continue;
      const int on = 1;
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      event.events = EPOLLIN;
      event.data.ptr = new Connection(fd, context);
      epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
    }
  }
}
