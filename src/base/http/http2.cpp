#include "base/http/http2.hpp"

#include <fmt/format.h>
#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>
#include <utility>

#include "base/text.hpp"

namespace gauntlet::base::http {
namespace {

// Windows: a stream may send one full gRPC message without waiting for us, a connection many. What bounds memory is
// ListenerOptions::max_connection_bytes, since windows reopen as bytes are taken from the socket.
constexpr std::int32_t kStreamWindow = 1024 * 1024;
constexpr std::int32_t kConnectionWindow = 16 * 1024 * 1024;
constexpr std::size_t kMaxDiscardedBytes = 4 * 1024 * 1024;
constexpr std::size_t kHeaderOverhead = 32;          // RFC 9113, 6.5.2
constexpr std::size_t kKeptStreamBytes = 16 * 1024;  // of a pooled stream
constexpr std::size_t kKeptStreams = 1024;
constexpr std::size_t kStreamBytes = 2048;  // of an open stream that holds nothing: ours, nghttp2's and the exchange's
// nghttp2 counts the resets that it receives, and not those that it is made to send; we count both.
constexpr std::uint64_t kResetsThatNghttp2Takes = std::uint64_t{1} << 62;
constexpr std::chrono::milliseconds kResetPause{50};
constexpr std::chrono::milliseconds kDrainNotice{500};  // for the answer to our PING
constexpr std::array<std::uint8_t, 8> kDrainPing{'d', 'r', 'a', 'i', 'n', 'i', 'n', 'g'};

std::uint8_t* bytes_of(std::string_view text) { return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data())); }

nghttp2_nv name_value(const Stream::Field& field) {
  const auto flags = field.is_static ? NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE : NGHTTP2_NV_FLAG_NONE;
  return {bytes_of(field.name), bytes_of(field.value), field.name.size(), field.value.size(), static_cast<std::uint8_t>(flags)};
}

std::string_view text_of(const std::uint8_t* bytes, std::size_t size) { return {reinterpret_cast<const char*>(bytes), size}; }

}  // namespace

// ---- Stream

EventLoop& Stream::loop() const { return connection_->core_.loop; }
TimerWheel& Stream::wheel() const { return connection_->core_.wheel; }

void Stream::send_headers(std::span<const Field> fields, bool ends) { connection_->submit(*this, fields, ends); }

void Stream::output_ready() {
  connection_->account(*this);
  if (!deferred_) return;
  deferred_ = false;
  moved_ = loop().now();
  connection_->connection_.check_by(moved_ + connection_->core_.options.write_timeout);
  nghttp2_session_resume_data(connection_->session_, id_);
  connection_->connection_.write_soon();
}

void Stream::send_trailers(std::span<const Field> trailers) {
  assert(trailers.size() <= trailers_.size());
  for (const Field& field : trailers) {
    Trailer& trailer = trailers_[trailer_count_++];
    trailer.name = field.name;
    trailer.value = field.value;
  }
  answer_complete_ = true;
  output_ready();
}

void Stream::release_input(std::size_t bytes) { connection_->forget_input(*this, bytes); }

void Stream::clear() {
  connection_ = nullptr;
  receiver_ = nullptr;
  exchange_.reset();
  serving_ = nullptr;
  head_.clear();
  head_bytes_ = input_bytes_ = discarded_bytes_ = held_bytes_ = 0;
  if (output_.capacity() > kKeptStreamBytes) free_memory(output_);
  output_.clear();
  output_sent_ = 0;
  body_.release();
  body_piece_ = body_offset_ = body_left_ = 0;
  trailer_count_ = 0;
  head_too_large_ = input_complete_ = discard_input_ = answer_started_ = answer_complete_ = deferred_ = open_ended_ = ready_ = reset_ =
      false;
}

// ---- nghttp2's callbacks

