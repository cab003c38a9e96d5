#include "engine/wire/http/http1_carrier.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace gauntlet::engine::wire {

namespace {

constexpr std::size_t kScratchBytes = 64 * 1024;
/// A body of known length up to this is given its memory at once; beyond it memory follows the bytes that arrive.
constexpr std::size_t kTrustedLength = 4 * 1024 * 1024;
constexpr std::size_t kBodyGrowth = 64 * 1024;
/// After a large body the next one is expected to be large, too: take the head in a small read, so that most of the
/// body goes straight to its place.
constexpr std::size_t kLargeBody = 32 * 1024;
constexpr std::size_t kHeadRead = 4 * 1024;
constexpr int kMaxInformational = 5;  // Go's bound on 1xx responses before the real one

/// Where bytes land whose place is not known yet; one a thread, since nothing stays in it between rounds.
std::array<char, kScratchBytes>& scratch() {
  thread_local std::array<char, kScratchBytes> bytes;
  return bytes;
}

/// Whether an empty line ends at or after `from`.
bool has_empty_line(std::string_view bytes, std::size_t from) {
  for (auto end = bytes.find('\n', from); end != std::string_view::npos; end = bytes.find('\n', end + 1)) {
    if (end >= 1 && bytes[end - 1] == '\n') return true;
    if (end >= 2 && bytes[end - 1] == '\r' && bytes[end - 2] == '\n') return true;
  }
  return false;
}

Failure broken_transport(Failure problem) {
  problem.cause = "net/http: HTTP/1.x transport connection broken: " + problem.cause;
  return problem;
}

}  // namespace

Http1Carrier::Http1Carrier(base::EventLoop& loop, const HttpLimits& limits, HttpOrigin& origin, std::unique_ptr<Stream> stream,
                           Owner& owner)
    : loop_(loop), limits_(limits), origin_(origin), owner_(owner), stream_(std::move(stream)) {
  stream_->set_listener(this);
}

void Http1Carrier::begin(HttpExchange& exchange) {
  exchange_ = &exchange;
  exchange.connection_ = this;
  exchange.has_remote = true;
  exchange.remote = stream_->remote();
  exchange.tls = stream_->tls();
  state_ = State::head;
  written_ = part_ = part_begin_ = 0;
  is_written_ = false;
  write_failed_ = false;
  is_paused_ = false;
  informational_ = 0;
  pending_head_.clear();
  chunks_.reset();
  write_more();
  // What failed to be written is reported when the peer's end of the stream is read: from the loop, as promised.
  if (write_failed_) {
    alive_ = std::make_shared<bool>(true);
    loop_.post([this, alive = std::weak_ptr<bool>(alive_), serial = serial_] {
      if (!alive.expired() && serial == serial_) receive();
    });
  }
}

void Http1Carrier::on_stream_ready() {
  if (exchange_ == nullptr) return check_idle();
  if (!is_written_ && !write_failed_) write_more();
  receive();
}

void Http1Carrier::resume() {
  if (!std::exchange(is_paused_, false)) return;
  stream_->tell_again();
}

void Http1Carrier::check_idle() {
  char byte;
  if (stream_->read(&byte, 1).status != Stream::Status::again) owner_.on_idle_ended(*this);
}

Stream::Result Http1Carrier::write_parts() {
  constexpr std::size_t kMostParts = 16;
  const auto part = [&](std::size_t number) -> std::string_view {
    if (number == 0) return exchange_->request_head;
    return number == 1 ? std::string_view(exchange_->request_body) : exchange_->more_body[number - 2];
  };
  const std::size_t parts = 2 + exchange_->more_body.size();
  for (;;) {
    // Past the parts that have gone out whole.
    for (; part_ < parts && written_ - part_begin_ >= part(part_).size(); ++part_) part_begin_ += part(part_).size();
    std::array<iovec, kMostParts> next;
    std::size_t count = 0;
    std::size_t done = written_ - part_begin_;
    for (std::size_t number = part_; number < parts && count < next.size(); ++number, done = 0) {
      const std::string_view text = part(number).substr(done);
      if (!text.empty()) next[count++] = {const_cast<char*>(text.data()), text.size()};
    }
    if (count == 0) return {.status = Stream::Status::ok};
    const Stream::Result sent = stream_->write(std::span(next.data(), count));
    written_ += sent.bytes;
    if (sent.status != Stream::Status::ok) return sent;
  }
}

void Http1Carrier::write_more() {
  const Stream::Result sent = write_parts();
  if (sent.status == Stream::Status::ok) {
    is_written_ = true;
    exchange_->written_ = HttpExchange::Clock::now();
  } else if (sent.status != Stream::Status::again) {
    write_failed_ = true;
    write_failure_ = sent.status == Stream::Status::failed ? stream_->last_failure() : failure(error_code::kOther, "EOF");
  }
}

