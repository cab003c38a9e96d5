#pragma once
// One HTTP/1.1 connection, with at most one exchange on it.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/event_loop.hpp"
#include "engine/wire/http/chunked_body.hpp"
#include "engine/wire/http/exchange.hpp"
#include "engine/wire/tcp/stream.hpp"

namespace gauntlet::engine::wire {

class Http1Carrier final : private Stream::Listener {
 public:
  /// Each of these may destroy the carrier.
  class Owner {
   public:
    virtual ~Owner() = default;
    /// The answer is whole. `is_kept`: the connection can take another exchange.
    virtual void on_answered(Http1Carrier& connection, HttpExchange& exchange, bool is_kept) = 0;
    /// The connection ended first. `may_retry`: it had been kept and the server sent nothing, so the exchange may go to
    /// another; else exchange.failure says what happened.
    virtual void on_unanswered(Http1Carrier& connection, HttpExchange& exchange, bool may_retry) = 0;
    /// The peer closed the connection while it had no exchange, or spoke out of turn.
    virtual void on_idle_ended(Http1Carrier& connection) = 0;
  };

  /// Takes over a connected stream (TLS: after the handshake). `limits` and `owner` outlive it.
  Http1Carrier(base::EventLoop& loop, const HttpLimits& limits, HttpOrigin& origin, std::unique_ptr<Stream> stream, Owner& owner);

  HttpOrigin& origin() const { return origin_; }

  /// Sends the exchange; its owner hears of it from the loop, never from inside begin().
  void begin(HttpExchange& exchange);
  /// The reader of a streamed body has taken what was there.
  void resume();

  std::size_t index = 0;         ///< in its owner's list
  std::uint64_t idle_since = 0;  ///< by its owner's count

 private:
  enum class State : std::uint8_t { idle, head, known_length, chunked, until_close };

  void on_stream_ready() override;
  /// Anything but silence on an idle connection ends it: the peer closed, or speaks out of turn.
  void check_idle();
  void write_more();
  /// Offers the socket what is left of the request, as far as one call takes it.
  Stream::Result write_parts();
  void receive();
  /// Body bytes that already are in their place.
  bool take_direct(std::size_t bytes);
  /// Bytes in the scratch. False when the exchange is over; then `this` may be gone.
  bool take(char* bytes, std::size_t size);
  bool take_head(char* bytes, std::size_t size);
  bool begin_body(std::string_view rest);
  bool take_body(std::string_view bytes);
  std::size_t body_limit() const;
  bool check_body_limit();
  bool fail_too_large();
  void on_closed();
  /// The response is whole. `is_clean`: nothing came after it.
  void complete(bool is_clean);
  /// TLS has records left that are no data (session tickets), or they are data: out of turn.
  bool is_silent();
  void fail(Failure problem);
  void detach();

  base::EventLoop& loop_;
  const HttpLimits& limits_;
  HttpOrigin& origin_;
  Owner& owner_;
  std::unique_ptr<Stream> stream_;
  HttpExchange* exchange_ = nullptr;
  State state_ = State::idle;
  bool is_written_ = false;
  bool write_failed_ = false;
  bool is_paused_ = false;  // the reader of a streamed body has enough
  bool expects_large_body_ = false;
  int informational_ = 0;
  std::uint32_t served_ = 0;
  std::uint32_t serial_ = 0;  // tells one exchange on this connection from the next
  std::size_t written_ = 0;
  std::size_t part_ = 0;        // of the request that is being written: 0 the head, 1 the body, then more_body
  std::size_t part_begin_ = 0;  // in the request
  std::uint64_t left_ = 0;
  ChunkedBody chunks_;
  std::string pending_head_;     // a head that came in several pieces
  std::shared_ptr<bool> alive_;  // watched by what was posted
  Failure write_failure_;
};

}  // namespace gauntlet::engine::wire