struct Http2::Callbacks {
  static Http2& self(void* user_data) { return *static_cast<Http2*>(user_data); }
  static Stream* stream_of(nghttp2_session* session, std::int32_t id) {
    return static_cast<Stream*>(nghttp2_session_get_stream_user_data(session, id));
  }

  static int on_begin_headers(nghttp2_session* session, const nghttp2_frame* frame, void* user_data) {
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
    Stream& stream = self(user_data).open_stream(frame->hd.stream_id);
    nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, &stream);
    return 0;
  }

  static int on_header(nghttp2_session* session, const nghttp2_frame* frame, const std::uint8_t* name_bytes, std::size_t name_size,
                       const std::uint8_t* value_bytes, std::size_t value_size, std::uint8_t, void* user_data) {
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;  // trailers
    Stream* stream = stream_of(session, frame->hd.stream_id);
    if (stream == nullptr || stream->head_too_large_) return 0;
    stream->head_bytes_ += name_size + value_size + kHeaderOverhead;
    if (stream->head_bytes_ > self(user_data).core_.options.max_header_bytes) {
      stream->head_too_large_ = true;
      return 0;
    }
    const std::string_view name = text_of(name_bytes, name_size);
    const std::string_view value = text_of(value_bytes, value_size);
    if (name.front() != ':') {
      stream->head_.add_header(name, value);
      if (name == "host" && stream->head_.authority().empty()) stream->head_.set_authority(value);
    } else if (name == ":path") {
      stream->head_.set_target(value);
    } else if (name == ":method") {
      stream->head_.set_method(value);
    } else if (name == ":authority") {
      stream->head_.set_authority(value);
    }
    return 0;
  }

  static int on_frame_recv(nghttp2_session* session, const nghttp2_frame* frame, void* user_data) {
    Http2& connection = self(user_data);
    const bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
      if (Stream* stream = stream_of(session, frame->hd.stream_id)) connection.on_request_head(*stream, ends);
    } else if ((frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS) && ends) {
      if (Stream* stream = stream_of(session, frame->hd.stream_id)) connection.on_request_end(*stream);
    } else if (frame->hd.type == NGHTTP2_RST_STREAM) {
      connection.count_reset();
    } else if (frame->hd.type == NGHTTP2_PING && (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0 && connection.draining_) {
      connection.finish_draining();
    }
    return 0;
  }

  /// A frame for which nghttp2 will reset the stream.
  static int on_invalid_frame(nghttp2_session* session, const nghttp2_frame* frame, int, void* user_data) {
    if (Stream* stream = stream_of(session, frame->hd.stream_id)) self(user_data).withdraw(*stream);
    return 0;
  }

  static int on_frame_sent(nghttp2_session*, const nghttp2_frame* frame, void* user_data) {
    if (frame->hd.type == NGHTTP2_RST_STREAM && frame->rst_stream.error_code != NGHTTP2_NO_ERROR) self(user_data).count_reset();
    return 0;
  }

  static int on_data_chunk(nghttp2_session* session, std::uint8_t, std::int32_t id, const std::uint8_t* data, std::size_t size,
                           void* user_data) {
    if (Stream* stream = stream_of(session, id)) self(user_data).on_request_data(*stream, text_of(data, size));
    return 0;
  }

  static int on_stream_close(nghttp2_session* session, std::int32_t id, std::uint32_t, void* user_data) {
    if (Stream* stream = stream_of(session, id)) {
      nghttp2_session_set_stream_user_data(session, id, nullptr);
      self(user_data).close_stream(*stream);
    }
    return 0;
  }

  static ssize_t on_read_data(nghttp2_session* session, std::int32_t id, std::uint8_t*, std::size_t limit, std::uint32_t* flags,
                              nghttp2_data_source* source, void*) {
    Stream& stream = *static_cast<Stream*>(source->ptr);
    const std::size_t available = stream.pending_output() + stream.body_left_;
    if (stream.reset_ || (available == 0 && !stream.answer_complete_)) {
      stream.deferred_ = true;
      return NGHTTP2_ERR_DEFERRED;
    }
    const std::size_t size = std::min(available, limit);
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (size == available && stream.answer_complete_) {
      *flags |= NGHTTP2_DATA_FLAG_EOF;
      if (stream.trailer_count_ > 0) {
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        std::array<nghttp2_nv, 2> trailers;
        for (std::size_t i = 0; i < stream.trailer_count_; ++i) {
          const Stream::Trailer& trailer = stream.trailers_[i];
          trailers[i] = name_value({trailer.name, trailer.value, false});
          trailers[i].flags |= NGHTTP2_NV_FLAG_NO_COPY_NAME;
        }
        if (nghttp2_submit_trailer(session, id, trailers.data(), stream.trailer_count_) != 0)
          return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;  // resets the stream
      }
    }
    return static_cast<ssize_t>(size);
  }

  static int on_send_data(nghttp2_session*, nghttp2_frame* frame, const std::uint8_t* frame_head, std::size_t size,
                          nghttp2_data_source* source, void* user_data) {
    Stream& stream = *static_cast<Stream*>(source->ptr);
    assert(frame->data.padlen == 0);  // no padding is ever asked for
    char* to = self(user_data).connection_.output().append_space(9 + size);
    std::memcpy(to, frame_head, 9);
    to += 9;
    const std::size_t from_output = std::min(size, stream.pending_output());
    std::memcpy(to, stream.output_.data() + stream.output_sent_, from_output);
    to += from_output;
    stream.output_sent_ += from_output;
    if (stream.output_sent_ == stream.output_.size()) {
      stream.output_.clear();
      stream.output_sent_ = 0;
    }
    for (std::size_t left = size - from_output; left > 0;) {
      const std::string_view piece = stream.body_.piece(stream.body_piece_).substr(stream.body_offset_, left);
      std::memcpy(to, piece.data(), piece.size());
      to += piece.size();
      left -= piece.size();
      stream.body_left_ -= piece.size();
      stream.body_offset_ += piece.size();
      if (stream.body_offset_ == stream.body_.piece(stream.body_piece_).size()) {
        ++stream.body_piece_;
        stream.body_offset_ = 0;
      }
    }
    stream.moved_ = stream.loop().now();
    if (from_output > 0 && stream.receiver_ != nullptr) stream.receiver_->on_output_taken();
    return 0;
  }

  /// An answer's head or trailers that nghttp2 will not send (it carries 64 KiB): without a reset the client would wait
  /// for them without end.
  static int on_frame_not_sent(nghttp2_session* session, const nghttp2_frame* frame, int, void* user_data) {
    if (frame->hd.type != NGHTTP2_HEADERS) return 0;
    if (Stream* stream = stream_of(session, frame->hd.stream_id)) self(user_data).reset(*stream, NGHTTP2_INTERNAL_ERROR);
    return 0;
  }

  static nghttp2_session_callbacks* all() {
    static nghttp2_session_callbacks* const callbacks = [] {
      nghttp2_session_callbacks* made = nullptr;
      nghttp2_session_callbacks_new(&made);
      nghttp2_session_callbacks_set_on_begin_headers_callback(made, on_begin_headers);
      nghttp2_session_callbacks_set_on_header_callback(made, on_header);
      nghttp2_session_callbacks_set_on_frame_recv_callback(made, on_frame_recv);
      nghttp2_session_callbacks_set_on_data_chunk_recv_callback(made, on_data_chunk);
      nghttp2_session_callbacks_set_on_stream_close_callback(made, on_stream_close);
      nghttp2_session_callbacks_set_send_data_callback(made, on_send_data);
      nghttp2_session_callbacks_set_on_frame_not_send_callback(made, on_frame_not_sent);
      nghttp2_session_callbacks_set_on_frame_send_callback(made, on_frame_sent);
      nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(made, on_invalid_frame);
      return made;
    }();
    return callbacks;
  }

  static nghttp2_option* options() {
    static nghttp2_option* const option = [] {
      nghttp2_option* made = nullptr;
      nghttp2_option_new(&made);
      nghttp2_option_set_no_closed_streams(made, 1);  // kept only for priorities, which nobody sends
      nghttp2_option_set_stream_reset_rate_limit(made, kResetsThatNghttp2Takes, 1);
      return made;
    }();
    return option;
  }
};

