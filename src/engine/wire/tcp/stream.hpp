#pragma once
// A connected TCP byte stream on an event loop, plain or TLS. Registered with epoll once, edge-triggered, for its whole
// life: reads and writes cost one system call each and no registration.
#include <netinet/in.h>
#include <sys/uio.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/event_loop.hpp"
#include "engine/wire/failure.hpp"
#include "engine/wire/tcp/tls.hpp"

struct bio_st;

namespace gauntlet::engine::wire {

/// Bytes on the wire (TLS records included), summed over all streams that were given the same counter.
struct Traffic {
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
};

/// An IPv4 or IPv6 address with port.
struct Endpoint {
  sockaddr_in6 address{};  ///< holds a sockaddr_in when the family says so

  /// From an IP literal; false when `ip` is none.
  static bool parse(std::string_view ip, std::uint16_t port, Endpoint& out);
  static Endpoint from(const sockaddr* address, std::uint16_t port);
  bool is_ipv6() const { return address.sin6_family == AF_INET6; }
  const sockaddr* raw() const { return reinterpret_cast<const sockaddr*>(&address); }
  socklen_t length() const { return is_ipv6() ? sizeof(sockaddr_in6) : sizeof(sockaddr_in); }
  std::uint16_t port() const { return ntohs(address.sin6_port); }
  std::string ip() const;
  /// "127.0.0.1:80", "[::1]:80"
  std::string text() const;
};

/// Owned by whoever dialled it. One thread, which others use, too: a peer that sends without end gets its turns among theirs.
class Stream final : private base::IoHandler {
 public:
  /// What one readiness may read before others have their turn: a few reads' worth, so that a large body is not slowed
  /// down by rounds of the loop, and a millisecond or so of work even when it is all of tiny pieces.
  static constexpr std::size_t kTurnBytes = 256 * 1024;

  /// Told when the stream may make progress. May destroy the stream.
  class Listener {
   public:
    virtual ~Listener() = default;
    /// Data, end of stream or an error can be read, or more can be written: read until `more` is false, and go on
    /// with a write that was cut short.
    virtual void on_stream_ready() = 0;
  };

  enum class Status : std::uint8_t { ok, again, closed, failed };
  struct Result {
    std::size_t bytes = 0;
    Status status = Status::ok;
    /// After a read: there may be more at once. When false readiness tells again: when something comes, or in the
    /// loop's next round because this turn is over.
    bool more = false;
  };

  /// Takes a non-blocking socket whose connect has completed or been started, and watches it.
  Stream(base::EventLoop& loop, int fd, const Endpoint& remote, Traffic& traffic);
  ~Stream() override;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  void set_listener(Listener* listener) { listener_ = listener; }

  /// The listener is told in the loop's next round: for one that has left bytes unread. (Just after this round's time it is not due
  /// before the next one.)
  void tell_again(std::chrono::nanoseconds after = std::chrono::nanoseconds(1));

  /// Never blocks. `closed`: the peer ended the stream in order. `failed`: see last_failure().
  Result read(char* into, std::size_t capacity);
  /// Writes as much as fits; `again` when it was not all, and readiness tells when to go on.
  Result write(std::span<const iovec> parts);
  Result write(std::string_view bytes);
  /// Why the last operation failed.
  const Failure& last_failure() const { return failure_; }

  /// The result of a connect that was started: 0 when it is done, EINPROGRESS, or its errno.
  int connect_result() const;
  /// Starts TLS on a connected stream; then call handshake() at every readiness until it is not `again`.
  void start_tls(ssl_st* session, std::string server_name);
  Status handshake();
  /// Null for a plain stream and before the handshake is done. Shared because responses outlive their connection.
  const std::shared_ptr<const TlsSession>& tls() const { return tls_session_; }

  /// The peer has closed its side, though there may be bytes left to read.
  bool hung_up() const { return hung_up_; }
  /// Bytes received but not read yet, in TLS's own buffer.
  bool has_pending() const;

  const Endpoint& remote() const { return remote_; }
  /// The local "ip:port".
  std::string local_text() const;
  base::EventLoop& loop() const { return loop_; }

 private:
  void on_io(std::uint32_t events) override;
  void begin_turn();
  Result plain_read(char* into, std::size_t capacity);
  Result fail(std::string_view operation, int error_number);
  Result tls_read(char* into, std::size_t capacity);
  Result tls_write(std::span<const iovec> parts);
  Result tls_problem(int returned, std::string_view operation);
  void count_tls_traffic();
  static long watch_tls_reads(bio_st* bio, int operation, const char* bytes, std::size_t length, int, long, int result,
                              std::size_t* processed);

  base::EventLoop& loop_;
  Traffic& traffic_;
  Listener* listener_ = nullptr;
  std::unique_ptr<ssl_st, void (*)(ssl_st*)> ssl_;
  int fd_;
  std::size_t turn_bytes_ = 0;  // read in this turn
  base::EventLoop::TimerId next_turn_ = 0;
  bool tls_drained_ = false;  // TLS's last read of the socket took all there was
  bool hung_up_ = false;      // the peer has closed its side: a short read does not mean drained
  std::uint64_t tls_counted_sent_ = 0;
  std::uint64_t tls_counted_received_ = 0;
  Endpoint remote_;
  std::shared_ptr<const TlsSession> tls_session_;
  std::string server_name_;
  Failure failure_;
};

}  // namespace gauntlet::engine::wire
