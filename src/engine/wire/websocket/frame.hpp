#pragma once
// WebSocket framing as RFC 6455 has it, the client's side: frames to send, and a server's bytes taken apart into
// messages and control frames, with permessage-deflate (RFC 7692, no context kept between messages).
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/wire/buffer.hpp"

namespace gauntlet::engine::wire {

enum class WebSocketOpcode : std::uint8_t { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

/// Codes of close frames (RFC 6455, section 7.4.1) that this side sends or tells apart.
namespace close_code {
constexpr int kNormal = 1000;
constexpr int kGoingAway = 1001;
constexpr int kProtocolError = 1002;
constexpr int kNoStatus = 1005;  // a frame that names none
constexpr int kAbnormal = 1006;  // no frame at all
constexpr int kTooBig = 1009;
}  // namespace close_code

/// Appends one whole frame, masked with `mask` (any number; the protocol wants an unpredictable one). With `deflated`
/// the payload is what deflate_message() made.
void append_websocket_frame(std::string& out, WebSocketOpcode opcode, std::string_view payload, std::uint32_t mask, bool deflated = false);
/// A message compressed for a frame. The view is valid until the thread's next call.
std::string_view deflate_message(std::string_view message);

/// The payload of a close frame; empty for code 1005 ("no status").
std::string close_payload(std::uint16_t code, std::string_view reason);

/// A server's frames, fed as they arrive. One per connection; memory follows the largest message, up to the limit.
class WebSocketReader {
 public:
  /// Receives what was read. Must not destroy the reader.
  class Sink {
   public:
    virtual ~Sink() = default;
    /// A whole message (text or binary), or a control frame. `payload` is valid during the call. False stops the
    /// reading: what follows is not looked at, and may be fed later.
    virtual bool on_websocket_frame(WebSocketOpcode opcode, std::string_view payload) = 0;
  };

  explicit WebSocketReader(std::size_t max_message_bytes) : max_message_bytes_(max_message_bytes) {}

  /// The server has agreed to compression.
  void allow_deflate() { deflate_ = true; }
  /// Empty, or how the server broke the protocol; then nothing more may be fed. Takes what it has read from the front of
  /// `bytes`: all of it unless the sink stopped the reading.
  std::string feed(std::string_view& bytes, Sink& sink);
  /// What feed() said came of a message larger than the limit, not of a broken protocol.
  bool is_too_large() const { return too_large_; }

 private:
  std::string begin_frame();
  std::string end_frame(std::string_view payload, Sink& sink, bool& goes_on);
  std::string end_message(std::string_view payload, Sink& sink, bool& goes_on);
  std::string refuse_size();

  std::size_t max_message_bytes_;
  bool deflate_ = false;
  bool too_large_ = false;

  // The frame being read.
  std::array<char, 14> header_{};
  std::uint8_t header_size_ = 0;    // of it that has come
  std::uint8_t header_wanted_ = 2;  // as far as is known
  bool in_payload_ = false;
  bool is_final_ = false;
  bool is_control_ = false;
  WebSocketOpcode frame_opcode_ = WebSocketOpcode::continuation;
  std::uint64_t left_ = 0;  // of its payload
  std::string control_;     // a control frame's payload that came in pieces

  // The message that its frames belong to.
  bool in_message_ = false;
  bool is_deflated_ = false;
  WebSocketOpcode message_opcode_ = WebSocketOpcode::text;
  Buffer message_;
  Buffer inflated_;
};

}  // namespace gauntlet::engine::wire