// ---- Http2

Http2::Http2(http::Connection& connection)
    : connection_(connection), core_(connection.core()), resets_at_(core_.loop.now()), since_(core_.loop.now()) {
  nghttp2_session_server_new2(&session_, Callbacks::all(), this, Callbacks::options());
  const std::array<nghttp2_settings_entry, 4> settings{{
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, core_.options.max_concurrent_streams},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kStreamWindow},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<std::uint32_t>(core_.options.max_header_bytes)},
      {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
  }};
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, kConnectionWindow);
  connection_.write_soon();
  if (core_.draining) drain();
}

Http2::~Http2() { nghttp2_session_del(session_); }

void Http2::on_bytes(std::string_view bytes) {
  const ssize_t read = nghttp2_session_mem_recv(session_, bytes_of(bytes), bytes.size());
  connection_.write_soon();
  if (read < 0) {
    nghttp2_session_terminate_session(session_, NGHTTP2_PROTOCOL_ERROR);  // no-op where nghttp2 has said so itself
    connection_.close_after_output();
    return;
  }
  if (!connection_.closing()) hand_on_ready();
  if (incomplete_ > 0 || streams_.empty()) connection_.check_by(deadline());
}

void Http2::on_end_of_input() { connection_.close_after_output(); }

void Http2::produce() {
  // Here, at the round's end, no handler is at work on what is reset.
  if (held_bytes_ > core_.options.max_connection_bytes) make_room();
  while (!connection_.output_is_full()) {
    const std::uint8_t* data = nullptr;
    const ssize_t size = nghttp2_session_mem_send(session_, &data);
    if (size < 0) {
      connection_.close_now();
      return;
    }
    if (size == 0) break;
    connection_.output().append(text_of(data, static_cast<std::size_t>(size)));
  }
  if (!connection_.closing() && !nghttp2_session_want_read(session_) && !nghttp2_session_want_write(session_)) {
    connection_.close_after_output();
  }
}

