#include "engine/wire/websocket/websocket.hpp"

#include <fmt/format.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>
#include <random>

#include "base/base64.hpp"

namespace gauntlet::engine::wire {
namespace {

constexpr std::size_t kFrameBytes = 64 * 1024;
constexpr std::size_t kMaxHeadBytes = 1024 * 1024;
constexpr std::size_t kMaxRefusalBytes = 1024;
/// Of anything unsent: beyond it only the last ping is answered, as RFC 6455 (section 5.5.3) has it, or a server that pings
/// and does not read would fill our memory with answers.
constexpr std::size_t kMaxUnsentBeforePong = 64 * 1024;

/// Where bytes land; one a thread, since nothing stays in it between rounds.
std::array<char, kFrameBytes>& frame_bytes() {
  thread_local std::array<char, kFrameBytes> bytes;
  return bytes;
}

/// Masks keep a script's bytes from looking like HTTP to a proxy in between; they are no secret.
std::uint32_t next_mask() {
  thread_local std::minstd_rand random{std::random_device{}()};
  return static_cast<std::uint32_t>(random()) << 1 ^ static_cast<std::uint32_t>(random());
}

std::string make_key() {
  std::array<unsigned char, 16> bytes{};
  RAND_bytes(bytes.data(), static_cast<int>(bytes.size()));
  return base::encode_base64({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

std::string accept_of(std::string_view key) {
  const std::string text = std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";  // RFC 6455, section 1.3
  std::array<unsigned char, SHA_DIGEST_LENGTH> digest{};
  SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  return base::encode_base64({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

}  // namespace

std::string describe_websocket_close(int code, std::string_view reason) {
  const char* name = "";
  switch (code) {
    case 1000: name = " (normal)"; break;
    case 1001: name = " (going away)"; break;
    case 1002: name = " (protocol error)"; break;
    case 1003: name = " (unsupported data)"; break;
    case 1005: name = " (no status)"; break;
    case 1006: name = " (abnormal closure)"; break;
    case 1007: name = " (invalid payload data)"; break;
    case 1008: name = " (policy violation)"; break;
    case 1009: name = " (message too big)"; break;
    case 1010: name = " (mandatory extension missing)"; break;
    case 1011: name = " (internal server error)"; break;
    case 1015: name = " (TLS handshake error)"; break;
    default: break;
  }
  return fmt::format("websocket: close {}{}{}{}", code, name, reason.empty() ? "" : ": ", reason);
}

WebSocket::WebSocket(base::EventLoop& loop, Dialer& dialer, Listener& listener, std::size_t max_message_bytes)
    : loop_(loop), dialer_(dialer), listener_(listener), reader_(max_message_bytes) {}

WebSocket::~WebSocket() { drop_connection(); }

void WebSocket::drop_connection() {
  if (dial_ != 0) dialer_.cancel(std::exchange(dial_, 0));
  loop_.cancel(std::exchange(timer_, 0));
  stream_.reset();
}

void WebSocket::abandon() {
  state_ = State::over;
  drop_connection();
}

// Opening

void WebSocket::connect(const WebSocketRequest& request) {
  assert(state_ == State::idle);
  state_ = State::dialing;
  const auto url = Url::parse(request.url);
  if (!url) return fail_soon(wire::failure(error_code::kInvalidUrl, url.error().message));
  const bool is_tls = url->scheme == "wss";
  if ((!is_tls && url->scheme != "ws") || url->user || url->host.empty()) {
    return fail_soon(wire::failure(error_code::kInvalidUrl, "malformed ws or wss URL"));
  }
  std::uint16_t port = is_tls ? 443 : 80;
  if (const std::string_view text = url->port_text(); !text.empty()) {
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (problem != std::errc() || end != text.data() + text.size()) {
      return fail_soon(wire::failure(error_code::kDial, fmt::format("dial tcp: address {}: invalid port", text)));
    }
  }
  for (const char* own : {"Upgrade", "Connection", "Sec-Websocket-Key", "Sec-Websocket-Version", "Sec-Websocket-Extensions"}) {
    if (request.fields.has(own))
      return fail_soon(wire::failure(error_code::kOther, fmt::format("websocket: duplicate header not allowed: {}", own)));
  }
  const std::string key = make_key();
  accept_ = accept_of(key);
  offers_deflate_ = request.offers_deflate;
  const std::string_view own_host = request.fields.value("Host");
  request_ = fmt::format("GET {} HTTP/1.1\r\n", url->request_target());
  append_field(request_, "Host", own_host.empty() ? std::string_view(url->host) : own_host);
  if (const std::string_view agent = request.fields.value("User-Agent"); !agent.empty()) append_field(request_, "User-Agent", agent);
  append_field(request_, "Connection", "Upgrade");
  if (!request.cookies.empty()) append_field(request_, "Cookie", request.cookies);
  if (offers_deflate_)
    append_field(request_, "Sec-WebSocket-Extensions", "permessage-deflate; server_no_context_takeover; client_no_context_takeover");
  append_field(request_, "Sec-WebSocket-Key", key);
  append_field(request_, "Sec-WebSocket-Version", "13");
  append_field(request_, "Upgrade", "websocket");
  std::optional<std::string> bad_field;
  request.fields.for_each([&](std::string_view name, std::string_view value) {
    if (name == "Host" || name == "User-Agent") return;
    if (!is_token(name)) bad_field = fmt::format("net/http: invalid header field name {}", go_quote(name));
    else if (!is_field_value(value)) bad_field = fmt::format("net/http: invalid header field value for {}", go_quote(name));
    append_field(request_, name == "Sec-Websocket-Protocol" ? "Sec-WebSocket-Protocol" : name, value);
  });
  if (bad_field) return fail_soon(wire::failure(error_code::kOther, *bad_field));
  request_ += "\r\n";

  DialTarget target;
  target.host = url->hostname();
  target.port = port;
  target.tls = is_tls;
  if (is_tls) target.protocols = {"http/1.1"};
  target.proxy = dialer_.proxy_for(is_tls, target.host, port);
  timer_ = loop_.call_after(request.timeout, [this] {
    timer_ = 0;
    fail(wire::failure(error_code::kTimeout, "i/o timeout"));
    listener_.on_websocket_quiet();
  });
  dial_ = dialer_.dial(std::move(target), [this](Dialed dialed) { on_dialed(std::move(dialed)); });
}

void WebSocket::fail_soon(Failure problem) {
  loop_.post([this, alive = std::weak_ptr<bool>(alive_), problem = std::move(problem)]() mutable {
    if (alive.expired() || state_ == State::over) return;
    fail(std::move(problem));
    listener_.on_websocket_quiet();
  });
}

void WebSocket::fail(Failure problem) {
  state_ = State::over;
  drop_connection();
  failure_ = std::move(problem);
  listener_.on_websocket_failed();
}

void WebSocket::on_dialed(Dialed dialed) {
  dial_ = 0;
  if (dialed.failure) {
    fail(std::move(dialed.failure));
    return listener_.on_websocket_quiet();
  }
  stream_ = std::move(dialed.stream);
  stream_->set_listener(this);
  remote_ = stream_->remote();
  state_ = State::handshake;
  unsent_ = std::move(request_);
  // The answer may be there by the time that the stream became ours; readiness does not tell that again.
  on_stream_ready();
}

bool WebSocket::take_head(std::string_view bytes) {
  head_bytes_.append(bytes);
  Failure problem;
  std::size_t length = 0;
  switch (parse_response_head(head_bytes_.data(), head_bytes_.size(), false, head_, length, problem)) {
    case HeadState::incomplete:
      head_ = {};
      if (head_bytes_.size() > kMaxHeadBytes) {
        fail(wire::failure(error_code::kOther, fmt::format("net/http: server response headers exceeded {} bytes; aborted", kMaxHeadBytes)));
        return false;
      }
      return true;
    case HeadState::cut_off:
    case HeadState::malformed:
      head_ = {};
      fail(std::move(problem));
      return false;
    case HeadState::complete: break;
  }
  const std::string rest = head_bytes_.substr(length);
  head_bytes_.resize(length);  // shrinks in place: head_ looks into it
  judge_head(rest);
  return state_ != State::over;
}

Failure WebSocket::refused() const {
  return wire::failure(error_code::kOther, head_.status == 101
                                               ? "websocket: bad handshake: the answer has not the fields of an upgrade"
                                               : fmt::format("websocket: bad handshake: the server answered {}", head_.status_text));
}

/// Whether the server has agreed to speak WebSocket.
void WebSocket::judge_head(std::string_view rest) {
  const std::string_view fields = head_.fields;
  if (head_.status != 101 || !list_has_token(field_value(fields, "upgrade"), "websocket") ||
      !list_has_token(field_value(fields, "connection"), "upgrade") || field_value(fields, "sec-websocket-accept") != accept_) {
    state_ = State::refusal;
    const bool has_body =
        head_.status != 101 && head_.status != 204 && head_.status != 304 && (head_.is_chunked || head_.content_length != 0);
    if (!has_body) return fail(refused());
    take_refusal(rest);
    return;
  }
  if (const std::string_view extensions = field_value(fields, "sec-websocket-extensions");
      extensions.find("permessage-deflate") != std::string_view::npos) {
    if (!offers_deflate_ || extensions.find("server_no_context_takeover") == std::string_view::npos ||
        extensions.find("client_no_context_takeover") == std::string_view::npos) {
      return fail(wire::failure(error_code::kOther, "websocket: invalid compression negotiation"));
    }
    deflates_ = true;
    reader_.allow_deflate();
  }
  loop_.cancel(std::exchange(timer_, 0));
  state_ = State::open;
  listener_.on_websocket_open();
  if (state_ == State::open && !rest.empty()) take_frames(rest);
}

/// The body of an answer that is no upgrade, as far as anybody sees it.
bool WebSocket::take_refusal(std::string_view bytes) {
  bool whole = false;
  if (head_.is_chunked) {
    std::size_t used = 0;
    Failure ignored;
    whole = chunks_.feed(bytes, &body_, used, ignored) != ChunkedBody::State::more;
  } else {
    body_.append(bytes);
    whole = head_.content_length >= 0 && body_.size() >= static_cast<std::size_t>(head_.content_length);
    if (whole) body_.truncate(static_cast<std::size_t>(head_.content_length));
  }
  if (!whole && body_.size() < kMaxRefusalBytes) return true;
  body_.truncate(std::min(body_.size(), kMaxRefusalBytes));
  fail(refused());
  return false;
}

// Open

void WebSocket::on_stream_ready() {
  flush();
  auto& bytes = frame_bytes();
  bool goes_on = true;
  if (!is_paused_ && !unread_.empty()) {
    const std::string unread = std::exchange(unread_, {});
    goes_on = take_frames(unread);
  }
  while (goes_on && !is_paused_ && state_ != State::over) {
    const Stream::Result got = stream_->read(bytes.data(), bytes.size());
    if (got.status == Stream::Status::again) break;
    if (got.status == Stream::Status::ok) {
      const std::string_view view(bytes.data(), got.bytes);
      goes_on = (state_ == State::handshake ? take_head(view)
                 : state_ == State::refusal ? take_refusal(view)
                                            : take_frames(view)) &&
                got.more;
    } else if (state_ == State::open) {
      if (got.status == Stream::Status::closed)
        end({close_code::kAbnormal, "unexpected EOF", describe_websocket_close(close_code::kAbnormal, "unexpected EOF"), close_sent_});
      else end_broken(stream_->last_failure());
    } else if (state_ == State::refusal) {
      fail(refused());
    } else {
      fail(got.status == Stream::Status::closed ? wire::failure(error_code::kOther, "EOF") : stream_->last_failure());
    }
  }
  if (state_ != State::over) flush();  // answers to pings
  listener_.on_websocket_quiet();
}

bool WebSocket::take_frames(std::string_view bytes) {
  const std::string problem = reader_.feed(bytes, *this);
  if (state_ == State::over) return false;
  if (end_) {  // a close frame was read
    flush();
    if (state_ != State::over) end(*std::exchange(end_, std::nullopt));
    return false;
  }
  if (problem.empty()) {
    unread_ = bytes;
    return !is_paused_;
  }
  // Said to the server before leaving, as the protocol wants it.
  if (!close_sent_) close(reader_.is_too_large() ? close_code::kTooBig : close_code::kProtocolError, problem);
  if (state_ != State::over) end({std::nullopt, {}, fmt::format("websocket: {}", problem), true});
  return false;
}

bool WebSocket::on_websocket_frame(WebSocketOpcode opcode, std::string_view payload) {
  switch (opcode) {
    case WebSocketOpcode::text:
    case WebSocketOpcode::binary: listener_.on_websocket_message(opcode, payload); break;
    case WebSocketOpcode::ping:
      take_ping(payload);
      listener_.on_websocket_ping(payload);
      break;
    case WebSocketOpcode::pong: listener_.on_websocket_pong(payload); break;
    case WebSocketOpcode::close: take_close(payload); break;
    default: break;
  }
  return state_ == State::open && !end_ && !is_paused_;
}

/// The answer leaves with all that this read brings.
void WebSocket::take_ping(std::string_view payload) {
  if (close_sent_) return;
  if (unsent_.size() > kMaxUnsentBeforePong) unanswered_ping_ = payload;
  else append_websocket_frame(unsent_, WebSocketOpcode::pong, payload, next_mask());
}

void WebSocket::take_close(std::string_view payload) {
  const bool has_code = payload.size() >= 2;
  const int code = has_code ? static_cast<unsigned char>(payload[0]) << 8 | static_cast<unsigned char>(payload[1]) : close_code::kNoStatus;
  const std::string reason(has_code ? payload.substr(2) : std::string_view());
  const bool closed_by_us = close_sent_;
  if (!close_sent_) close(static_cast<std::uint16_t>(code), {});
  end_ = WebSocketEnd{code, reason, describe_websocket_close(code, reason), closed_by_us};
}

std::optional<std::string> WebSocket::send(WebSocketOpcode opcode, std::string_view payload) {
  if (close_sent_ || state_ != State::open) return "websocket: close sent";
  if (unsent_.size() > kMaxUnsentBytes)
    return fmt::format("websocket: the server does not take what is sent: more than {} bytes wait", kMaxUnsentBytes);
  const bool deflated = deflates_ && (opcode == WebSocketOpcode::text || opcode == WebSocketOpcode::binary);
  append_websocket_frame(unsent_, opcode, deflated ? deflate_message(payload) : payload, next_mask(), deflated);
  flush();
  return std::nullopt;
}

std::optional<std::string> WebSocket::close(std::uint16_t code, std::string_view reason) {
  if (close_sent_ || state_ != State::open) return "websocket: close sent";
  close_sent_ = true;
  // However much is unsent: the close must come, or the timeout below.
  append_websocket_frame(unsent_, WebSocketOpcode::close, close_payload(code, reason), next_mask());
  flush();
  timer_ = loop_.call_after(kCloseTimeout, [this] {
    timer_ = 0;
    end({close_code::kAbnormal, "the server did not answer the close frame",
         describe_websocket_close(close_code::kAbnormal, "the server did not answer the close frame"), true});
    listener_.on_websocket_quiet();
  });
  return std::nullopt;
}

void WebSocket::resume() {
  if (!is_paused_) return;
  is_paused_ = false;
  if (stream_) stream_->tell_again();
}

void WebSocket::flush() {
  if (unanswered_ping_ && !close_sent_ && unsent_.size() <= kMaxUnsentBeforePong) {
    append_websocket_frame(unsent_, WebSocketOpcode::pong, *std::exchange(unanswered_ping_, std::nullopt), next_mask());
  }
  if (unsent_.empty()) return;
  const Stream::Result sent = stream_->write(unsent_);
  if (sent.status == Stream::Status::failed || sent.status == Stream::Status::closed) {
    // What the server said before it went is still to be read, and its end tells more than our broken pipe.
    unsent_.clear();
    return;
  }
  unsent_.erase(0, sent.bytes);
}

void WebSocket::end_broken(const Failure& problem) { end({std::nullopt, {}, problem.cause, close_sent_}); }

void WebSocket::end(WebSocketEnd how) {
  state_ = State::over;
  drop_connection();
  listener_.on_websocket_end(how);
}

}  // namespace gauntlet::engine::wire