void Http1Carrier::receive() {
  while (!is_paused_) {
    HttpExchange& exchange = *exchange_;
    Buffer& body = exchange.body;
    char* into = scratch().data();
    std::size_t room = kScratchBytes;
    bool is_direct = false;
    if (state_ == State::head && expects_large_body_) room = kHeadRead;
    if (!exchange.discards_body && !exchange.is_streamed && (state_ == State::known_length || state_ == State::until_close)) {
      // One byte more than the body has tells a peer that sends too much, and makes a short read of a full body.
      room = state_ == State::known_length ? static_cast<std::size_t>(std::min<std::uint64_t>(left_, kBodyGrowth * 16)) + 1 : kBodyGrowth;
      if (body.capacity() - body.size() >= room) into = body.tail(room);
      else into = body.tail(std::min(room, std::max(kBodyGrowth, body.size())));
      room = std::min(room, body.capacity() - body.size());
      is_direct = true;
    }
    const Stream::Result got = stream_->read(into, room);
    switch (got.status) {
      case Stream::Status::ok: break;
      case Stream::Status::again:
        if (write_failed_) return fail(write_failure_);
        return;
      case Stream::Status::closed: return on_closed();
      case Stream::Status::failed:
        // A TLS alert says more than the broken pipe that it left behind.
        return fail(write_failed_ && stream_->last_failure().code != error_code::kNetwork ? write_failure_ : stream_->last_failure());
    }
    if (exchange.first_byte_ == HttpExchange::Clock::time_point{}) exchange.first_byte_ = HttpExchange::Clock::now();
    const bool goes_on = is_direct ? take_direct(got.bytes) : take(into, got.bytes);
    if (!goes_on) return;
    if (exchange.is_streamed) {
      is_paused_ = exchange.body.size() >= HttpLimits::kStreamedBytes;
      // What is left unread is told of again by resume().
      exchange.listener->on_exchange_body(exchange);
    }
    if (!got.more) return;
  }
}

bool Http1Carrier::take_direct(std::size_t bytes) {
  HttpExchange& exchange = *exchange_;
  if (state_ == State::until_close) {
    exchange.body.grew(bytes);
    exchange.body_bytes += bytes;
    return check_body_limit();
  }
  const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes));
  exchange.body.grew(wanted);
  exchange.body_bytes += wanted;
  left_ -= wanted;
  if (left_ > 0) return true;
  complete(wanted == bytes);
  return false;
}

bool Http1Carrier::take(char* bytes, std::size_t size) {
  if (state_ == State::head) {
    if (!pending_head_.empty()) {
      const std::size_t looked_at = pending_head_.size();
      pending_head_.append(bytes, size);
      // Parsed again only once its end is there: a head that drips in costs no more than one that does not.
      if (pending_head_.size() <= limits_.max_head_bytes && !has_empty_line(pending_head_, looked_at)) return true;
      std::string whole = std::move(pending_head_);
      pending_head_.clear();
      return take_head(whole.data(), whole.size());
    }
    return take_head(bytes, size);
  }
  return take_body({bytes, size});
}

bool Http1Carrier::take_head(char* bytes, std::size_t size) {
  HttpExchange& exchange = *exchange_;
  for (;;) {
    Failure problem;
    std::size_t length = 0;
    switch (parse_response_head(bytes, size, false, exchange.head, length, problem)) {
      case HeadState::incomplete:
        exchange.head = {};
        if (size > limits_.max_head_bytes) {
          fail(broken_transport(failure(
              error_code::kOther, fmt::format("net/http: server response headers exceeded {} bytes; aborted", limits_.max_head_bytes))));
          return false;
        }
        pending_head_.assign(bytes, size);
        return true;
      case HeadState::cut_off:
      case HeadState::malformed:
        exchange.head = {};
        fail(broken_transport(std::move(problem)));
        return false;
      case HeadState::complete: break;
    }
    if (exchange.head.status / 100 != 1 || exchange.head.status == 101) {
      exchange.response_head.assign(bytes, length);
      exchange.head.rebase(bytes, exchange.response_head.data());
      return begin_body({bytes + length, size - length});
    }
    if (++informational_ > kMaxInformational) {
      exchange.head = {};
      fail(failure(error_code::kOther, "net/http: too many 1xx informational responses"));
      return false;
    }
    bytes += length;
    size -= length;
    if (size == 0) {
      exchange.head = {};
      return true;
    }
  }
}