void Http2::on_gone() {
  while (!streams_.empty()) close_stream(*streams_.back());
}

void Http2::drain() {
  if (draining_) return;
  draining_ = true;
  // As grpc does: announce, and refuse new streams only once the client has certainly seen the announcement.
  nghttp2_submit_shutdown_notice(session_);
  nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, kDrainPing.data());
  since_ = core_.loop.now();
  connection_.write_soon();
  connection_.check_by(since_ + kDrainNotice);
}

void Http2::finish_draining() {
  if (drain_finished_) return;
  drain_finished_ = true;
  nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(session_), NGHTTP2_NO_ERROR, nullptr, 0);
  for (const auto& stream : streams_)
    if (stream->receiver_ != nullptr) stream->receiver_->on_draining();
  connection_.write_soon();
}

bool Http2::waits_for_client(const Stream& stream) { return stream.answer_started_ && stream.pending_output() + stream.body_left_ > 0; }

EventLoop::Clock::time_point Http2::deadline_of(const Stream& stream) const {
  auto due = EventLoop::Clock::time_point::max();
  if (stream.reset_) return due;
  if (!stream.input_complete_ && !stream.open_ended_) due = stream.since_ + core_.options.header_timeout;
  if (waits_for_client(stream)) due = std::min(due, stream.moved_ + core_.options.write_timeout);
  return due;
}

EventLoop::Clock::time_point Http2::deadline() const {
  if (draining_ && !drain_finished_) return since_ + kDrainNotice;
  if (streams_.empty()) return since_ + core_.options.http2_idle_timeout;
  auto due = EventLoop::Clock::time_point::max();
  for (const auto& stream : streams_) due = std::min(due, deadline_of(*stream));
  return due;
}

