#include "engine/wire/http/http2_session.hpp"

#include <fmt/format.h>
#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>
#include <vector>

#include "base/event_loop.hpp"

namespace gauntlet::engine::wire {
namespace {

constexpr std::size_t kReadBytes = 64 * 1024;
constexpr std::size_t kWriteBytes = 64 * 1024;
constexpr std::size_t kMaxHeaders = 256;

/// Shared by all sessions of a thread: each uses them only within one call that does not nest.
std::array<char, kReadBytes>& read_buffer() {
  thread_local std::array<char, kReadBytes> buffer;
  return buffer;
}
std::array<char, kWriteBytes>& write_buffer() {
  thread_local std::array<char, kWriteBytes> buffer;
  return buffer;
}

std::string_view view(const std::uint8_t* bytes, std::size_t length) { return {reinterpret_cast<const char*>(bytes), length}; }

std::uint8_t* bytes_of(std::string_view text) { return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data())); }

bool looks_like_http1(std::string_view bytes) { return bytes.starts_with("HTTP/1."); }

}  // namespace

std::string http2_error_name(std::uint32_t code) {
  const char* const name = nghttp2_http2_strerror(code);
  return std::strcmp(name, "unknown") == 0 ? fmt::format("unknown error code {}", code) : name;
}

/// nghttp2's callbacks; all run inside nghttp2_session_mem_recv() or _mem_send().
struct Http2Callbacks {
  static Http2Session& session_of(void* user_data) { return *static_cast<Http2Session*>(user_data); }

