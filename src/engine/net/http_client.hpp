#pragma once
// HTTP/1.1 client of one virtual user: keep-alive connections that it shares with nobody, one request at a time on
// each, k6's timings. No redirects, cookies or decoding here; that is HttpFetch.
//
//   HttpExchange exchange;
//   exchange.origin = client.origin(false, "127.0.0.1", 8000);
//   exchange.request_head = "GET / HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n\r\n";
//   exchange.listener = this;
//   client.send(exchange);   // later: on_exchange_done(exchange)
//
// A request costs two system calls (send, recv) and a share of an epoll_wait. TLS offers only http/1.1 by ALPN.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/event_loop.hpp"
#include "engine/net/buffer.hpp"
#include "engine/net/dialer.hpp"
#include "engine/net/failure.hpp"
#include "engine/net/http_head.hpp"
#include "engine/net/stream.hpp"

namespace gauntlet::engine::net {

/// k6's http_req_* times. duration() is what it calls http_req_duration.
struct HttpTimings {
  std::chrono::nanoseconds blocked{0};     ///< until there was a connection: DNS, connect, TLS
  std::chrono::nanoseconds connecting{0};
  std::chrono::nanoseconds tls_handshaking{0};
  std::chrono::nanoseconds sending{0};     ///< connection there -> last byte written
  std::chrono::nanoseconds waiting{0};     ///< written -> first byte of the response
  std::chrono::nanoseconds receiving{0};   ///< first byte -> last byte
  std::chrono::nanoseconds duration() const { return sending + waiting + receiving; }
};

struct HttpLimits {
  std::size_t max_head_bytes = 10 * 1024 * 1024;    ///< Go's
  std::size_t max_body_bytes = std::size_t{1} << 30;  ///< what a JavaScript string can hold
  std::size_t max_idle = 20;                        ///< idle connections kept, in all (option batch)
  std::size_t max_idle_per_origin = 6;              ///< and per scheme, host and port (option batchPerHost)
};

class HttpClient;
struct HttpOrigin;

/// One round trip: the request, then the response. Owned by the caller, who keeps it at its place (and the request's
/// parts unchanged) until it is done or cancelled. Can be used again afterwards.
class HttpExchange {
 public:
  class Listener {
   public:
    virtual ~Listener() = default;
    /// Once per send(), from the loop, never from inside send(). May send again, and may destroy the exchange.
    virtual void on_exchange_done(HttpExchange& exchange) = 0;
  };
  using Clock = base::EventLoop::Clock;

  // The request.
  HttpOrigin* origin = nullptr;
  std::string request_head;       ///< request line and headers with the empty line
  std::string_view request_body;
  bool is_head = false;           ///< method HEAD: the response has no body whatever it says
  bool is_replayable = true;      ///< may be sent again when a kept connection turns out dead: GET, HEAD, OPTIONS, TRACE
  bool wants_close = false;       ///< the request says Connection: close
  bool discards_body = false;     ///< read the body, keep nothing
  Clock::time_point deadline = Clock::time_point::max();
  Listener* listener = nullptr;

  // The response.
  Failure failure;                ///< when set, what follows is what there was until then
  bool failed_in_body = false;    ///< the failure came after the head
  ResponseHead head;              ///< status 0 until a head has come; views into response_head
  std::string response_head;
  Buffer body;
  std::uint64_t body_bytes = 0;   ///< on the wire without framing, also when discarded
  HttpTimings timings;
  bool has_remote = false;
  Endpoint remote;
  std::shared_ptr<const TlsSession> tls;  ///< null without TLS

 private:
  friend class HttpClient;

  std::size_t index_ = 0;         // in HttpClient::in_flight_
  void* connection_ = nullptr;    // HttpClient::Connection
  Dialer::DialId dial_ = 0;
  Clock::time_point started_{};
  Clock::time_point sending_since_{};
  Clock::time_point written_{};
  Clock::time_point first_byte_{};
};

/// Lives on its loop's thread; destroying it drops what is under way without calling listeners.
class HttpClient {
 public:
  HttpClient(base::EventLoop& loop, Dialer& dialer, const HttpLimits& limits);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  /// The pool of one scheme, host and port; valid while it has connections or exchanges, and
  /// until the next call otherwise. Asking again for the last one is quick.
  HttpOrigin* origin(bool tls, std::string_view host, std::uint16_t port);
  void send(HttpExchange& exchange);
  /// Ends an exchange at once; its listener is not called.
  void cancel(HttpExchange& exchange);
  /// Closes connections that wait for a request.
  void close_idle();

  base::EventLoop& loop() const { return loop_; }
  std::size_t idle_connections() const { return idle_; }
  std::size_t in_flight() const { return in_flight_.size(); }

 private:
  friend struct HttpOrigin;
  class Connection;

  void assign(HttpExchange& exchange);
  void start_on(Connection& connection, HttpExchange& exchange);
  void dial(HttpExchange& exchange);
  void retry(HttpExchange& exchange);
  /// Takes the exchange off the books and tells its listener; the last thing its caller does.
  void finish(HttpExchange& exchange);
  void release(Connection& connection);
  void destroy(Connection& connection);
  void remove(HttpExchange& exchange);
  void arm(HttpExchange::Clock::time_point deadline);
  void on_timer();
  void prune_origins();

  base::EventLoop& loop_;
  Dialer& dialer_;
  const HttpLimits limits_;
  std::vector<std::unique_ptr<HttpOrigin>> origins_;
  HttpOrigin* last_origin_ = nullptr;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<HttpExchange*> in_flight_;
  std::size_t idle_ = 0;
  std::uint64_t idle_clock_ = 0;
  // One timer for all deadlines, kept at the earliest one it has seen: requests that end in time never touch it.
  base::EventLoop::TimerId timer_ = 0;
  HttpExchange::Clock::time_point timer_due_{};
};

}  // namespace gauntlet::engine::net
