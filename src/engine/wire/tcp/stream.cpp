#include "engine/wire/tcp/stream.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <climits>
#include <cstring>

namespace gauntlet::engine::wire {
namespace {

/// How often it is looked whether an issuer's certificate has come.
constexpr std::chrono::milliseconds kIssuerPoll(10);

}  // namespace

bool Endpoint::parse(std::string_view ip, std::uint16_t port, Endpoint& out) {
  char text[INET6_ADDRSTRLEN];
  if (ip.empty() || ip.size() >= sizeof text) return false;
  std::memcpy(text, ip.data(), ip.size());
  text[ip.size()] = '\0';
  Endpoint parsed;
  auto* const v4 = reinterpret_cast<sockaddr_in*>(&parsed.address);
  if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
  } else if (inet_pton(AF_INET6, text, &parsed.address.sin6_addr) == 1) {
    parsed.address.sin6_family = AF_INET6;
    parsed.address.sin6_port = htons(port);
  } else {
    return false;
  }
  out = parsed;
  return true;
}

Endpoint Endpoint::from(const sockaddr* address, std::uint16_t port) {
  Endpoint result;
  std::memcpy(&result.address, address, address->sa_family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in));
  result.address.sin6_port = htons(port);  // the port is at the same place in both families
  return result;
}

std::string Endpoint::ip() const {
  char text[INET6_ADDRSTRLEN];
  const void* const bytes =
      is_ipv6() ? static_cast<const void*>(&address.sin6_addr) : &reinterpret_cast<const sockaddr_in*>(&address)->sin_addr;
  if (address.sin6_family == 0 || inet_ntop(address.sin6_family, bytes, text, sizeof text) == nullptr) return {};
  return text;
}

std::string Endpoint::text() const { return is_ipv6() ? fmt::format("[{}]:{}", ip(), port()) : fmt::format("{}:{}", ip(), port()); }

Stream::Stream(base::EventLoop& loop, int fd, const Endpoint& remote, Traffic& traffic)
    : loop_(loop), traffic_(traffic), ssl_(nullptr, &SSL_free), fd_(fd), remote_(remote) {
  loop_.watch(fd_, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, this);
}

Stream::~Stream() {
  loop_.cancel(next_turn_);
  if (ssl_) {
    ERR_clear_error();
    if (SSL_is_init_finished(ssl_.get())) SSL_shutdown(ssl_.get());
    count_tls_traffic();
    ERR_clear_error();
  }
  loop_.unwatch(fd_);
  close(fd_);
}

void Stream::on_io(std::uint32_t events) {
  if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) hung_up_ = true;
  begin_turn();
}

void Stream::begin_turn() {
  turn_bytes_ = 0;
  if (listener_ != nullptr) listener_->on_stream_ready();
}

void Stream::tell_again(std::chrono::nanoseconds after) {
  if (next_turn_ != 0) return;
  next_turn_ = loop_.call_at(loop_.now() + after, [this] {
    next_turn_ = 0;
    begin_turn();
  });
}

Stream::Result Stream::fail(std::string_view operation, int error_number) {
  failure_ = socket_failure(operation, error_number, local_text(), remote_.text());
  return {0, Status::failed, false};
}

std::string Stream::local_text() const {
  Endpoint local;
  socklen_t length = sizeof local.address;
  if (getsockname(fd_, reinterpret_cast<sockaddr*>(&local.address), &length) != 0) return {};
  return local.text();
}

int Stream::connect_result() const {
  // A socket that has a peer is connected; SO_ERROR alone is 0 while the connect is still under way.
  int error_number = 0;
  socklen_t length = sizeof error_number;
  if (getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error_number, &length) != 0) return errno;
  if (error_number != 0) return error_number;
  Endpoint peer;
  socklen_t peer_length = sizeof peer.address;
  if (getpeername(fd_, reinterpret_cast<sockaddr*>(&peer.address), &peer_length) == 0) return 0;
  return errno == ENOTCONN ? EINPROGRESS : errno;
}

bool Stream::has_pending() const { return ssl_ && SSL_has_pending(ssl_.get()) == 1; }

Stream::Result Stream::read(char* into, std::size_t capacity) {
  Result result = ssl_ ? tls_read(into, capacity) : plain_read(into, capacity);
  turn_bytes_ += result.bytes;
  if (result.more && turn_bytes_ >= kTurnBytes) {
    result.more = false;
    tell_again();
  }
  return result;
}

Stream::Result Stream::plain_read(char* into, std::size_t capacity) {
  for (;;) {
    const ssize_t got = recv(fd_, into, capacity, 0);
    if (got > 0) {
      const auto bytes = static_cast<std::size_t>(got);
      traffic_.received += bytes;
      return {bytes, Status::ok, bytes == capacity || hung_up_};
    }
    if (got == 0) return {0, Status::closed, false};
    if (errno == EINTR) continue;
    if (errno == EAGAIN) return {0, Status::again, false};
    return fail("read", errno);
  }
}

Stream::Result Stream::write(std::string_view bytes) {
  const iovec part{const_cast<char*>(bytes.data()), bytes.size()};
  return write(std::span(&part, 1));
}

