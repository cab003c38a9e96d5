#include "engine/wire/http/client.hpp"

#include <algorithm>
#include <cassert>

namespace gauntlet::engine::wire {

namespace {

constexpr std::size_t kMaxOrigins = 1024;
/// How often a server may refuse one exchange over HTTP/2.
constexpr int kMaxRefusals = 5;

}  // namespace

struct HttpOrigin {
  bool tls;
  std::string host;
  std::uint16_t port;
  std::vector<Http1Carrier*> idle;  // the most recently used last
  std::size_t users = 0;            // connections and exchanges that point here
  const ProxyServer* proxy = nullptr;
  Http2Carrier* carrier = nullptr;     // the one that takes new exchanges
  bool is_http2 = false;               // as its last connection was
  bool is_dialing = false;             // an HTTP/2 connection that all may share is under way
  std::vector<HttpExchange*> waiting;  // for that
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
  origins_.push_back(std::make_unique<HttpOrigin>(HttpOrigin{
      tls, std::string(host), port, {}, 0, dialer_.proxy_for(tls, host, port), nullptr, limits_.version == HttpVersion::http2, false, {}}));
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
  exchange.is_streamed = false;
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
  Http1Carrier& connection = *origin.idle.back();
  origin.idle.pop_back();
  --idle_;
  start_on(connection, exchange);
}

void HttpClient::start_on(Http1Carrier& connection, HttpExchange& exchange) {
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
  Http1Carrier::Owner& owner = *this;
  connections_.push_back(std::make_unique<Http1Carrier>(loop_, limits_, origin, std::move(dialed.stream), owner));
  ++origin.users;
  Http1Carrier& connection = *connections_.back();
  connection.index = connections_.size() - 1;
  start_on(connection, exchange);
  if (others_wait) end_wait(origin, {});
}

void HttpClient::on_answered(Http1Carrier& connection, HttpExchange& exchange, bool is_kept) {
  if (is_kept) release(connection);
  else destroy(connection);
  finish(exchange);
}

void HttpClient::on_unanswered(Http1Carrier& connection, HttpExchange& exchange, bool may_retry) {
  destroy(connection);
  if (may_retry) return retry(exchange);
  finish(exchange);
}

void HttpClient::on_idle_ended(Http1Carrier& connection) { destroy(connection); }

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
  if (exchange.connection_ != nullptr) destroy(*std::exchange(exchange.connection_, nullptr));
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

void HttpClient::settle_timings(HttpExchange& exchange) {
  using Time = HttpExchange::Clock::time_point;
  if (exchange.sending_since_ == Time{}) return;
  const Time now = HttpExchange::Clock::now();
  const Time first_byte = exchange.first_byte_ != Time{} ? exchange.first_byte_ : now;
  // A server may answer before it has read the whole request: sending ends then, and nothing was waited for.
  const Time written = exchange.written_ != Time{} ? std::min(exchange.written_, first_byte) : first_byte;
  HttpTimings& timings = exchange.timings;
  timings.sending = written - exchange.sending_since_;
  timings.waiting = first_byte - written;
  timings.receiving = now - first_byte;
}

void HttpClient::finish(HttpExchange& exchange) {
  using Time = HttpExchange::Clock::time_point;
  remove(exchange);
  settle_timings(exchange);
  exchange.sending_since_ = exchange.written_ = exchange.first_byte_ = Time{};
  exchange.listener->on_exchange_done(exchange);
}

void HttpClient::cancel(HttpExchange& exchange) {
  remove(exchange);
  abandon(exchange);
  exchange.sending_since_ = exchange.written_ = exchange.first_byte_ = {};
}

void HttpClient::cut_off(HttpExchange& exchange) {
  settle_timings(exchange);
  cancel(exchange);
}

void HttpClient::consume(HttpExchange& exchange, std::size_t bytes) {
  if (exchange.connection_ != nullptr) exchange.connection_->resume();
  else if (exchange.carrier_ != nullptr) exchange.carrier_->consume(exchange, bytes);
}

void HttpClient::set_deadline(HttpExchange& exchange, HttpExchange::Clock::time_point deadline) {
  exchange.deadline = deadline;
  arm(deadline);
}

void HttpClient::remove(HttpExchange& exchange) {
  assert(in_flight_[exchange.index_] == &exchange);
  in_flight_[exchange.index_] = in_flight_.back();
  in_flight_[exchange.index_]->index_ = exchange.index_;
  in_flight_.pop_back();
}

void HttpClient::release(Http1Carrier& connection) {
  HttpOrigin& origin = connection.origin();
  if (origin.idle.size() >= limits_.max_idle_per_origin) return destroy(connection);
  if (idle_ >= limits_.max_idle) {
    Http1Carrier* oldest = nullptr;
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

void HttpClient::destroy(Http1Carrier& connection) {
  auto& idle = connection.origin().idle;
  if (const auto found = std::find(idle.begin(), idle.end(), &connection); found != idle.end()) {
    idle.erase(found);
    --idle_;
  }
  --connection.origin().users;
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

}  // namespace gauntlet::engine::wire
