#pragma once
// One HTTP/2 connection of an HttpClient, carrying any number of its exchanges at once. An exchange looks the same to
// its owner whichever protocol carried it: request_head is translated into header frames, and the answer's headers are
// put down as HTTP/1 would have sent them, with "HTTP/2.0" for the protocol.
#include <cstddef>
#include <memory>
#include <vector>

#include "engine/wire/http/exchange.hpp"
#include "engine/wire/http/http2_session.hpp"

namespace gauntlet::engine::wire {

class Http2Carrier final : private Http2Session::Owner {
 public:
  /// What happens to exchanges; all from the loop, never from inside start(). None may destroy the carrier.
  class Owner {
   public:
    virtual ~Owner() = default;
    /// The answer is whole, or exchange.failure says why there is none.
    virtual void on_carried(HttpExchange& exchange) = 0;
    /// The server has not looked at it: it may go to another connection.
    virtual void on_refused(HttpExchange& exchange) = 0;
    /// Nothing can be carried any more.
    virtual void on_carrier_closed(Http2Carrier& carrier) = 0;
  };

  /// Takes over a connected stream (TLS: after the handshake).
  Http2Carrier(std::unique_ptr<Stream> stream, bool tls, const HttpLimits& limits, Owner& owner);
  ~Http2Carrier() override;

  bool is_open() const { return session_->is_open(); }
  std::size_t active() const { return active_; }
  const Stream& stream() const { return session_->stream(); }

  /// Only while open. The exchange must live until one of the owner's calls, or cancel().
  void start(HttpExchange& exchange);
  /// Ends it for the server, too.
  void cancel(HttpExchange& exchange);
  /// So much of a streamed body has been taken.
  void consume(HttpExchange& exchange, std::size_t bytes);

 private:
  class Carried;

  void on_http2_closed() override;
  void translate_head(const HttpExchange& exchange);
  void release(Carried& carried);
  Failure failure_of(const Http2End& end, std::int32_t stream_id) const;

  const bool tls_;
  const HttpLimits& limits_;
  Owner& owner_;
  std::size_t active_ = 0;
  std::uint64_t served_ = 0;
  std::vector<std::unique_ptr<Carried>> carried_;  // those at work first
  std::vector<Http2Header> headers_;               // of the request being translated
  std::string names_;                              // its header names in lower case
  Http2Session::Pointer session_;                  // last: goes before what it calls back
};

}  // namespace gauntlet::engine::wire
