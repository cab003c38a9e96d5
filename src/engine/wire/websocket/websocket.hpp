#pragma once
// A WebSocket client connection on an event loop: dial, upgrade, then messages both ways (RFC 6455), with
// permessage-deflate where asked for and agreed. What is refused and how errors read follows what k6 shows.
//
//   WebSocket socket(loop, dialer, *this);              // *this is the WebSocket::Listener
//   socket.connect({.url = "ws://127.0.0.1:8000/echo"});
//   ... on_websocket_open() ... socket.send(WebSocketOpcode::text, "hello");
//
// A message costs one system call each way; nothing is allocated for it once buffers have grown.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/event_loop.hpp"
#include "engine/wire/http/chunked_body.hpp"
#include "engine/wire/http/request_fields.hpp"
#include "engine/wire/http_head.hpp"
#include "engine/wire/tcp/dialer.hpp"
#include "engine/wire/tcp/stream.hpp"
#include "engine/wire/url.hpp"
#include "engine/wire/websocket/frame.hpp"

namespace gauntlet::engine::wire {

struct WebSocketRequest {
  std::string url;       ///< ws:// or wss://
  RequestFields fields;  ///< the caller's headers, User-Agent among them
  std::string cookies;   ///< the Cookie header; empty without
  bool offers_deflate = false;
  std::chrono::nanoseconds timeout = std::chrono::seconds(60);  ///< until the connection is open
};

/// How an open connection ended.
struct WebSocketEnd {
  /// Of the server's close frame; 1006 when it went away without one, 1005 for a frame that names none. Nothing when the
  /// server broke the protocol, or the connection broke.
  std::optional<int> code;
  std::string reason;
  std::string error;          ///< "websocket: close 1008 (policy violation): bye", "read tcp ...: connection reset by peer"
  bool closed_by_us = false;  ///< a close frame of ours has left, the one that names a broken protocol included
};

/// One thread. Destroying it closes the connection at once and calls nobody.
class WebSocket final : private Stream::Listener, private WebSocketReader::Sink {
 public:
  /// Called from the loop, never from inside a call of the WebSocket's. May send and close; only on_websocket_quiet() may
  /// destroy it.
  class Listener {
   public:
    virtual ~Listener() = default;
    virtual void on_websocket_open() = 0;
    /// There will be no connection: failure() tells why, and head() has what the server answered, if it did.
    virtual void on_websocket_failed() = 0;
    virtual void on_websocket_message(WebSocketOpcode opcode, std::string_view bytes) = 0;
    /// Answered already.
    virtual void on_websocket_ping(std::string_view bytes) = 0;
    virtual void on_websocket_pong(std::string_view bytes) = 0;
    /// Once, and the last of it.
    virtual void on_websocket_end(const WebSocketEnd& end) = 0;
    /// After one or more of the above, all that has come for now: the moment to wake who waits for them.
    virtual void on_websocket_quiet() = 0;
  };

  static constexpr std::size_t kMaxMessageBytes = std::size_t{1} << 28;
  /// Of messages that the server does not take; sending more fails.
  static constexpr std::size_t kMaxUnsentBytes = std::size_t{64} << 20;
  /// How long the server may take to answer a close frame of ours.
  static constexpr std::chrono::seconds kCloseTimeout{10};

  WebSocket(base::EventLoop& loop, Dialer& dialer, Listener& listener, std::size_t max_message_bytes = kMaxMessageBytes);
  ~WebSocket() override;
  WebSocket(const WebSocket&) = delete;
  WebSocket& operator=(const WebSocket&) = delete;

  /// Once. What is wrong with the request itself is told through on_websocket_failed(), too.
  void connect(const WebSocketRequest& request);

  /// Only while open. An error's text when it cannot be sent: "websocket: close sent" after close().
  std::optional<std::string> send(WebSocketOpcode opcode, std::string_view payload);
  /// Sends a close frame; the end comes when the server has answered.
  std::optional<std::string> close(std::uint16_t code, std::string_view reason);
  /// Ends the connection without waiting for the server; on_websocket_end() does not come.
  void abandon();

  bool is_open() const { return state_ == State::open; }
  /// Leaves what the server sends unread from the next message on, from inside a listener's call, too: when nobody takes
  /// it for now. The server notices by TCP's window.
  void pause() { is_paused_ = true; }
  void resume();
  bool is_paused() const { return is_paused_; }

  std::size_t unsent_bytes() const { return unsent_.size(); }

  /// The handshake's answer; status 0 when there was none. Its body is cut after 1,024 bytes.
  const ResponseHead& head() const { return head_; }
  std::string_view handshake_body() const { return body_.view(); }
  const Failure& failure() const { return failure_; }
  std::string_view subprotocol() const { return field_value(head_.fields, "sec-websocket-protocol"); }
  /// The server's address; nothing before it was reached.
  const std::optional<Endpoint>& remote() const { return remote_; }

 private:
  enum class State : std::uint8_t { idle, dialing, handshake, refusal, open, over };

  void on_dialed(Dialed dialed);
  void on_stream_ready() override;
  bool on_websocket_frame(WebSocketOpcode opcode, std::string_view payload) override;
  /// False when the connection is over, or what came is not whole yet.
  bool take_head(std::string_view bytes);
  bool take_refusal(std::string_view bytes);
  bool take_frames(std::string_view bytes);
  void take_ping(std::string_view payload);
  void take_close(std::string_view payload);
  void judge_head(std::string_view rest);
  void flush();
  Failure refused() const;
  void fail(Failure failure);
  void fail_soon(Failure failure);
  void end(WebSocketEnd end);
  void end_broken(const Failure& failure);
  void drop_connection();

  base::EventLoop& loop_;
  Dialer& dialer_;
  Listener& listener_;
  WebSocketReader reader_;
  State state_ = State::idle;
  bool is_paused_ = false;
  bool close_sent_ = false;
  bool offers_deflate_ = false;
  bool deflates_ = false;
  Dialer::DialId dial_ = 0;
  base::EventLoop::TimerId timer_ = 0;
  std::unique_ptr<Stream> stream_;
  std::string request_;
  std::string accept_;  // what the server has to answer to our key
  std::string unsent_;
  std::optional<std::string> unanswered_ping_;  // the last of those that came while too much was unsent
  std::string unread_;                          // read from the stream before the pause
  std::string head_bytes_;
  ResponseHead head_;
  ChunkedBody chunks_;
  Buffer body_;
  Failure failure_;
  std::optional<Endpoint> remote_;
  std::optional<WebSocketEnd> end_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // watched by what was posted
};

/// "websocket: close 1008 (policy violation): bye"
std::string describe_websocket_close(int code, std::string_view reason);

}  // namespace gauntlet::engine::wire