  static int on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_length,
                       const std::uint8_t* value, std::size_t value_length, std::uint8_t, void* user_data) {
    if (auto* exchange = session_of(user_data).find(frame->hd.stream_id)) {
      constexpr std::size_t kFieldOverhead = 32;  // as RFC 9113 counts
      exchange->header_bytes_ += name_length + value_length + kFieldOverhead;
      if (exchange->header_bytes_ > Http2Session::kMaxHeaderListBytes) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;  // resets the stream
      exchange->on_header(view(name, name_length), view(value, value_length));
    }
    return 0;
  }

  static bool is_last(const nghttp2_frame* frame) { return (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0; }

  static int on_frame_recv(nghttp2_session*, const nghttp2_frame* frame, void* user_data) {
    Http2Session& session = session_of(user_data);
    switch (frame->hd.type) {
      case NGHTTP2_HEADERS:
        if (auto* exchange = session.find(frame->hd.stream_id)) {
          exchange->header_bytes_ = 0;
          exchange->on_headers_end(is_last(frame));
          if (is_last(frame)) session.stop_sending(frame->hd.stream_id);
        }
        break;
      case NGHTTP2_DATA:
        if (is_last(frame)) session.stop_sending(frame->hd.stream_id);
        break;
      case NGHTTP2_RST_STREAM:
        if (auto* exchange = session.find(frame->hd.stream_id)) exchange->reset_by_server_ = true;
        break;
      case NGHTTP2_SETTINGS:
        if ((frame->hd.flags & NGHTTP2_FLAG_ACK) == 0) session.ready_ = true;
        break;
      case NGHTTP2_GOAWAY:
        if (session.state_ == Http2Session::State::open) session.state_ = Http2Session::State::draining;
        session.goaway_ = Http2GoAway{frame->goaway.last_stream_id, frame->goaway.error_code,
                                      std::string(view(frame->goaway.opaque_data, frame->goaway.opaque_data_len))};
        break;
      default: break;
    }
    return 0;
  }

  static int on_data(nghttp2_session*, std::uint8_t, std::int32_t stream_id, const std::uint8_t* data, std::size_t length,
                     void* user_data) {
    Http2Session& session = session_of(user_data);
    std::size_t taken = length;
    if (auto* exchange = session.find(stream_id)) taken = exchange->on_data(view(data, length));
    // One exchange that takes its time does not hold up the connection's others.
    nghttp2_session_consume_connection(session.session_, length);
    nghttp2_session_consume_stream(session.session_, stream_id, taken);
    return 0;
  }

  static int on_stream_close(nghttp2_session*, std::int32_t stream_id, std::uint32_t error_code, void* user_data) {
    Http2Session& session = session_of(user_data);
    if (auto* exchange = session.find(stream_id)) session.finish(*exchange, error_code);
    return 0;
  }

  /// A request that could not be sent after all: the connection is closing, or its stream ids are used up.
  static int on_frame_not_send(nghttp2_session*, const nghttp2_frame* frame, int, void* user_data) {
    if (frame->hd.type != NGHTTP2_HEADERS) return 0;
    Http2Session& session = session_of(user_data);
    if (session.state_ == Http2Session::State::open) session.state_ = Http2Session::State::draining;
    if (auto* exchange = session.find(frame->hd.stream_id)) session.finish(*exchange, NGHTTP2_REFUSED_STREAM);
    return 0;
  }

  static ssize_t read_body(nghttp2_session*, std::int32_t, std::uint8_t* into, std::size_t capacity, std::uint32_t* flags,
                           nghttp2_data_source* source, void*) {
    auto& exchange = *static_cast<Http2Exchange*>(source->ptr);
    std::size_t length = std::min(capacity, exchange.body_.size() - exchange.body_sent_);
    std::memcpy(into, exchange.body_.data() + exchange.body_sent_, length);
    exchange.body_sent_ += length;
    if (exchange.body_sent_ == exchange.body_.size()) {
      exchange.body_.clear();
      exchange.body_sent_ = 0;
      while (exchange.body_complete_ && !exchange.piece_.empty() && length < capacity) {
        const std::size_t more = std::min(capacity - length, exchange.piece_.size());
        std::memcpy(into + length, exchange.piece_.data(), more);
        length += more;
        exchange.piece_.remove_prefix(more);
        if (exchange.piece_.empty()) exchange.piece_ = exchange.next_piece();
      }
      if (exchange.body_complete_ && exchange.piece_.empty()) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
      } else if (length == 0 && !exchange.body_complete_) {
        exchange.body_deferred_ = true;
        return NGHTTP2_ERR_DEFERRED;
      }
    }
    return static_cast<ssize_t>(length);
  }

  static const nghttp2_session_callbacks* table() {
    static const nghttp2_session_callbacks* const callbacks = [] {
      nghttp2_session_callbacks* made = nullptr;
      nghttp2_session_callbacks_new(&made);
      nghttp2_session_callbacks_set_on_header_callback(made, &on_header);
      nghttp2_session_callbacks_set_on_frame_recv_callback(made, &on_frame_recv);
      nghttp2_session_callbacks_set_on_data_chunk_recv_callback(made, &on_data);
      nghttp2_session_callbacks_set_on_stream_close_callback(made, &on_stream_close);
      nghttp2_session_callbacks_set_on_frame_not_send_callback(made, &on_frame_not_send);
      return made;
    }();
    return callbacks;
  }

  static const nghttp2_option* options() {
    static const nghttp2_option* const options = [] {
      nghttp2_option* made = nullptr;
      nghttp2_option_new(&made);
      nghttp2_option_set_no_closed_streams(made, 1);
      nghttp2_option_set_no_auto_window_update(made, 1);  // windows open as exchanges take what has come
      // Until the server's settings say how many it allows; requests beyond wait inside nghttp2.
      nghttp2_option_set_peer_max_concurrent_streams(made, 100);
      return made;
    }();
    return options;
  }
};

Http2Exchange::~Http2Exchange() {
  if (session_ != nullptr) session_->cancel(*this);
}

Http2Session::Pointer Http2Session::create(std::unique_ptr<Stream> stream, Owner& owner) {
  Pointer session(new Http2Session(std::move(stream), owner));
  session->greet();
  return session;
}

Http2Session::Http2Session(std::unique_ptr<Stream> stream, Owner& owner)
    : stream_(std::move(stream)), owner_(&owner), self_(std::make_shared<Http2Session*>(this)) {
  stream_->set_listener(this);
  [[maybe_unused]] const int made = nghttp2_session_client_new2(&session_, Http2Callbacks::table(), this, Http2Callbacks::options());
  assert(made == 0);
}

Http2Session::~Http2Session() {
  *self_ = nullptr;
  nghttp2_session_del(session_);
}

void Http2Session::dispose() {
  owner_ = nullptr;
  disposed_ = true;
  while (active_.first != nullptr) release(*active_.first);
  while (finished_.first != nullptr) release(*finished_.first);
  if (!busy_) delete this;
}

