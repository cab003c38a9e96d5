#pragma once
// A request that waits for its answer. The handler may answer at once, or keep the pointer and answer later from the
// same thread; the connection may have died meanwhile, then the answer goes nowhere.
//
//   router.get("/healthz", [&](ExchangePtr exchange) {
//     pool.ping([exchange](bool up) { exchange->respond({.status = up ? 200 : 503, .body = "{}"}); });
//   });
#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/event_loop.hpp"
#include "base/http/request.hpp"
#include "base/http/response.hpp"
#include "base/http/trace.hpp"

namespace gauntlet::base::http {

class ExchangePool;

/// Owned by its pointers (counted without atomics: use and release it on the listener's thread only), pooled after.
/// When the last pointer goes without an answer the client gets 500, so that nothing hangs.
class Exchange {
 public:
  const Request& request() const { return request_; }
  /// The pattern that matched ("/v1/challenges/{challenge_id}"), for metrics; empty when none did.
  std::string_view route() const { return route_; }
  /// When the request had been read whole.
  EventLoop::Clock::time_point received() const { return received_; }

  /// Its ids for logs and traces.
  const Trace& trace() const { return trace_; }

  /// Answers; a second answer is ignored. The bytes leave at the end of the loop's round, together with those of
  /// others on the connection.
  void respond(Response response);
  /// Answers with the error shape.
  void respond(const Error& error) { respond(error_response(error)); }
  /// Gives no answer at all: HTTP/1.1 closes the connection, HTTP/2 resets the stream. For servers that play a broken one.
  void cut();

  /// Instead of respond(): an answer that grows (server-sent events). Sends the head and what its body holds already;
  /// more follows with stream(), until end_stream(), the last pointer's end, or the client's leaving. False over
  /// HTTP/2, which does not have it here: 501 has been answered.
  bool begin_stream(Response head);
  /// Adds to a begun answer; leaves at the end of the loop's round.
  void stream(std::string_view text);
  void end_stream();
  /// A begun answer whose client is still there.
  bool streaming() const { return streaming_ && connection_ != nullptr; }
  /// Bytes of the begun answer that the client's socket has not taken: the bound on a slow reader is the caller's.
  std::size_t pending_output() const;

  bool responded() const { return responded_; }
  /// The connection or stream is gone: work for this exchange is wasted.
  bool abandoned() const { return connection_ == nullptr && !responded_; }
  /// Gone, or has ended its side of the connection: nearly always the same, though some read the answer yet. For work
  /// that is too dear to be done for nobody.
  bool client_has_left() const { return abandoned() || (connection_ != nullptr && connection_->input_has_ended()); }
  EventLoop& loop() const { return *loop_; }

  /// How an exchange reaches the connection that waits for it. Implemented by both protocols.
  class Connection {
   public:
    /// Sends `response`; the exchange forgets the connection first.
    virtual void send(Exchange& exchange, Response&& response) = 0;
    /// What Exchange::begin_stream() and its followers do; false where the protocol has none.
    virtual bool begin_stream(Response&&) { return false; }
    virtual void stream(std::string_view) {}
    virtual void end_stream() {}
    virtual std::size_t pending_stream_output() const { return 0; }
    virtual void cut(Exchange& exchange) = 0;
    virtual bool input_has_ended() const { return false; }

   protected:
    ~Connection() = default;
  };

 private:
  friend class ExchangePool;
  friend void intrusive_ptr_add_ref(Exchange* exchange) { ++exchange->references_; }
  friend void intrusive_ptr_release(Exchange* exchange) {
    if (--exchange->references_ == 0) release(exchange);
  }
  static void release(Exchange* exchange);

  Exchange() = default;

  Request request_;
  std::string_view route_;
  Trace trace_;
  EventLoop* loop_ = nullptr;
  Connection* connection_ = nullptr;
  std::shared_ptr<ExchangePool> pool_;  // shared: an exchange may outlive its listener
  EventLoop::Clock::time_point received_;
  std::uint32_t references_ = 0;
  std::int32_t stream_ = 0;  // HTTP/2 stream; 0 for HTTP/1.1
  bool responded_ = false;
  bool streaming_ = false;
};

using ExchangePtr = boost::intrusive_ptr<Exchange>;

}  // namespace gauntlet::base::http
