#include "engine/net/http_client.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>

#include "engine/net/chunked_body.hpp"

namespace gauntlet::engine::net {

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
constexpr std::size_t kMaxOrigins = 1024;
/// How often a server may refuse one exchange over HTTP/2.
constexpr int kMaxRefusals = 5;

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

struct HttpOrigin {
  bool tls;
  std::string host;
  std::uint16_t port;
  std::vector<HttpClient::Connection*> idle;  // the most recently used last
  std::size_t users = 0;                      // connections and exchanges that point here
  const ProxyServer* proxy = nullptr;
  Http2Carrier* carrier = nullptr;            // the one that takes new exchanges
  bool is_http2 = false;                      // as its last connection was
  bool is_dialing = false;                    // an HTTP/2 connection that all may share is under way
  std::vector<HttpExchange*> waiting;         // for that
};

/// One connection, with at most one exchange on it.
class HttpClient::Connection final : private Stream::Listener {
 public:
  Connection(HttpClient& client, HttpOrigin& origin, std::unique_ptr<Stream> stream)
      : client_(client), origin_(origin), stream_(std::move(stream)) {
    stream_->set_listener(this);
    ++origin_.users;
  }
  ~Connection() override { --origin_.users; }

  HttpOrigin& origin() { return origin_; }
  Stream& stream() { return *stream_; }

  void begin(HttpExchange& exchange) {
    exchange_ = &exchange;
    exchange.connection_ = this;
    exchange.has_remote = true;
    exchange.remote = stream_->remote();
    exchange.tls = stream_->tls();
    state_ = State::head;
    written_ = 0;
    is_written_ = false;
    write_failed_ = false;
    informational_ = 0;
    pending_head_.clear();
    chunks_.reset();
    write_more();
    // What failed to be written is reported when the peer's end of the stream is read: from the loop, as promised.
    if (write_failed_) {
      alive_ = std::make_shared<bool>(true);
      client_.loop_.post([this, alive = std::weak_ptr<bool>(alive_), serial = serial_] {
        if (!alive.expired() && serial == serial_) receive();
      });
    }
  }

  std::size_t index = 0;          // in HttpClient::connections_
  std::uint64_t idle_since = 0;   // by HttpClient::idle_clock_

 private:
  enum class State : std::uint8_t { idle, head, known_length, chunked, until_close };

  void on_stream_ready() override {
    if (exchange_ == nullptr) return check_idle();
    if (!is_written_ && !write_failed_) write_more();
    receive();
  }

  /// Anything but silence on an idle connection ends it: the peer closed, or speaks out of turn.
  void check_idle() {
    char byte;
    if (stream_->read(&byte, 1).status != Stream::Status::again) client_.destroy(*this);
  }

  void write_more() {
    const std::string& head = exchange_->request_head;
    const std::string_view body = exchange_->request_body;
    std::array<iovec, 2> parts;
    std::size_t count = 0;
    if (written_ < head.size()) {
      parts[count++] = {const_cast<char*>(head.data()) + written_, head.size() - written_};
    }
    const std::size_t body_done = written_ > head.size() ? written_ - head.size() : 0;
    if (body_done < body.size()) {
      parts[count++] = {const_cast<char*>(body.data()) + body_done, body.size() - body_done};
    }
    const Stream::Result sent = stream_->write(std::span(parts.data(), count));
    written_ += sent.bytes;
    if (sent.status == Stream::Status::ok) {
      is_written_ = true;
      exchange_->written_ = HttpExchange::Clock::now();
    } else if (sent.status != Stream::Status::again) {
      write_failed_ = true;
      write_failure_ = sent.status == Stream::Status::failed ? stream_->last_failure() : failure(error_code::kOther, "EOF");
    }
  }