void Http2::on_timeout() {
  if (draining_ && !drain_finished_) {
    finish_draining();
    return;
  }
  if (streams_.empty()) {
    nghttp2_session_terminate_session(session_, NGHTTP2_NO_ERROR);
    connection_.close_after_output();
    return;
  }
  const auto now = core_.loop.now();
  for (const auto& stream : streams_) {
    if (deadline_of(*stream) > now) continue;
    if (waits_for_client(*stream)) ListenerCore::count(core_.refusals.streams_that_stall);
    reset(*stream, NGHTTP2_CANCEL);
  }
}

void Http2::account(Stream& stream) {
  const std::size_t held = kStreamBytes + stream.head_bytes_ + stream.input_bytes_ + stream.body_.memory() + stream.output_.capacity();
  held_bytes_ += held - stream.held_bytes_;
  stream.held_bytes_ = held;
}

void Http2::make_room() {
  while (held_bytes_ > core_.options.max_connection_bytes) {
    Stream* stalest = nullptr;
    for (const auto& stream : streams_) {
      const bool holds_something = stream->held_bytes_ > kStreamBytes + stream->head_bytes_ + kKeptStreamBytes;
      if (holds_something && !stream->reset_ && (stalest == nullptr || stream->moved_ < stalest->moved_)) stalest = stream.get();
    }
    if (stalest == nullptr) return;  // what is left is little, of max_concurrent_streams at most
    ListenerCore::count(core_.refusals.streams_for_memory);
    reset(*stalest, NGHTTP2_ENHANCE_YOUR_CALM);
  }
}

void Http2::count_reset() {
  const auto now = core_.loop.now();
  const double rate = core_.options.max_resets_per_second;
  const double allowed = std::chrono::duration<double>(now - resets_at_).count() * rate;
  resets_ahead_ = std::max(0.0, resets_ahead_ - allowed) + 1;
  resets_at_ = now;
  if (resets_ahead_ > 4 * rate) {
    if (connection_.closing()) return;
    ListenerCore::count(core_.refusals.connections_for_resets);
    nghttp2_session_terminate_session(session_, NGHTTP2_ENHANCE_YOUR_CALM);
    connection_.close_after_output();
  } else if (resets_ahead_ > 2 * rate) {
    connection_.pause_input(kResetPause);
  }
}

void Http2::make_ready(Stream& stream) {
  stream.ready_ = true;
  stream.ready_index_ = ready_.size();
  ready_.push_back(&stream);
}

void Http2::withdraw(Stream& stream) {
  if (std::exchange(stream.ready_, false)) ready_[stream.ready_index_] = nullptr;
}

void Http2::hand_on_ready() {
  for (std::size_t i = 0; i < ready_.size(); ++i) {
    if (ready_[i] == nullptr) continue;
    Stream& stream = *ready_[i];
    withdraw(stream);
    if (stream.receiver_ != nullptr) {
      stream.receiver_->on_end();
    } else if (stream.exchange_) {
      core_.router.dispatch(serve(stream));
    }
  }
  ready_.clear();
}

Stream& Http2::open_stream(std::int32_t id) {
  std::unique_ptr<Stream> stream;
  if (core_.spare_streams.empty()) {
    stream = std::make_unique<Stream>();
  } else {
    stream = std::move(core_.spare_streams.back());
    core_.spare_streams.pop_back();
  }
  stream->connection_ = this;
  stream->id_ = id;
  stream->since_ = stream->moved_ = core_.loop.now();
  stream->index_ = streams_.size();
  stream->head_.set_http2(true);
  stream->head_.set_from_loopback(connection_.from_loopback());
  streams_.push_back(std::move(stream));
  account(*streams_.back());
  ++incomplete_;
  ++core_.counts.in_flight;
  return *streams_.back();
}