bool Http1Carrier::begin_body(std::string_view rest) {
  HttpExchange& exchange = *exchange_;
  const ResponseHead& head = exchange.head;
  const bool has_none = exchange.is_head || head.status == 204 || head.status == 304 || head.status == 101;
  if (has_none || (!head.is_chunked && head.content_length == 0)) {
    expects_large_body_ = false;
    complete(rest.empty() && head.status != 101);
    return false;
  }
  exchange.is_streamed = exchange.may_stream && exchange.listener->on_exchange_head(exchange);
  if (exchange.is_streamed) exchange.deadline = HttpExchange::Clock::time_point::max();
  if (head.is_chunked) {
    state_ = State::chunked;
  } else if (head.content_length > 0) {
    state_ = State::known_length;
    left_ = static_cast<std::uint64_t>(head.content_length);
    expects_large_body_ = left_ > kLargeBody;
    if (left_ > body_limit()) return fail_too_large();
    if (!exchange.discards_body && !exchange.is_streamed)
      exchange.body.reserve(static_cast<std::size_t>(std::min<std::uint64_t>(left_, kTrustedLength)) + 1);
  } else {
    state_ = State::until_close;
  }
  return rest.empty() || take_body(rest);
}

bool Http1Carrier::take_body(std::string_view bytes) {
  HttpExchange& exchange = *exchange_;
  Buffer* const into = exchange.discards_body ? nullptr : &exchange.body;
  if (state_ == State::chunked) {
    std::size_t used = 0;
    Failure problem;
    const auto state = chunks_.feed(bytes, into, used, problem);
    exchange.body_bytes = chunks_.total();
    if (state == ChunkedBody::State::malformed) {
      fail(std::move(problem));
      return false;
    }
    if (!check_body_limit()) return false;
    if (state == ChunkedBody::State::more) return true;
    expects_large_body_ = false;
    complete(used == bytes.size());
    return false;
  }
  std::size_t wanted = bytes.size();
  if (state_ == State::known_length) wanted = static_cast<std::size_t>(std::min<std::uint64_t>(left_, wanted));
  if (into != nullptr) into->append(bytes.substr(0, wanted));
  exchange.body_bytes += wanted;
  if (state_ == State::until_close) return check_body_limit();
  left_ -= wanted;
  if (left_ > 0) return true;
  complete(wanted == bytes.size());
  return false;
}

std::size_t Http1Carrier::body_limit() const { return limits_.body_limit(*exchange_); }
bool Http1Carrier::check_body_limit() { return exchange_->body_bytes <= body_limit() || fail_too_large(); }
bool Http1Carrier::fail_too_large() {
  fail(failure(error_code::kOther, fmt::format("response body exceeded {} bytes; aborted", body_limit())));
  return false;
}

void Http1Carrier::on_closed() {
  HttpExchange& exchange = *exchange_;
  if (state_ == State::until_close) return complete(false);
  if (state_ != State::head) return fail(failure(error_code::kOther, "unexpected EOF"));
  if (pending_head_.empty()) return fail(write_failed_ ? write_failure_ : failure(error_code::kOther, "EOF"));
  Failure problem;
  std::size_t length = 0;
  const HeadState state = parse_response_head(pending_head_.data(), pending_head_.size(), true, exchange.head, length, problem);
  exchange.head = {};
  fail(state == HeadState::cut_off ? std::move(problem) : broken_transport(std::move(problem)));
}

void Http1Carrier::complete(bool is_clean) {
  HttpExchange& exchange = *exchange_;
  const bool is_kept = is_clean && is_written_ && exchange.head.keeps_alive && !exchange.wants_close && !stream_->hung_up() &&
                       (!stream_->has_pending() || is_silent());
  detach();
  ++served_;
  owner_.on_answered(*this, exchange, is_kept);
}

bool Http1Carrier::is_silent() {
  char byte;
  return stream_->read(&byte, 1).status == Stream::Status::again;
}

void Http1Carrier::fail(Failure problem) {
  HttpExchange& exchange = *exchange_;
  const bool is_untouched = exchange.first_byte_ == HttpExchange::Clock::time_point{};
  const bool may_retry = served_ > 0 && is_untouched && (exchange.is_replayable || written_ == 0);
  if (!may_retry) {
    exchange.failure = std::move(problem);
    exchange.failed_in_body = state_ != State::head;
  }
  detach();
  owner_.on_unanswered(*this, exchange, may_retry);
}

void Http1Carrier::detach() {
  exchange_->connection_ = nullptr;
  exchange_ = nullptr;
  state_ = State::idle;
  ++serial_;
}

}  // namespace gauntlet::engine::wire
