#pragma once
// Makes, connects and recycles the exchanges of one listener; the only one who sees their insides.
#include <cstddef>
#include <memory>
#include <vector>

#include "base/http/exchange.hpp"
#include "base/http/listener.hpp"

namespace gauntlet::base::http {

/// Shared by the listener and by the exchanges that are out, since a handler may keep one longer than the listener
/// lives.
class ExchangePool : public std::enable_shared_from_this<ExchangePool> {
 public:
  ExchangePool(EventLoop& loop, Observer observer) : loop_(loop), observer_(std::move(observer)) {}
  ~ExchangePool();

  ExchangePtr take();
  /// Answers of `exchange` go to `connection` from now on.
  static void connect(Exchange& exchange, Exchange::Connection& connection, std::int32_t stream);
  /// The connection has gone.
  static void disconnect(Exchange& exchange) { exchange.connection_ = nullptr; }
  static Request& request(Exchange& exchange) { return exchange.request_; }
  static void set_route(Exchange& exchange, std::string_view route) { exchange.route_ = route; }
  static std::int32_t stream(const Exchange& exchange) { return exchange.stream_; }

 private:
  friend class Exchange;
  void answered(Exchange& exchange, int status);
  void give_back(Exchange* exchange);

  static constexpr std::size_t kKept = 1024;
  EventLoop& loop_;
  Observer observer_;
  std::vector<Exchange*> free_;
};

}  // namespace gauntlet::base::http