void Http2Session::greet() {
  const nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kStreamWindowBytes},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, kMaxHeaderListBytes},
  };
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings, std::size(settings));
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, kConnectionWindowBytes);
  // The server's settings may have come before the stream was ours; readiness does not tell that again. Not from
  // inside create(), whose caller does not hold the session yet.
  flush_at_round_end();
  stream_->loop().at_end_of_round([self = self_] {
    if (*self != nullptr) (*self)->on_stream_ready();
  });
}

void Http2Session::List::append(Http2Exchange& exchange) {
  exchange.previous_ = last;
  exchange.next_ = nullptr;
  (last != nullptr ? last->next_ : first) = &exchange;
  last = &exchange;
}

void Http2Session::List::remove(Http2Exchange& exchange) {
  (exchange.previous_ != nullptr ? exchange.previous_->next_ : first) = exchange.next_;
  (exchange.next_ != nullptr ? exchange.next_->previous_ : last) = exchange.previous_;
}

void Http2Session::release(Http2Exchange& exchange) {
  (exchange.finished_ ? finished_ : active_).remove(exchange);
  if (recent_ == &exchange) recent_ = nullptr;
  // Unknown to nghttp2 when it is closed; otherwise it must not name an exchange that may be gone.
  nghttp2_session_set_stream_user_data(session_, exchange.stream_id_, nullptr);
  exchange.session_ = nullptr;
  exchange.finished_ = false;
  exchange.body_.clear();
  --count_;
}

/// The server's last word was said while there is more to send: nobody will read that, and most servers say so themselves.
void Http2Session::stop_sending(std::int32_t stream_id) {
  const Http2Exchange* const exchange = find(stream_id);
  if (exchange == nullptr || (exchange->body_complete_ && exchange->body_.empty() && exchange->piece_.empty())) return;
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream_id, NGHTTP2_NO_ERROR);
}

Http2Exchange* Http2Session::find(std::int32_t stream_id) {
  if (recent_ != nullptr && recent_->stream_id_ == stream_id) return recent_;
  auto* found = static_cast<Http2Exchange*>(nghttp2_session_get_stream_user_data(session_, stream_id));
  if (found == nullptr) {
    // Never opened, or closing: nghttp2 does not know it (any more), we still may.
    for (found = active_.first; found != nullptr && found->stream_id_ != stream_id;) found = found->next_;
  }
  if (found != nullptr && !found->finished_) return recent_ = found;
  return nullptr;
}

void Http2Session::finish(Http2Exchange& exchange, std::uint32_t error_code) {
  assert(!exchange.finished_);
  active_.remove(exchange);
  finished_.append(exchange);
  exchange.finished_ = true;
  exchange.error_code_ = error_code;
  recent_ = nullptr;
}

void Http2Session::start(Http2Exchange& exchange, std::span<const Http2Header> headers, std::string_view body, bool complete) {
  assert(is_open() && !exchange.is_active());
  std::array<nghttp2_nv, kMaxHeaders> few;
  std::vector<nghttp2_nv> many;
  nghttp2_nv* list = few.data();
  if (headers.size() > few.size()) {
    many.resize(headers.size());
    list = many.data();
  }
  for (std::size_t i = 0; i < headers.size(); ++i) {
    const Http2Header& header = headers[i];
    // nghttp2 copies neither when told so; it has used them up when mem_send() has packed the frame. That may be later
    // than this call when the server allows no more streams, so names and values are copied unless they leave now.
    list[i] = {bytes_of(header.name), bytes_of(header.value), header.name.size(), header.value.size(),
               static_cast<std::uint8_t>(header.often_repeated ? NGHTTP2_NV_FLAG_NONE : NGHTTP2_NV_FLAG_NO_INDEX)};
  }
  exchange.body_.assign(body);
  exchange.body_sent_ = 0;
  exchange.piece_ = complete ? exchange.next_piece() : std::string_view();
  exchange.header_bytes_ = 0;
  exchange.error_code_ = 0;
  exchange.body_complete_ = complete;
  exchange.body_deferred_ = false;
  exchange.reset_by_server_ = false;
  exchange.finished_ = false;
  nghttp2_data_provider provider{};
  provider.source.ptr = &exchange;
  provider.read_callback = &Http2Callbacks::read_body;
  const bool no_body = complete && body.empty() && exchange.piece_.empty();
  const std::int32_t id = nghttp2_submit_request(session_, nullptr, list, headers.size(), no_body ? nullptr : &provider, &exchange);
  exchange.session_ = this;
  active_.append(exchange);
  ++count_;
  exchange.stream_id_ = id;
  if (id < 0) {
    // Stream ids are used up (after a billion requests) or memory is; a new connection is needed.
    state_ = State::draining;
    finish(exchange, NGHTTP2_REFUSED_STREAM);
  }
  if (complete) {
    flush();
  } else {
    flush_at_round_end();
  }
}

