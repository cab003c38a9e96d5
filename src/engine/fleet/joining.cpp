#include "engine/fleet/joining.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/system_error.hpp"

namespace gauntlet::engine::fleet {
namespace {

using base::ErrorKind;
using Clock = std::chrono::steady_clock;

// A stranger who says nothing is kept no longer than this, nor behind so many others; who calls has more patience.
constexpr std::chrono::seconds kHandshakeOfStranger(2);
constexpr std::size_t kMostCallers = 256;
constexpr std::chrono::seconds kHandshake(15);
constexpr int kLastWordsMs = 5000;  // a side that has ended waits so long for the other to take them
constexpr std::chrono::seconds kBetweenCalls(1);
constexpr std::size_t kMostCarried = 64 * 1024;  // that one side has not read yet
constexpr unsigned char kIdentity[] = "gauntlet-fleet";

struct Descriptor {
  int fd = -1;
  explicit Descriptor(int opened = -1) : fd(opened) {}
  Descriptor(Descriptor&& other) noexcept : fd(std::exchange(other.fd, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept { return std::swap(fd, other.fd), *this; }
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

using Addresses = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

base::Expected<Addresses> resolve(const std::string& address, bool listens) {
  const std::size_t colon = address.rfind(':');
  std::uint16_t port = 0;
  const char* const end = address.data() + address.size();
  const auto read = colon == std::string::npos ? std::from_chars_result{nullptr, std::errc::invalid_argument}
                                               : std::from_chars(address.data() + colon + 1, end, port);
  if (read.ec != std::errc() || read.ptr != end || port == 0)
    return base::fail(ErrorKind::invalid_argument, fmt::format("{} is no HOST:PORT, with a port of 1 to 65535", address));
  std::string host = address.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = listens ? AI_PASSIVE : 0;
  addrinfo* found = nullptr;
  const int failed = getaddrinfo(host.empty() ? nullptr : host.c_str(), address.c_str() + colon + 1, &wanted, &found);
  if (failed != 0) return base::fail(ErrorKind::unavailable, fmt::format("{}: {}", address, gai_strerror(failed)));
  return Addresses(found, &freeaddrinfo);
}

base::Expected<Descriptor> bound(const std::string& name, const addrinfo& address, std::initializer_list<int> options) {
  Descriptor socket(::socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  for (const int option : options) setsockopt(socket.fd, SOL_SOCKET, option, &on, sizeof on);
  if (bind(socket.fd, address.ai_addr, address.ai_addrlen) != 0)
    return tl::unexpected(base::system_error(errno, "cannot listen at " + name));
  return socket;
}

bool is_loopback(const addrinfo& address) {
  if (address.ai_family == AF_INET) return (ntohl(reinterpret_cast<const sockaddr_in*>(address.ai_addr)->sin_addr.s_addr) >> 24U) == 127;
  return address.ai_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<const sockaddr_in6*>(address.ai_addr)->sin6_addr);
}

base::Expected<void> check_token(const std::string& address, const addrinfo* resolved, const std::string& token) {
  if (!token.empty() && token.size() < kShortestToken)
    return base::fail(ErrorKind::invalid_argument,
                      fmt::format("a token of {} characters can be guessed: give it {} or more, as `openssl rand -hex 32` makes",
                                  token.size(), kShortestToken));
  for (const addrinfo* one = resolved; one != nullptr; one = one->ai_next) {
    if (token.empty() && !is_loopback(*one))
      return base::fail(
          ErrorKind::invalid_argument,
          fmt::format("{} is not of this machine alone: leader and agents need a token there (GAUNTLET_FLEET_TOKEN or --token-file)",
                      address));
  }
  return {};
}

int ms_until(Clock::time_point due) {
  return static_cast<int>(std::max<long>(std::chrono::ceil<std::chrono::milliseconds>(due - Clock::now()).count(), 0));
}

bool wait_for(int fd, short events, Clock::time_point due) {
  for (;;) {
    pollfd watched{fd, events, 0};
    const int ready = poll(&watched, 1, ms_until(due));
    if (ready < 0 && errno == EINTR) continue;
    return ready > 0;
  }
}

// TLS

/// What both sides make of their token.
using Key = std::array<unsigned char, 32>;
Key key_of(const std::string& token) {
  Key key{};
  const std::string text = "gauntlet fleet\n" + token;
  EVP_Digest(text.data(), text.size(), key.data(), nullptr, EVP_sha256(), nullptr);
  return key;
}

SSL_SESSION* session_of(SSL* tls) {
  const auto* key = static_cast<const Key*>(SSL_get_app_data(tls));
  constexpr std::array<unsigned char, 2> kAes128GcmSha256{0x13, 0x01};
  SSL_SESSION* session = SSL_SESSION_new();
  SSL_SESSION_set1_master_key(session, key->data(), key->size());
  SSL_SESSION_set_cipher(session, SSL_CIPHER_find(tls, kAes128GcmSha256.data()));
  SSL_SESSION_set_protocol_version(session, TLS1_3_VERSION);
  return session;
}

int use_session(SSL* tls, const EVP_MD*, const unsigned char** identity, std::size_t* length, SSL_SESSION** session) {
  *identity = kIdentity;
  *length = sizeof kIdentity - 1;
  *session = session_of(tls);
  return 1;
}

int find_session(SSL* tls, const unsigned char* identity, std::size_t length, SSL_SESSION** session) {
  const bool is_ours = length == sizeof kIdentity - 1 && std::memcmp(identity, kIdentity, length) == 0;
  *session = is_ours ? session_of(tls) : nullptr;
  return 1;
}

}  // namespace

struct Joined::State {
  Key key{};
  Descriptor socket;
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context{nullptr, &SSL_CTX_free};
  std::unique_ptr<SSL, decltype(&SSL_free)> tls{nullptr, &SSL_free};

  State(const std::string& token, Descriptor connected, bool calls) : key(key_of(token)), socket(std::move(connected)) {
    fcntl(socket.fd, F_SETFL, fcntl(socket.fd, F_GETFL) | O_NONBLOCK);
    const int on = 1;
    setsockopt(socket.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    context.reset(SSL_CTX_new(calls ? TLS_client_method() : TLS_server_method()));
    SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION);
    SSL_CTX_set_ciphersuites(context.get(), "TLS_AES_128_GCM_SHA256");
    if (calls) SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);  // no certificate is trusted: the token alone counts
    SSL_CTX_set_num_tickets(context.get(), 0);
    SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_psk_use_session_callback(context.get(), &use_session);
    SSL_CTX_set_psk_find_session_callback(context.get(), &find_session);
    tls.reset(SSL_new(context.get()));
    SSL_set_app_data(tls.get(), &key);
    SSL_set_fd(tls.get(), socket.fd);
    calls ? SSL_set_connect_state(tls.get()) : SSL_set_accept_state(tls.get());
  }

  enum class Handshake { under_way, done, refused, broken };
  short wanted = POLLIN;  // by a handshake that is under way
  Handshake shake_hands() {
    ERR_clear_error();
    const int result = SSL_do_handshake(tls.get());
    if (result == 1) return SSL_session_reused(tls.get()) == 1 ? Handshake::done : Handshake::refused;
    const int reason = SSL_get_error(tls.get(), result);
    const bool has_ended = ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
    if (reason == SSL_ERROR_SSL) return has_ended ? Handshake::broken : Handshake::refused;
    if (reason != SSL_ERROR_WANT_READ && reason != SSL_ERROR_WANT_WRITE) return Handshake::broken;
    wanted = reason == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
    return Handshake::under_way;
  }
  Handshake shake_hands_by(Clock::time_point due) {
    Handshake ended = shake_hands();
    for (; ended == Handshake::under_way; ended = shake_hands()) {
      if (!wait_for(socket.fd, wanted, due)) return Handshake::broken;
    }
    return ended;
  }
};

Joined::Joined(std::unique_ptr<State> state) : state_(std::move(state)) {}
Joined::Joined(Joined&&) noexcept = default;
Joined& Joined::operator=(Joined&&) noexcept = default;
Joined::~Joined() = default;

base::Expected<void> check_joining(const std::string& address, const std::string& token) {
  const auto resolved = TRY(resolve(address, /*listens=*/true));
  TRY(check_token(address, resolved.get(), token));
  // Without SO_REUSEPORT, by which another leader's agents would share the port.
  return bound(address, *resolved, {SO_REUSEADDR}).map([](const Descriptor&) {});
}

base::Expected<Joined> Joined::connect(const std::string& address, const std::string& token, std::chrono::seconds patience) {
  std::string problem;
  for (const auto due = Clock::now() + patience;;) {
    auto resolved = resolve(address, /*listens=*/false);
    if (!resolved) {
      if (resolved.error().kind == ErrorKind::invalid_argument) return tl::unexpected(resolved.error());
      problem = resolved.error().message;
    } else {
      TRY(check_token(address, resolved->get(), token));
    }
    for (const addrinfo* one = resolved ? resolved->get() : nullptr; one != nullptr; one = one->ai_next) {
      Descriptor socket(::socket(one->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
      int failed = ::connect(socket.fd, one->ai_addr, one->ai_addrlen) == 0 ? 0 : errno;
      if (failed == EINPROGRESS) {
        socklen_t length = sizeof failed;
        failed = ETIMEDOUT;
        if (wait_for(socket.fd, POLLOUT, Clock::now() + kHandshake)) getsockopt(socket.fd, SOL_SOCKET, SO_ERROR, &failed, &length);
      }
      if (failed != 0) {
        problem = std::strerror(failed);
        continue;
      }
      auto state = std::make_unique<State>(token, std::move(socket), /*calls=*/true);
      const auto ended = state->shake_hands_by(Clock::now() + kHandshake);
      if (ended == State::Handshake::done) return Joined(std::move(state));
      if (ended == State::Handshake::refused)
        return base::fail(ErrorKind::permission_denied, fmt::format("{} does not know this agent's token, or is no leader", address));
      problem = "the connection was closed";  // by one whose agent came before this one
    }
    if (Clock::now() + kBetweenCalls > due) return base::fail(ErrorKind::unavailable, fmt::format("no leader at {}: {}", address, problem));
    std::this_thread::sleep_for(kBetweenCalls);
  }
}

base::Expected<Joined> Joined::accept(const std::string& address, const std::string& token, int until) {
  const auto resolved = TRY(resolve(address, /*listens=*/true));
  TRY(check_token(address, resolved.get(), token));
  const auto listener = TRY(bound(address, *resolved, {SO_REUSEADDR, SO_REUSEPORT}));
  if (listen(listener.fd, SOMAXCONN) != 0) return tl::unexpected(base::system_error(errno, "cannot listen at " + address));
  struct Caller {
    std::unique_ptr<State> state;
    Clock::time_point due;
    std::string from;
  };
  std::vector<Caller> callers;  // side by side: one who says nothing keeps nobody away
  for (;;) {
    std::vector<pollfd> watched{{listener.fd, POLLIN, 0}, {until, POLLIN, 0}};
    for (const Caller& caller : callers) watched.push_back({caller.state->socket.fd, caller.state->wanted, 0});
    const int ready = poll(watched.data(), watched.size(), callers.empty() ? -1 : ms_until(callers.front().due));
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0 || watched[1].revents != 0) return base::fail(ErrorKind::cancelled, "the leader has gone");
    for (auto caller = callers.begin(); caller != callers.end();) {
      const auto ended = caller->state->shake_hands();
      if (ended == State::Handshake::done) return Joined(std::move(caller->state));
      if (ended == State::Handshake::refused)
        fmt::print(stderr, "one who called from {} was turned away: it does not know the token\n", caller->from);
      const bool goes_on = ended == State::Handshake::under_way && Clock::now() < caller->due;
      caller = goes_on ? caller + 1 : callers.erase(caller);
    }
    if (watched[0].revents == 0) continue;
    sockaddr_storage from{};
    socklen_t length = sizeof from;
    Descriptor socket(accept4(listener.fd, reinterpret_cast<sockaddr*>(&from), &length, SOCK_CLOEXEC));
    if (socket.fd < 0 && (errno == EINTR || errno == ECONNABORTED)) continue;
    if (socket.fd < 0) return tl::unexpected(base::system_error(errno, "cannot take a call at " + address));
    std::array<char, NI_MAXHOST> name{};
    getnameinfo(reinterpret_cast<sockaddr*>(&from), length, name.data(), name.size(), nullptr, 0, NI_NUMERICHOST);
    if (callers.size() == kMostCallers) callers.erase(callers.begin());
    callers.push_back(
        {std::make_unique<State>(token, std::move(socket), /*calls=*/false), Clock::now() + kHandshakeOfStranger, name.data()});
  }
}

void Joined::carry(int from, int to) {
  for (const int fd : {from, to}) fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
  const auto blocked = [] { return errno == EAGAIN || errno == EINTR; };
  SSL* tls = state_->tls.get();
  std::string out;  // to the other side
  std::string in;
  bool from_ended = false;
  bool other_ended = false;
  std::array<char, 16 * 1024> bytes{};
  for (;;) {
    bool moved = false;
    if (in.size() < kMostCarried && !other_ended) {
      ERR_clear_error();
      const int got = SSL_read(tls, bytes.data(), static_cast<int>(bytes.size()));
      if (got > 0) in.append(bytes.data(), static_cast<std::size_t>(got));
      const int reason = got > 0 ? SSL_ERROR_NONE : SSL_get_error(tls, got);
      moved = got > 0;
      other_ended = got <= 0 && reason != SSL_ERROR_WANT_READ && reason != SSL_ERROR_WANT_WRITE;
    }
    if (!in.empty()) {
      const ssize_t written = ::write(to, in.data(), in.size());
      if (written < 0 && !blocked()) return;
      if (written > 0) in.erase(0, static_cast<std::size_t>(written));
    }
    if (!out.empty()) {
      ERR_clear_error();
      const int written = SSL_write(tls, out.data(), static_cast<int>(out.size()));
      const int reason = written > 0 ? SSL_ERROR_NONE : SSL_get_error(tls, written);
      if (written > 0) out.erase(0, static_cast<std::size_t>(written));
      if (written <= 0 && reason != SSL_ERROR_WANT_READ && reason != SSL_ERROR_WANT_WRITE) return;
    }
    if (other_ended && in.empty()) return;
    if (from_ended && out.empty()) {
      SSL_shutdown(tls);
      return;
    }
    if (moved) continue;
    const auto wanted = static_cast<short>((in.size() < kMostCarried && !other_ended ? POLLIN : 0) | (out.empty() ? 0 : POLLOUT));
    std::array<pollfd, 3> watched{pollfd{wanted == 0 ? -1 : state_->socket.fd, wanted, 0},
                                  pollfd{from_ended || !out.empty() ? -1 : from, POLLIN, 0},
                                  pollfd{to, static_cast<short>(in.empty() ? 0 : POLLOUT), 0}};
    const int ready = poll(watched.data(), watched.size(), from_ended ? kLastWordsMs : -1);
    if (ready == 0 || (ready < 0 && errno != EINTR)) return;
    if ((watched[2].revents & POLLERR) != 0) return;
    if (watched[1].revents != 0) {
      const ssize_t got = ::read(from, bytes.data(), bytes.size());
      if (got > 0) out.assign(bytes.data(), static_cast<std::size_t>(got));
      from_ended = got == 0 || (got < 0 && !blocked());
    }
  }
}

}  // namespace gauntlet::engine::fleet
