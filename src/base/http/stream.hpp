#pragma once
// One HTTP/2 request whose answer is more than one plain response: what gRPC is built on.
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/event_loop.hpp"
#include "base/http/body.hpp"
#include "base/http/exchange.hpp"
#include "base/http/request.hpp"
#include "base/timer_wheel.hpp"

namespace gauntlet::base::http {

class Http2;

/// Gets a stream's request bytes. Lives at least until on_closed().
class StreamReceiver {
 public:
  virtual void on_data(std::string_view bytes) = 0;
  /// The client's side is complete.
  virtual void on_end() = 0;
  /// Part of output() has gone to the client; comes while the connection writes, so do no work in it.
  virtual void on_output_taken() {}
  /// The server stops and the client has been told: an answer that would last as long as the client likes ends now.
  virtual void on_draining() {}
  /// The stream has gone (answered, reset, connection lost) and must not be used any more.
  virtual void on_closed() = 0;

 protected:
  ~StreamReceiver() = default;
};

/// Pooled by the listener; a receiver may use it until on_closed().
class Stream {
 public:
  struct Field {
    std::string_view name;   // lower case
    std::string_view value;  // both live as long as the program where `is_static`
    bool is_static = true;
  };

  /// Method, target and headers; the body comes through the receiver.
  const Request& request() const { return head_; }
  /// Exchanges it with the receiver's own, which keeps it beyond on_closed().
  void swap_request(Request& other) { std::swap(head_, other); }
  EventLoop& loop() const;
  TimerWheel& wheel() const;

  /// Starts the answer. `ends`: it has neither data nor trailers.
  void send_headers(std::span<const Field> fields, bool ends);
  /// Bytes to send go to the end of this; call output_ready() afterwards.
  std::string& output() { return output_; }
  void output_ready();
  /// Bytes of output() that the client has not taken.
  std::size_t pending_output() const { return output_.size() - output_sent_; }
  /// Ends the answer after pending output with at most two trailers (their text is copied).
  void send_trailers(std::span<const Field> trailers);

  /// The receiver wants to hear no more: the answer is complete and leaves by itself.
  void detach() {
    receiver_ = nullptr;
    discard_input_ = true;
  }
  /// The client may keep its side open as long as it likes (else: ListenerOptions::header_timeout).
  void set_open_ended() { open_ended_ = true; }
  /// Request bytes handed to the receiver that it no longer holds.
  void release_input(std::size_t bytes);

 private:
  friend class Http2;
  struct Trailer {
    std::string_view name;
    std::string value;
  };

  void clear();

  Http2* connection_ = nullptr;
  StreamReceiver* receiver_ = nullptr;
  ExchangePtr exchange_;         // instead of a receiver: a plain request, until its handler gets it
  Exchange* serving_ = nullptr;  // then, until it is answered
  std::int32_t id_ = 0;
  Request head_;
  std::size_t head_bytes_ = 0;
  std::size_t input_bytes_ = 0;      // counted against the connection's bound
  std::size_t discarded_bytes_ = 0;  // that came after the answer
  std::size_t held_bytes_ = 0;       // all of it, as the connection knows it
  EventLoop::Clock::time_point since_;
  EventLoop::Clock::time_point moved_;  // when something last came or was taken
  std::size_t index_ = 0;               // in Http2::streams_
  std::size_t ready_index_ = 0;         // in Http2::ready_, while `ready_`

  std::string output_;
  std::size_t output_sent_ = 0;
  Body body_;  // of a plain response
  std::size_t body_piece_ = 0;
  std::size_t body_offset_ = 0;  // in that piece
  std::size_t body_left_ = 0;
  std::array<Trailer, 2> trailers_;
  std::size_t trailer_count_ = 0;

  bool head_too_large_ = false;
  bool input_complete_ = false;
  bool discard_input_ = false;
  bool answer_started_ = false;
  bool answer_complete_ = false;  // nothing more will be added
  bool deferred_ = false;         // nghttp2 waits for output_ready()
  bool open_ended_ = false;
  bool ready_ = false;  // the request is complete and has not been handed on
  bool reset_ = false;  // by us; nothing of it is sent any more
};

/// Takes the HTTP/2 requests of a content type of its own.
class StreamService {
 public:
  /// Whether this request (headers only) is its own.
  virtual bool wants(const Request& request) const = 0;
  /// Takes it. The receiver's on_data() and on_end() follow.
  virtual StreamReceiver* begin(Stream& stream) = 0;

 protected:
  ~StreamService() = default;
};

}  // namespace gauntlet::base::http
