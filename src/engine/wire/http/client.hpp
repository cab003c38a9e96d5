#pragma once
// HTTP client of one virtual user: keep-alive connections that it shares with nobody, k6's timings. HTTP/1.1 with one
// request at a time on each, or HTTP/2 with all of an origin's requests on one, as the server chooses by ALPN. No
// redirects, cookies or decoding here; that is HttpFetch.
//
//   HttpExchange exchange;
//   exchange.origin = client.origin(false, "127.0.0.1", 8000);
//   exchange.request_head = "GET / HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n\r\n";
//   exchange.listener = this;
//   client.send(exchange);   // later: on_exchange_done(exchange)
//
// A request costs two system calls (send, recv) and a share of an epoll_wait.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/event_loop.hpp"
#include "engine/wire/http/exchange.hpp"
#include "engine/wire/http/http1_carrier.hpp"
#include "engine/wire/http/http2_carrier.hpp"
#include "engine/wire/tcp/dialer.hpp"

namespace gauntlet::engine::wire {

/// Lives on its loop's thread; destroying it drops what is under way without calling listeners.
class HttpClient final : private Http1Carrier::Owner, private Http2Carrier::Owner {
 public:
  HttpClient(base::EventLoop& loop, Dialer& dialer, const HttpLimits& limits);
  ~HttpClient() override;
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  /// The pool of one scheme, host and port; valid while it has connections or exchanges, and
  /// until the next call otherwise. Asking again for the last one is quick.
  HttpOrigin* origin(bool tls, std::string_view host, std::uint16_t port);
  /// Through what the environment wants a plain-HTTP origin to be reached: requests name the whole URL then, and carry
  /// its Proxy-Authorization. nullptr: directly, or through a tunnel that requests know nothing of.
  static const ProxyServer* plain_proxy(const HttpOrigin& origin);
  void send(HttpExchange& exchange);
  /// Ends an exchange at once; its listener is not called.
  void cancel(HttpExchange& exchange);
  /// As cancel(), but what came of it counts: its timings are until now.
  void cut_off(HttpExchange& exchange);
  /// So much of a streamed body has been taken from exchange.body: more of it may come.
  void consume(HttpExchange& exchange, std::size_t bytes);
  void set_deadline(HttpExchange& exchange, HttpExchange::Clock::time_point deadline);
  /// The timings of an answer that is over, or as they are at its head.
  static void settle_timings(HttpExchange& exchange);
  /// Closes connections that wait for a request.
  void close_idle();

  base::EventLoop& loop() const { return loop_; }
  std::size_t idle_connections() const { return idle_; }
  std::size_t in_flight() const { return in_flight_.size(); }

 private:
  void assign(HttpExchange& exchange);
  void start_on(Http1Carrier& connection, HttpExchange& exchange);
  void dial(HttpExchange& exchange);
  void on_dialed(HttpExchange& exchange, Dialed dialed);
  void carry(HttpExchange& exchange, std::unique_ptr<Stream> stream);
  void start_on_carrier(Http2Carrier& carrier, HttpExchange& exchange);
  void end_wait(HttpOrigin& origin, const Failure& failure);
  void abandon(HttpExchange& exchange);
  void bury(Http2Carrier& carrier);
  void bury_unused();
  void on_answered(Http1Carrier& connection, HttpExchange& exchange, bool is_kept) override;
  void on_unanswered(Http1Carrier& connection, HttpExchange& exchange, bool may_retry) override;
  void on_idle_ended(Http1Carrier& connection) override;
  void on_carried(HttpExchange& exchange) override;
  void on_refused(HttpExchange& exchange) override;
  void on_carrier_closed(Http2Carrier& carrier) override;
  void retry(HttpExchange& exchange);
  /// Takes the exchange off the books and tells its listener; the last thing its caller does.
  void finish(HttpExchange& exchange);
  void release(Http1Carrier& connection);
  void destroy(Http1Carrier& connection);
  void remove(HttpExchange& exchange);
  void arm(HttpExchange::Clock::time_point deadline);
  void on_timer();
  void prune_origins();

  base::EventLoop& loop_;
  Dialer& dialer_;
  const HttpLimits limits_;
  std::vector<std::unique_ptr<HttpOrigin>> origins_;
  HttpOrigin* last_origin_ = nullptr;
  std::vector<std::unique_ptr<Http1Carrier>> connections_;
  std::vector<std::unique_ptr<Http2Carrier>> carriers_;
  std::vector<std::unique_ptr<Http2Carrier>> buried_;  // gone at the round's end: they may be at work now
  std::vector<HttpExchange*> in_flight_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // watched by what was posted
  std::size_t idle_ = 0;
  std::uint64_t idle_clock_ = 0;
  // One timer for all deadlines, kept at the earliest one it has seen: requests that end in time never touch it.
  base::EventLoop::TimerId timer_ = 0;
  HttpExchange::Clock::time_point timer_due_{};
};

}  // namespace gauntlet::engine::wire