Stream::Result Stream::write(std::span<const iovec> parts) {
  if (ssl_) return tls_write(parts);
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(parts.data());
  message.msg_iovlen = parts.size();
  std::size_t wanted = 0;
  for (const iovec& part : parts) wanted += part.iov_len;
  for (;;) {
    const ssize_t sent =
        parts.size() == 1 ? send(fd_, parts[0].iov_base, parts[0].iov_len, MSG_NOSIGNAL) : sendmsg(fd_, &message, MSG_NOSIGNAL);
    if (sent >= 0) {
      const auto bytes = static_cast<std::size_t>(sent);
      traffic_.sent += bytes;
      return {bytes, bytes == wanted ? Status::ok : Status::again, false};
    }
    if (errno == EINTR) continue;
    if (errno == EAGAIN) return {0, Status::again, false};
    return fail("write", errno);
  }
}

void Stream::start_tls(ssl_st* session, std::string server_name) {
  ssl_.reset(session);
  server_name_ = std::move(server_name);
  SSL_set_fd(session, fd_);
  // One system call for a record instead of two (header, then the rest), and for as many as have come.
  SSL_set_read_ahead(session, 1);
  BIO_set_callback_ex(SSL_get_rbio(session), &watch_tls_reads);
  BIO_set_callback_arg(SSL_get_rbio(session), reinterpret_cast<char*>(this));
}

/// A read that gets less than it asked for has emptied the socket: asking again would only cost a system call.
long Stream::watch_tls_reads(bio_st* bio, int operation, const char*, std::size_t length, int, long, int result, std::size_t* processed) {
  if (operation == (BIO_CB_READ | BIO_CB_RETURN)) {
    reinterpret_cast<Stream*>(BIO_get_callback_arg(bio))->tls_drained_ = result > 0 && processed != nullptr && *processed < length;
  }
  return result;
}

Stream::Status Stream::handshake() {
  ERR_clear_error();
  const int returned = SSL_do_handshake(ssl_.get());
  count_tls_traffic();
  if (returned == 1) {
    tls_session_ = std::make_shared<const TlsSession>(describe_session(ssl_.get()));
    return Status::ok;
  }
  switch (SSL_get_error(ssl_.get(), returned)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE: return Status::again;
    case SSL_ERROR_WANT_RETRY_VERIFY: tell_again(kIssuerPoll); return Status::again;
    case SSL_ERROR_SYSCALL:
      if (errno != 0 && ERR_peek_error() == 0) {
        fail("read", errno);
      } else {
        failure_ = failure(error_code::kOther, "EOF");
      }
      return Status::failed;
    default:
      if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
        ERR_clear_error();
        failure_ = failure(error_code::kOther, "EOF");
      } else {
        failure_ = handshake_failure(ssl_.get(), server_name_);
      }
      return Status::failed;
  }
}

void Stream::count_tls_traffic() {
  const std::uint64_t sent = BIO_number_written(SSL_get_wbio(ssl_.get()));
  const std::uint64_t received = BIO_number_read(SSL_get_rbio(ssl_.get()));
  traffic_.sent += sent - tls_counted_sent_;
  traffic_.received += received - tls_counted_received_;
  tls_counted_sent_ = sent;
  tls_counted_received_ = received;
}

Stream::Result Stream::tls_problem(int returned, std::string_view operation) {
  switch (SSL_get_error(ssl_.get(), returned)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE: return {0, Status::again, false};
    case SSL_ERROR_ZERO_RETURN: return {0, Status::closed, false};
    case SSL_ERROR_SYSCALL:
      if (ERR_peek_error() == 0) return errno == 0 ? Result{0, Status::closed, false} : fail(operation, errno);
      [[fallthrough]];
    default:
      // A peer that closes without the alert is common; the framing of HTTP tells whether something is missing.
      if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
        ERR_clear_error();
        return {0, Status::closed, false};
      }
      failure_ = handshake_failure(ssl_.get(), server_name_);
      return {0, Status::failed, false};
  }
}

Stream::Result Stream::tls_read(char* into, std::size_t capacity) {
  ERR_clear_error();
  errno = 0;
  const int got = SSL_read(ssl_.get(), into, static_cast<int>(std::min<std::size_t>(capacity, INT_MAX)));
  count_tls_traffic();
  if (got > 0) return {static_cast<std::size_t>(got), Status::ok, hung_up_ || !tls_drained_ || SSL_has_pending(ssl_.get()) != 0};
  return tls_problem(got, "read");
}

Stream::Result Stream::tls_write(std::span<const iovec> parts) {
  std::size_t total = 0;
  for (const iovec& part : parts) {
    std::size_t done = 0;
    while (done < part.iov_len) {
      ERR_clear_error();
      errno = 0;
      const int sent = SSL_write(ssl_.get(), static_cast<const char*>(part.iov_base) + done,
                                 static_cast<int>(std::min<std::size_t>(part.iov_len - done, INT_MAX)));
      count_tls_traffic();
      if (sent <= 0) {
        Result result = tls_problem(sent, "write");
        result.bytes = total;
        return result;
      }
      done += static_cast<std::size_t>(sent);
      total += static_cast<std::size_t>(sent);
    }
  }
  return {total, Status::ok, false};
}

}  // namespace gauntlet::engine::wire