  void receive() {
    for (;;) {
      HttpExchange& exchange = *exchange_;
      Buffer& body = exchange.body;
      char* into = scratch().data();
      std::size_t room = kScratchBytes;
      bool is_direct = false;
      if (state_ == State::head && expects_large_body_) room = kHeadRead;
      if (!exchange.discards_body && (state_ == State::known_length || state_ == State::until_close)) {
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
      if (!goes_on || !got.more) return;
    }
  }

  /// Body bytes that already are in their place.
  bool take_direct(std::size_t bytes) {
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

  /// Bytes in the scratch. False when the exchange is over; then `this` may be gone.
  bool take(char* bytes, std::size_t size) {
    if (state_ == State::head) {
      if (!pending_head_.empty()) {
        const std::size_t looked_at = pending_head_.size();
        pending_head_.append(bytes, size);
        // Parsed again only once its end is there: a head that drips in costs no more than one that does not.
        if (pending_head_.size() <= client_.limits_.max_head_bytes && !has_empty_line(pending_head_, looked_at)) return true;
        std::string whole = std::move(pending_head_);
        pending_head_.clear();
        return take_head(whole.data(), whole.size());
      }
      return take_head(bytes, size);
    }
    return take_body({bytes, size});
  }

  bool take_head(char* bytes, std::size_t size) {
    HttpExchange& exchange = *exchange_;
    for (;;) {
      Failure problem;
      std::size_t length = 0;
      switch (parse_response_head(bytes, size, false, exchange.head, length, problem)) {
        case HeadState::incomplete:
          exchange.head = {};
          if (size > client_.limits_.max_head_bytes) {
            fail(broken_transport(failure(error_code::kOther, fmt::format("net/http: server response headers exceeded {} bytes; aborted",
                                                                          client_.limits_.max_head_bytes))));
            return false;
          }
          pending_head_.assign(bytes, size);
          return true;
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

  bool begin_body(std::string_view rest) {
    HttpExchange& exchange = *exchange_;
    const ResponseHead& head = exchange.head;
    const bool has_none = exchange.is_head || head.status == 204 || head.status == 304 || head.status == 101;
    if (has_none || (!head.is_chunked && head.content_length == 0)) {
      expects_large_body_ = false;
      complete(rest.empty() && head.status != 101);
      return false;
    }
    if (head.is_chunked) {
      state_ = State::chunked;
    } else if (head.content_length > 0) {
      state_ = State::known_length;
      left_ = static_cast<std::uint64_t>(head.content_length);
      expects_large_body_ = left_ > kLargeBody;
      if (left_ > client_.limits_.max_body_bytes) return fail_too_large();
      if (!exchange.discards_body) exchange.body.reserve(static_cast<std::size_t>(std::min<std::uint64_t>(left_, kTrustedLength)) + 1);
    } else {
      state_ = State::until_close;
    }
    return rest.empty() || take_body(rest);
  }

  bool take_body(std::string_view bytes) {
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

  bool check_body_limit() { return exchange_->body_bytes <= client_.limits_.max_body_bytes || fail_too_large(); }
  bool fail_too_large() {
    fail(failure(error_code::kOther, fmt::format("response body exceeded {} bytes; aborted", client_.limits_.max_body_bytes)));
    return false;
  }

  void on_closed() {
    HttpExchange& exchange = *exchange_;
    if (state_ == State::until_close) return complete(false);
    if (state_ != State::head) return fail(failure(error_code::kOther, "unexpected EOF"));
    if (pending_head_.empty()) return fail(write_failed_ ? write_failure_ : failure(error_code::kOther, "EOF"));
    Failure problem;
    std::size_t length = 0;
    parse_response_head(pending_head_.data(), pending_head_.size(), true, exchange.head, length, problem);
    exchange.head = {};
    fail(problem.message == "unexpected EOF" ? std::move(problem) : broken_transport(std::move(problem)));
  }

  /// The response is whole. `is_clean`: nothing came after it.
  void complete(bool is_clean) {
    HttpExchange& exchange = *exchange_;
    const bool is_kept = is_clean && is_written_ && exchange.head.keeps_alive && !exchange.wants_close && !stream_->hung_up() &&
                         (!stream_->has_pending() || is_silent());
    HttpClient& client = client_;
    detach();
    ++served_;
    if (is_kept) client.release(*this);
    else client.destroy(*this);
    client.finish(exchange);
  }

  /// TLS has records left that are no data (session tickets), or they are data: out of turn.
  bool is_silent() {
    char byte;
    return stream_->read(&byte, 1).status == Stream::Status::again;
  }

  void fail(Failure problem) {
    HttpExchange& exchange = *exchange_;
    HttpClient& client = client_;
    const bool is_untouched = exchange.first_byte_ == HttpExchange::Clock::time_point{};
    const bool may_retry = served_ > 0 && is_untouched && (exchange.is_replayable || written_ == 0);
    const bool was_in_body = state_ != State::head;
    detach();
    client.destroy(*this);
    if (may_retry) return client.retry(exchange);
    exchange.failure = std::move(problem);
    exchange.failed_in_body = was_in_body;
    client.finish(exchange);
  }

  void detach() {
    exchange_->connection_ = nullptr;
    exchange_ = nullptr;
    state_ = State::idle;
    ++serial_;
  }

  HttpClient& client_;
  HttpOrigin& origin_;
  std::unique_ptr<Stream> stream_;
  HttpExchange* exchange_ = nullptr;
  State state_ = State::idle;
  bool is_written_ = false;
  bool write_failed_ = false;
  bool expects_large_body_ = false;
  int informational_ = 0;
  std::uint32_t served_ = 0;
  std::uint32_t serial_ = 0;  // tells one exchange on this connection from the next
  std::size_t written_ = 0;
  std::uint64_t left_ = 0;
  ChunkedBody chunks_;
  std::string pending_head_;  // a head that came in several pieces
  std::shared_ptr<bool> alive_;  // watched by what was posted
  Failure write_failure_;
};

HttpClient::HttpClient(base::EventLoop& loop, Dialer& dialer, const HttpLimits& limits) : loop_(loop), dialer_(dialer), limits_(limits) {}

HttpClient::~HttpClient() {
  while (!in_flight_.empty()) cancel(*in_flight_.back());
  carriers_.clear();
  connections_.clear();
  loop_.cancel(timer_);
}

HttpOrigin* HttpClient::origin(bool tls, std::string_view host, std::uint16_t port) {
  const auto is_it = [&](const HttpOrigin& o) { return o.port == port && o.tls == tls && o.host == host; };
  if (last_origin_ != nullptr && is_it(*last_origin_)) return last_origin_;
  for (const auto& candidate : origins_) {
    if (is_it(*candidate)) return last_origin_ = candidate.get();
  }
  if (origins_.size() >= kMaxOrigins) prune_origins();
  origins_.push_back(std::make_unique<HttpOrigin>(HttpOrigin{tls, std::string(host), port, {}, 0, dialer_.proxy_for(tls, host, port), nullptr, limits_.version == HttpVersion::http2, false, {}}));
  return last_origin_ = origins_.back().get();
}

const ProxyServer* HttpClient::plain_proxy(const HttpOrigin& origin) { return origin.tls ? nullptr : origin.proxy; }

/// A script that makes up host names must not grow memory.
void HttpClient::prune_origins() {
  close_idle();
  for (const HttpExchange* exchange : in_flight_) ++exchange->origin->users;
  std::erase_if(origins_, [](const auto& each) { return each->users == 0; });
  for (const HttpExchange* exchange : in_flight_) --exchange->origin->users;
  last_origin_ = nullptr;
}

void HttpClient::send(HttpExchange& exchange) {
  exchange.failure = {};
  exchange.failed_in_body = false;
  exchange.head = {};
  exchange.response_head.clear();
  exchange.body.clear();
  exchange.body_bytes = 0;
  exchange.timings = {};
  exchange.has_remote = false;
  exchange.tls.reset();
  exchange.refusals_ = 0;
  exchange.started_ = HttpExchange::Clock::now();
  exchange.index_ = in_flight_.size();
  in_flight_.push_back(&exchange);
  arm(exchange.deadline);
  assign(exchange);
}

void HttpClient::assign(HttpExchange& exchange) {
  HttpOrigin& origin = *exchange.origin;
  if (origin.carrier != nullptr && origin.carrier->is_open()) {
    Http2Carrier& carrier = *origin.carrier;
    if (exchange.wants_close) origin.carrier = nullptr;  // it is the connection's last
    return start_on_carrier(carrier, exchange);
  }
  if (origin.is_http2 && !exchange.wants_close) {
    if (origin.is_dialing) {
      exchange.waits_ = true;
      return origin.waiting.push_back(&exchange);
    }
    origin.is_dialing = true;
  }
  if (origin.idle.empty()) return dial(exchange);
  Connection& connection = *origin.idle.back();
  origin.idle.pop_back();
  --idle_;
  start_on(connection, exchange);
}

void HttpClient::start_on(Connection& connection, HttpExchange& exchange) {
  if (exchange.sending_since_ == HttpExchange::Clock::time_point{}) exchange.sending_since_ = exchange.started_;
  connection.begin(exchange);
}

void HttpClient::dial(HttpExchange& exchange) {
  HttpOrigin& origin = *exchange.origin;
  DialTarget target;
  target.host = origin.host;
  target.port = origin.port;
  target.tls = origin.tls;
  if (origin.tls) {
    switch (limits_.version) {
      case HttpVersion::negotiated: target.protocols = {"h2", "http/1.1"}; break;
      case HttpVersion::http1: target.protocols = {"http/1.1"}; break;
      case HttpVersion::http2: target.protocols = {"h2"}; break;
    }
  }
  target.proxy = origin.proxy;
  target.tunnels = origin.tls;
  exchange.dial_ = dialer_.dial(std::move(target), [this, &exchange](Dialed dialed) { on_dialed(exchange, std::move(dialed)); });
}

void HttpClient::on_dialed(HttpExchange& exchange, Dialed dialed) {
  HttpOrigin& origin = *exchange.origin;
  exchange.dial_ = 0;
  exchange.timings.connecting = dialed.connecting;
  exchange.timings.tls_handshaking = dialed.tls_handshaking;
  const bool speaks_http2 = dialed.stream && (origin.tls ? dialed.stream->tls()->protocol == "h2" : limits_.version == HttpVersion::http2);
  if (!dialed.failure && limits_.version == HttpVersion::http2 && !speaks_http2) {
    dialed.failure = failure(error_code::kHttp2, "the server does not speak HTTP/2, which option httpVersion asks for");
  }
  const bool others_wait = origin.is_dialing && !exchange.wants_close;
  if (dialed.failure) {
    if (others_wait) end_wait(origin, dialed.failure);
    exchange.failure = std::move(dialed.failure);
    return finish(exchange);
  }
  exchange.sending_since_ = HttpExchange::Clock::now();
  exchange.timings.blocked = exchange.sending_since_ - exchange.started_;
  origin.is_http2 = speaks_http2;
  if (speaks_http2) {
    carry(exchange, std::move(dialed.stream));
    if (others_wait) end_wait(origin, {});
    return;
  }
  connections_.push_back(std::make_unique<Connection>(*this, origin, std::move(dialed.stream)));
  Connection& connection = *connections_.back();
  connection.index = connections_.size() - 1;
  start_on(connection, exchange);
  if (others_wait) end_wait(origin, {});
}

// HTTP/2

void HttpClient::carry(HttpExchange& exchange, std::unique_ptr<Stream> stream) {
  HttpOrigin& origin = *exchange.origin;
  // Several may have dialled before it was known that one connection does for all; the first one stays.
  if (!exchange.wants_close && origin.carrier != nullptr && origin.carrier->is_open()) {
    stream.reset();
    return start_on_carrier(*origin.carrier, exchange);
  }
  Http2Carrier::Owner& owner = *this;
  carriers_.push_back(std::make_unique<Http2Carrier>(std::move(stream), origin.tls, limits_, owner));
  Http2Carrier& made = *carriers_.back();
  if (!exchange.wants_close) origin.carrier = &made;
  start_on_carrier(made, exchange);
}

void HttpClient::start_on_carrier(Http2Carrier& carrier, HttpExchange& exchange) {
  if (exchange.sending_since_ == HttpExchange::Clock::time_point{}) {
    exchange.sending_since_ = HttpExchange::Clock::now();
    exchange.timings.blocked = exchange.sending_since_ - exchange.started_;
  }
  carrier.start(exchange);
}

/// The connection that others waited for is there, or is not.
void HttpClient::end_wait(HttpOrigin& origin, const Failure& problem) {
  origin.is_dialing = false;
  const std::vector<HttpExchange*> waiting = std::exchange(origin.waiting, {});
  for (HttpExchange* each : waiting) each->waits_ = false;
  if (!problem) {
    for (HttpExchange* each : waiting) assign(*each);
    return;
  }
  for (HttpExchange* each : waiting) {
    // Its listener may cancel those behind it: they are told one by one, from the loop.
    each->failure = problem;
    loop_.post([this, each, alive = std::weak_ptr<bool>(alive_)] {
      // Meanwhile it may have been cancelled, or even sent anew.
      if (alive.expired() || std::find(in_flight_.begin(), in_flight_.end(), each) == in_flight_.end() || !each->failure) return;
      finish(*each);
    });
  }
}

void HttpClient::on_carried(HttpExchange& exchange) {
  bury_unused();
  finish(exchange);
}

void HttpClient::on_refused(HttpExchange& exchange) {
  if (++exchange.refusals_ > kMaxRefusals) {
    exchange.failure = failure(error_code::kHttp2, "http2: the server refuses the stream again and again");
    return finish(exchange);
  }
  // Not from within the connection that refused it.
  loop_.post([this, &exchange, refusals = exchange.refusals_, alive = std::weak_ptr<bool>(alive_)] {
    // Meanwhile it may have been cancelled, or even sent anew.
    if (alive.expired() || std::find(in_flight_.begin(), in_flight_.end(), &exchange) == in_flight_.end()) return;
    if (exchange.refusals_ == refusals) retry(exchange);
  });
}

void HttpClient::on_carrier_closed(Http2Carrier& carrier) { bury(carrier); }

/// Connections that take no new exchanges go with their last one.
void HttpClient::bury_unused() {
  for (std::size_t i = carriers_.size(); i-- > 0;) {
    Http2Carrier* const each = carriers_[i].get();
    const bool is_current = std::any_of(origins_.begin(), origins_.end(), [&](const auto& origin) { return origin->carrier == each; });
    if (each->active() == 0 && !is_current) bury(*each);
  }
}

void HttpClient::bury(Http2Carrier& carrier) {
  for (const auto& each : origins_) {
    if (each->carrier == &carrier) each->carrier = nullptr;
  }
  const auto found = std::find_if(carriers_.begin(), carriers_.end(), [&](const auto& each) { return each.get() == &carrier; });
  if (found == carriers_.end()) return;
  buried_.push_back(std::move(*found));
  carriers_.erase(found);
  if (buried_.size() > 1) return;
  loop_.post([this, alive = std::weak_ptr<bool>(alive_)] {
    if (!alive.expired()) buried_.clear();
  });
}

/// Takes an exchange from wherever it is under way, without a word to its listener.
void HttpClient::abandon(HttpExchange& exchange) {
  HttpOrigin& origin = *exchange.origin;
  if (exchange.dial_ != 0) {
    dialer_.cancel(std::exchange(exchange.dial_, 0));
    if (origin.is_dialing && !exchange.wants_close) end_wait(origin, {});  // the next one dials
  }
  if (exchange.waits_) {
    exchange.waits_ = false;
    std::erase(origin.waiting, &exchange);
  }
  if (exchange.connection_ != nullptr) destroy(*static_cast<Connection*>(std::exchange(exchange.connection_, nullptr)));
  if (Http2Carrier* const carrier = exchange.carrier_) {
    carrier->cancel(exchange);
    bury_unused();
  }
}

void HttpClient::retry(HttpExchange& exchange) {
  exchange.sending_since_ = {};
  exchange.written_ = {};
  exchange.first_byte_ = {};
  assign(exchange);
}

void HttpClient::finish(HttpExchange& exchange) {
  using Time = HttpExchange::Clock::time_point;
  remove(exchange);
  HttpTimings& timings = exchange.timings;
  if (exchange.sending_since_ != Time{}) {
    const Time now = HttpExchange::Clock::now();
    const Time first_byte = exchange.first_byte_ != Time{} ? exchange.first_byte_ : now;
    // A server may answer before it has read the whole request: sending ends then, and nothing was waited for.
    const Time written = exchange.written_ != Time{} ? std::min(exchange.written_, first_byte) : first_byte;
    timings.sending = written - exchange.sending_since_;
    timings.waiting = first_byte - written;
    timings.receiving = now - first_byte;
  }
  exchange.sending_since_ = exchange.written_ = exchange.first_byte_ = Time{};
  exchange.listener->on_exchange_done(exchange);
}

void HttpClient::cancel(HttpExchange& exchange) {
  remove(exchange);
  abandon(exchange);
  exchange.sending_since_ = exchange.written_ = exchange.first_byte_ = {};
}

void HttpClient::remove(HttpExchange& exchange) {
  assert(in_flight_[exchange.index_] == &exchange);
  in_flight_[exchange.index_] = in_flight_.back();
  in_flight_[exchange.index_]->index_ = exchange.index_;
  in_flight_.pop_back();
}

void HttpClient::release(Connection& connection) {
  HttpOrigin& origin = connection.origin();
  if (origin.idle.size() >= limits_.max_idle_per_origin) return destroy(connection);
  if (idle_ >= limits_.max_idle) {
    Connection* oldest = nullptr;
    for (const auto& each : origins_) {
      if (!each->idle.empty() && (oldest == nullptr || each->idle.front()->idle_since < oldest->idle_since)) oldest = each->idle.front();
    }
    if (oldest == nullptr) return destroy(connection);
    destroy(*oldest);
  }
  connection.idle_since = ++idle_clock_;
  origin.idle.push_back(&connection);
  ++idle_;
}

void HttpClient::destroy(Connection& connection) {
  auto& idle = connection.origin().idle;
  if (const auto found = std::find(idle.begin(), idle.end(), &connection); found != idle.end()) {
    idle.erase(found);
    --idle_;
  }
  const std::size_t index = connection.index;
  std::swap(connections_[index], connections_.back());
  connections_[index]->index = index;
  connections_.pop_back();
}

void HttpClient::close_idle() {
  for (std::size_t i = carriers_.size(); i-- > 0;) {
    if (carriers_[i]->active() == 0) bury(*carriers_[i]);
  }
  for (const auto& each : origins_) {
    while (!each->idle.empty()) destroy(*each->idle.back());
  }
}

void HttpClient::arm(HttpExchange::Clock::time_point deadline) {
  if (deadline == HttpExchange::Clock::time_point::max()) return;
  if (timer_ != 0 && timer_due_ <= deadline) return;
  if (timer_ != 0) loop_.cancel(timer_);
  timer_due_ = deadline;
  timer_ = loop_.call_at(deadline, [this] { on_timer(); });
}

void HttpClient::on_timer() {
  timer_ = 0;
  const auto now = HttpExchange::Clock::now();
  for (;;) {
    // One at a time: a listener may send and cancel others.
    const auto expired = std::find_if(in_flight_.begin(), in_flight_.end(), [&](const HttpExchange* e) { return e->deadline <= now; });
    if (expired == in_flight_.end()) break;
    HttpExchange& exchange = **expired;
    exchange.failed_in_body = exchange.head.status != 0;
    abandon(exchange);
    exchange.failure = request_timeout();
    finish(exchange);
  }
  auto earliest = HttpExchange::Clock::time_point::max();
  for (const HttpExchange* exchange : in_flight_) earliest = std::min(earliest, exchange->deadline);
  arm(earliest);
}

}  // namespace gauntlet::engine::net