void Http2::close_stream(Stream& stream) {
  if (stream.receiver_ != nullptr) std::exchange(stream.receiver_, nullptr)->on_closed();
  if (stream.serving_ != nullptr) ExchangePool::disconnect(*std::exchange(stream.serving_, nullptr));
  withdraw(stream);
  if (!stream.input_complete_) --incomplete_;
  held_bytes_ -= stream.held_bytes_;
  --core_.counts.in_flight;
  // The last takes its place.
  const std::size_t index = stream.index_;
  std::unique_ptr<Stream> closed = std::move(streams_[index]);
  if (index + 1 < streams_.size()) {
    streams_[index] = std::move(streams_.back());
    streams_[index]->index_ = index;
  }
  streams_.pop_back();
  if (streams_.empty()) {
    since_ = core_.loop.now();
    if (!connection_.closing()) connection_.check_by(deadline());
  }
  if (core_.spare_streams.size() < kKeptStreams) {
    closed->clear();
    core_.spare_streams.push_back(std::move(closed));
  }
}

void Http2::forget_input(Stream& stream, std::size_t bytes) {
  stream.input_bytes_ -= std::min(bytes, stream.input_bytes_);
  account(stream);
}

void Http2::on_request_head(Stream& stream, bool end_of_stream) {
  if (end_of_stream) {
    stream.input_complete_ = true;
    --incomplete_;
  }
  account(stream);
  if (stream.head_too_large_) {
    refuse(stream, 431, ErrorKind::resource_exhausted, "the request's headers are larger than this server takes");
    return;
  }
  if (core_.streams != nullptr && core_.streams->wants(stream.head_)) {
    stream.receiver_ = core_.streams->begin(stream);
    if (end_of_stream && stream.receiver_ != nullptr) make_ready(stream);
    return;
  }
  start_exchange(stream);
  if (end_of_stream) {
    make_ready(stream);
  } else if (const auto expect = stream.exchange_->request().header("expect")) {
    const Stream::Field proceed{":status", "100"};
    const nghttp2_nv field = name_value(proceed);
    nghttp2_submit_headers(session_, NGHTTP2_FLAG_NONE, stream.id_, nullptr, &field, 1, nullptr);
  }
}

void Http2::start_exchange(Stream& stream) {
  stream.exchange_ = core_.exchanges->take();
  std::swap(ExchangePool::request(*stream.exchange_), stream.head_);
}

ExchangePtr Http2::serve(Stream& stream) {
  ExchangePtr exchange = std::move(stream.exchange_);
  stream.serving_ = exchange.get();
  ExchangePool::connect(*exchange, *this, stream.id_);
  return exchange;
}

void Http2::on_request_data(Stream& stream, std::string_view bytes) {
  if (stream.discard_input_) {
    // A client told by our answer stops by itself; one that goes on is stopped. At once would be right too (RFC 9113,
    // 8.1), but curl 7.88 then throws the answer away.
    stream.discarded_bytes_ += bytes.size();
    if (stream.discarded_bytes_ > kMaxDiscardedBytes && stream.answer_started_) reset(stream, NGHTTP2_NO_ERROR);
    return;
  }
  stream.input_bytes_ += bytes.size();
  stream.moved_ = core_.loop.now();
  account(stream);
  if (stream.receiver_ != nullptr) {
    stream.receiver_->on_data(bytes);
    return;
  }
  if (!stream.exchange_) return;
  std::string& body = ExchangePool::request(*stream.exchange_).mutable_body();
  if (body.size() + bytes.size() > core_.options.max_body_bytes) {
    refuse(stream, 413, ErrorKind::resource_exhausted, "the request's body is larger than this server takes");
    return;
  }
  body.append(bytes);
}

void Http2::on_request_end(Stream& stream) {
  if (stream.input_complete_) return;
  stream.input_complete_ = true;
  --incomplete_;
  make_ready(stream);
}