void Http2Session::write(Http2Exchange& exchange, std::string_view bytes, bool complete) {
  if (exchange.session_ != this || exchange.finished_ || exchange.body_complete_) return;
  exchange.body_.append(bytes);
  exchange.body_complete_ = complete;
  if (exchange.body_deferred_) {
    exchange.body_deferred_ = false;
    nghttp2_session_resume_data(session_, exchange.stream_id_);
  }
  flush_at_round_end();
}

void Http2Session::take(Http2Exchange& exchange, std::size_t bytes) {
  if (exchange.session_ != this || exchange.finished_ || state_ == State::closed) return;
  nghttp2_session_consume_stream(session_, exchange.stream_id_, bytes);
  flush_at_round_end();
}

void Http2Session::cancel(Http2Exchange& exchange) {
  if (exchange.session_ != this) return;
  const bool finished = exchange.finished_;
  release(exchange);
  if (finished || state_ == State::closed) return;
  // The data source must not be asked any more: reset the stream now, in nghttp2's books, before the exchange goes.
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, exchange.stream_id_, NGHTTP2_CANCEL);
  flush();
}

void Http2Session::reset(Http2Exchange& exchange) {
  if (exchange.session_ != this || exchange.finished_ || state_ == State::closed) return;
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, exchange.stream_id_, NGHTTP2_CANCEL);
  flush();
}

void Http2Session::flush_at_round_end() {
  if (flush_due_) return;
  flush_due_ = true;
  stream_->loop().at_end_of_round([self = self_] {
    if (*self == nullptr) return;
    (*self)->flush_due_ = false;
    (*self)->flush();
  });
}

void Http2Session::flush() {
  // Inside callbacks the end of reading flushes.
  if (busy_ || state_ == State::closed) return;
  busy_ = true;
  const bool sent = send_pending();
  busy_ = false;
  // Who called start() or cancel() is not called back from inside it.
  if (!sent || finished_.first != nullptr || (state_ != State::open && count_ == 0)) {
    stream_->loop().post([self = self_] {
      if (*self != nullptr) (*self)->settle();
    });
  }
}

/// False when the connection broke.
bool Http2Session::send_pending() {
  if (state_ == State::closed) return false;
  if (!unsent_.empty()) {
    const Stream::Result written = stream_->write(unsent_);
    unsent_.erase(0, written.bytes);
    if (written.status == Stream::Status::failed || written.status == Stream::Status::closed) {
      lose(stream_->last_failure());
      return false;
    }
    if (!unsent_.empty()) return true;
    std::string().swap(unsent_);
  }
  auto& buffer = write_buffer();
  bool more = true;
  while (more) {
    std::size_t filled = 0;
    std::string overflow;
    while (filled < buffer.size()) {
      const std::uint8_t* bytes = nullptr;
      const ssize_t length = nghttp2_session_mem_send(session_, &bytes);
      if (length <= 0) {
        if (length < 0) {
          lose(failure(error_code::kHttp2Connection, nghttp2_strerror(static_cast<int>(length))));
          return false;
        }
        more = false;
        break;
      }
      const auto size = static_cast<std::size_t>(length);
      const std::size_t fits = std::min(size, buffer.size() - filled);
      std::memcpy(buffer.data() + filled, bytes, fits);
      filled += fits;
      if (fits < size) overflow.assign(reinterpret_cast<const char*>(bytes) + fits, size - fits);
    }
    if (filled == 0) break;
    const iovec parts[] = {{buffer.data(), filled}, {overflow.data(), overflow.size()}};
    const Stream::Result written = stream_->write(std::span(parts, overflow.empty() ? 1 : 2));
    if (written.status == Stream::Status::failed || written.status == Stream::Status::closed) {
      lose(stream_->last_failure());
      return false;
    }
    if (written.bytes < filled + overflow.size()) {
      if (written.bytes < filled) unsent_.assign(buffer.data() + written.bytes, filled - written.bytes);
      const std::size_t over_sent = written.bytes > filled ? written.bytes - filled : 0;
      unsent_.append(overflow, over_sent);
      return true;  // readiness goes on from here
    }
  }
  return true;
}

void Http2Session::on_stream_ready() {
  if (busy_ || state_ == State::closed) return;
  busy_ = true;
  read();
  // What has finished is told before the answers to it are sent: a virtual user's next request then leaves in the same
  // write as our acknowledgements.
  settle();
}

void Http2Session::read() {
  auto& buffer = read_buffer();
  for (bool more = true; more && state_ != State::closed;) {
    const Stream::Result got = stream_->read(buffer.data(), buffer.size());
    more = got.more;
    switch (got.status) {
      case Stream::Status::again: return;
      case Stream::Status::closed: return lose(failure(error_code::kOther, "EOF"));
      case Stream::Status::failed: return lose(stream_->last_failure());
      case Stream::Status::ok: break;
    }
    const std::string_view bytes(buffer.data(), got.bytes);
    if (!ready_ && looks_like_http1(bytes)) {
      return lose(failure(error_code::kHttp2Connection,
                          "http2: failed reading the frame payload: http2: frame too large, note that the frame header "
                          "looked like an HTTP/1.1 header"));
    }
    const ssize_t used = nghttp2_session_mem_recv(session_, bytes_of(bytes), bytes.size());
    if (disposed_) return;
    if (used < 0) return lose(failure(error_code::kHttp2Connection, nghttp2_strerror(static_cast<int>(used))));
    if (nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0) {
      return lose(failure(error_code::kHttp2Connection, "http2: connection closed"));
    }
  }
}

std::string Http2Session::goaway() const {
  if (!goaway_) return {};
  std::string text = fmt::format("received prior goaway: code: {}", http2_error_name(goaway_->error_code));
  if (!goaway_->debug.empty()) text += fmt::format(", debug data: {}", go_quote(goaway_->debug));
  return text;
}

void Http2Session::lose(Failure failure) {
  if (state_ == State::closed) return;
  state_ = State::closed;
  failure_ = std::move(failure);
  stream_->set_listener(nullptr);
}

Http2End Http2Session::end_of(const Http2Exchange& exchange) const {
  Http2End end;
  end.error_code = exchange.error_code_;
  end.by_server = exchange.reset_by_server_;
  if (end.error_code == NGHTTP2_REFUSED_STREAM) {
    end.cause = Http2End::Cause::refused;
  } else if (state_ == State::closed && end.error_code != NGHTTP2_NO_ERROR && !end.by_server) {
    end.cause = Http2End::Cause::connection_lost;
  } else if (end.error_code != NGHTTP2_NO_ERROR) {
    end.cause = Http2End::Cause::reset;
  }
  return end;
}

void Http2Session::settle() {
  busy_ = true;
  while (!disposed_) {
    if (state_ == State::closed) {
      while (active_.first != nullptr) finish(*active_.first, NGHTTP2_INTERNAL_ERROR);
    }
    if (ready_ && !ready_told_) {
      ready_told_ = true;
      owner_->on_http2_ready();
    }
    while (Http2Exchange* const exchange = finished_.first) {
      const Http2End end = end_of(*exchange);
      release(*exchange);
      exchange->on_finished(*this, end);
    }
    if (disposed_ || state_ == State::closed) break;
    send_pending();  // may close streams, or lose the connection
    if (finished_.first == nullptr && state_ != State::closed) break;
  }
  busy_ = false;
  if (disposed_) {
    delete this;
    return;
  }
  if (state_ != State::open && count_ == 0 && !closed_told_) {
    closed_told_ = true;
    owner_->on_http2_closed();
  }
}

}  // namespace gauntlet::engine::wire