void Http2::refuse(Stream& stream, int status, ErrorKind code, std::string_view reason) {
  stream.discard_input_ = true;
  if (!stream.exchange_) start_exchange(stream);
  serve(stream)->respond(error_response(status, code, reason));
}

void Http2::cut(Exchange& exchange) {
  auto* stream = static_cast<Stream*>(nghttp2_session_get_stream_user_data(session_, ExchangePool::stream(exchange)));
  assert(stream != nullptr);  // close_stream() disconnects
  reset(*stream, NGHTTP2_INTERNAL_ERROR);
}

void Http2::send(Exchange& exchange, Response&& response) {
  auto* stream = static_cast<Stream*>(nghttp2_session_get_stream_user_data(session_, ExchangePool::stream(exchange)));
  assert(stream != nullptr);  // close_stream() disconnects
  const bool bodiless = exchange.request().method() == "HEAD" || response.status == 204 || response.status == 304;
  const auto status = fmt::format_int(response.status);
  const auto length = fmt::format_int(response.body.size());
  std::vector<Stream::Field> fields;
  fields.reserve(6 + response.headers.size());
  fields.push_back({":status", {status.data(), status.size()}, false});
  if (!response.content_type.empty()) fields.push_back({"content-type", response.content_type});
  if (response.status != 204 && response.status != 304) {
    fields.push_back({"content-length", {length.data(), length.size()}, false});
  }
  fields.push_back({"date", core_.date(), false});
  fields.push_back({"x-request-id", exchange.trace().request_id(), false});
  if (exchange.trace().has_parent()) fields.push_back({"traceparent", exchange.trace().traceparent(), false});
  for (const auto& [name, value] : response.headers) {
    if (is_one_line(name) && is_one_line(value)) fields.push_back({name, value, false});
  }
  if (!bodiless) {
    stream->body_ = std::move(response.body);
    stream->body_left_ = stream->body_.size();
  }
  stream->answer_complete_ = true;
  stream->serving_ = nullptr;
  submit(*stream, fields, stream->body_left_ == 0);
  account(*stream);
}

void Http2::submit(Stream& stream, std::span<const Stream::Field> fields, bool ends) {
  if (stream.answer_started_ || stream.reset_) return;
  stream.answer_started_ = true;
  stream.moved_ = core_.loop.now();
  constexpr std::size_t kUsual = 16;
  std::array<nghttp2_nv, kUsual> few;
  std::vector<nghttp2_nv> many;
  nghttp2_nv* values = few.data();
  if (fields.size() > kUsual) {
    many.resize(fields.size());
    values = many.data();
  }
  for (std::size_t i = 0; i < fields.size(); ++i) values[i] = name_value(fields[i]);
  nghttp2_data_provider provider{};
  provider.source.ptr = &stream;
  provider.read_callback = Callbacks::on_read_data;
  if (nghttp2_submit_response(session_, stream.id_, values, fields.size(), ends ? nullptr : &provider) != 0)
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream.id_, NGHTTP2_INTERNAL_ERROR);
  connection_.write_soon();
  connection_.check_by(core_.loop.now() + core_.options.write_timeout);
}

void Http2::reset(Stream& stream, std::uint32_t code) {
  if (stream.reset_) return;
  stream.reset_ = true;
  stream.discard_input_ = true;
  withdraw(stream);
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream.id_, code);
  connection_.write_soon();
  // The frame may wait long for its turn; what the stream holds, and who works for it, shall not.
  if (stream.receiver_ != nullptr) std::exchange(stream.receiver_, nullptr)->on_closed();
  if (stream.serving_ != nullptr) ExchangePool::disconnect(*std::exchange(stream.serving_, nullptr));
  stream.body_.release();
  stream.body_left_ = 0;
  free_memory(stream.output_);
  stream.output_sent_ = 0;
  stream.exchange_.reset();
  stream.input_bytes_ = 0;
  account(stream);
}

}  // namespace gauntlet::base::http
