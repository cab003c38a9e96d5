#include "engine/wire/http/http2_carrier.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <span>

#include "base/http/reason_phrase.hpp"
#include "base/text.hpp"

namespace gauntlet::engine::wire {
namespace {

constexpr std::string_view kProtocol = "HTTP/2.0";

/// Fields of HTTP/1's framing and hops, which HTTP/2 has no place for.
bool is_hop_field(std::string_view lower_name) {
  return lower_name == "host" || lower_name == "connection" || lower_name == "proxy-connection" || lower_name == "transfer-encoding" ||
         lower_name == "upgrade" || lower_name == "keep-alive";
}

}  // namespace

/// One exchange on its stream.
class Http2Carrier::Carried final : public Http2Exchange {
 public:
  explicit Carried(Http2Carrier& carrier) : carrier_(carrier) {}

  void begin(HttpExchange& exchange) {
    exchange_ = &exchange;
    pieces_ = exchange.more_body;
    fields_.clear();
    status_ = 0;
  }

  HttpExchange* exchange_ = nullptr;
  std::size_t index_ = 0;  // in carried_

 private:
  friend class Http2Carrier;

  void on_header(std::string_view name, std::string_view value) override {
    HttpExchange& exchange = *exchange_;
    if (exchange.first_byte_ == HttpExchange::Clock::time_point{}) exchange.first_byte_ = HttpExchange::Clock::now();
    if (exchange.head.status != 0) return;  // trailers
    if (name == ":status") {
      std::from_chars(value.data(), value.data() + value.size(), status_);
      return;
    }
    if (fields_.size() + name.size() + value.size() > carrier_.limits_.max_head_bytes) {
      too_large_ = true;
      return;
    }
    append_field(fields_, name, value);
  }

  void on_headers_end(bool last) override {
    HttpExchange& exchange = *exchange_;
    if (exchange.head.status != 0) return;
    if (status_ / 100 == 1) {  // informational: the real one follows
      fields_.clear();
      status_ = 0;
      return;
    }
    const std::string status_text = fmt::format("{} {}", status_, base::http::reason_phrase(status_));
    exchange.response_head.assign(kProtocol).append(" ").append(status_text).append("\r\n");
    const std::size_t fields_at = exchange.response_head.size();
    exchange.response_head.append(fields_);
    ResponseHead& head = exchange.head;
    const std::string_view whole = exchange.response_head;
    head.status = status_;
    head.major = 2;
    head.protocol = whole.substr(0, kProtocol.size());
    head.status_text = whole.substr(kProtocol.size() + 1, status_text.size());
    head.fields = whole.substr(fields_at);
    head.keeps_alive = true;
    for_each_field(head.fields, [&](std::string_view name, std::string_view value) {
      if (name == "content-length") std::from_chars(value.data(), value.data() + value.size(), head.content_length);
      else if (name == "set-cookie") head.has_cookies = true;
      else if (name == "content-encoding") head.has_encoding = true;
    });
    exchange.is_streamed = !last && exchange.may_stream && exchange.listener->on_exchange_head(exchange);
    if (exchange.is_streamed) exchange.deadline = HttpExchange::Clock::time_point::max();
    if (head.content_length > 0 && static_cast<std::uint64_t>(head.content_length) > body_limit()) too_large_ = true;
    if (too_large_) session()->reset(*this);
  }

  std::string_view next_piece() override {
    if (pieces_.empty()) return {};
    const std::string_view next = pieces_.front();
    pieces_ = pieces_.subspan(1);
    return next;
  }

  std::size_t on_data(std::string_view bytes) override {
    HttpExchange& exchange = *exchange_;
    exchange.body_bytes += bytes.size();
    if (exchange.body_bytes > body_limit()) {
      if (!too_large_) session()->reset(*this);
      too_large_ = true;
      return bytes.size();
    }
    if (!exchange.discards_body && !exchange.is_head) exchange.body.append(bytes);
    if (!exchange.is_streamed) return bytes.size();
    exchange.listener->on_exchange_body(exchange);
    return 0;
  }

  void on_finished(Http2Session& session, const Http2End& end) override;

  std::size_t body_limit() const { return carrier_.limits_.body_limit(*exchange_); }

  Http2Carrier& carrier_;
  std::span<const std::string_view> pieces_;  // of the request's body that are still to come
  std::string fields_;
  int status_ = 0;
  bool too_large_ = false;
};

Http2Carrier::Http2Carrier(std::unique_ptr<Stream> stream, bool tls, const HttpLimits& limits, Owner& owner)
    : tls_(tls), limits_(limits), owner_(owner), session_(Http2Session::create(std::move(stream), *this)) {}

Http2Carrier::~Http2Carrier() { session_.reset(); }

/// "GET /x HTTP/1.1\r\nHost: h\r\n..." as header frames have it.
void Http2Carrier::translate_head(const HttpExchange& exchange) {
  const std::string_view head = exchange.request_head;
  const auto line_end = head.find("\r\n");
  const std::string_view line = head.substr(0, line_end);
  const auto method_end = line.find(' ');
  const auto target_end = line.rfind(' ');
  const std::string_view fields = head.substr(line_end + 2);
  headers_.clear();
  names_.clear();
  names_.reserve(fields.size());  // views into it must stay
  headers_.push_back({":authority", {}});
  headers_.push_back({":method", line.substr(0, method_end)});
  headers_.push_back({":path", line.substr(method_end + 1, target_end - method_end - 1)});
  headers_.push_back({":scheme", tls_ ? "https" : "http"});
  for_each_field(fields, [&](std::string_view name, std::string_view value) {
    const std::size_t begin = names_.size();
    for (const char c : name) names_ += base::lower_case(c);
    const std::string_view lower(names_.data() + begin, name.size());
    if (lower == "host") headers_[0].value = value;
    if (!is_hop_field(lower)) headers_.push_back({lower, value, lower != "content-length"});
  });
}

void Http2Carrier::start(HttpExchange& exchange) {
  if (active_ == carried_.size()) carried_.push_back(std::make_unique<Carried>(*this));
  Carried& carried = *carried_[active_];
  carried.index_ = active_++;
  carried.begin(exchange);
  carried.too_large_ = false;
  exchange.carrier_ = this;
  exchange.carried_ = &carried;
  exchange.has_remote = true;
  exchange.remote = stream().remote();
  exchange.tls = stream().tls();
  translate_head(exchange);
  // A body of unknown length that is empty is framed as chunks in HTTP/1 only.
  const bool has_body =
      !exchange.request_body.empty() && exchange.request_head.find("\r\nTransfer-Encoding: chunked\r\n") == std::string::npos;
  session_->start(carried, headers_, has_body ? exchange.request_body : std::string_view(), true);
  exchange.written_ = HttpExchange::Clock::now();
}

void Http2Carrier::release(Carried& carried) {
  HttpExchange& exchange = *carried.exchange_;
  exchange.carrier_ = nullptr;
  exchange.carried_ = nullptr;
  carried.exchange_ = nullptr;
  --active_;
  std::swap(carried_[carried.index_], carried_[active_]);
  carried_[carried.index_]->index_ = carried.index_;
  carried.index_ = active_;
}

void Http2Carrier::cancel(HttpExchange& exchange) {
  Carried& carried = *static_cast<Carried*>(exchange.carried_);
  session_->cancel(carried);
  release(carried);
}

void Http2Carrier::consume(HttpExchange& exchange, std::size_t bytes) { session_->take(*static_cast<Carried*>(exchange.carried_), bytes); }

void Http2Carrier::on_http2_closed() { owner_.on_carrier_closed(*this); }

Failure Http2Carrier::failure_of(const Http2End& end, std::int32_t stream_id) const {
  Failure failure;
  const std::string name = http2_error_name(end.error_code);
  if (end.cause != Http2End::Cause::connection_lost) {
    failure.code = error_code::kHttp2Stream + 1 + static_cast<int>(std::min<std::uint32_t>(end.error_code, 18));
    failure.message = fmt::format("http2: stream error with http2 ErrCode {}", name);
    failure.cause = fmt::format("stream error: stream ID {}; {}; {}", stream_id, name,
                                end.by_server ? "received from peer" : "the server broke the protocol");
    return failure;
  }
  if (const auto& goaway = session_->goaway_details()) {
    failure.code = error_code::kHttp2GoAway + 1 + static_cast<int>(std::min<std::uint32_t>(goaway->error_code, 18));
    failure.message = fmt::format("http2: received GoAway with http2 ErrCode {}", http2_error_name(goaway->error_code));
    failure.cause = fmt::format("http2: server sent GOAWAY and closed the connection; LastStreamID={}, ErrCode={}, debug={}",
                                goaway->last_stream_id, http2_error_name(goaway->error_code), go_quote(goaway->debug));
    return failure;
  }
  return session_->loss();
}

void Http2Carrier::Carried::on_finished(Http2Session&, const Http2End& end) {
  HttpExchange& exchange = *exchange_;
  Http2Carrier& carrier = carrier_;
  const bool has_head = exchange.head.status != 0;
  const bool is_untouched = exchange.first_byte_ == HttpExchange::Clock::time_point{};
  const std::int32_t id = last_stream_id();
  const bool was_kept = carrier.served_ > 0;
  const bool too_large = too_large_;
  carrier.release(*this);
  if (too_large) {
    exchange.failure =
        failure(error_code::kOther,
                exchange.body_bytes > 0 || exchange.head.content_length > 0
                    ? fmt::format("response body exceeded {} bytes; aborted", carrier.limits_.body_limit(exchange))
                    : fmt::format("net/http: server response headers exceeded {} bytes; aborted", carrier.limits_.max_head_bytes));
    exchange.failed_in_body = has_head;
    return carrier.owner_.on_carried(exchange);
  }
  if (end.cause == Http2End::Cause::complete && has_head) {
    ++carrier.served_;
    return carrier.owner_.on_carried(exchange);
  }
  if (end.cause == Http2End::Cause::refused) return carrier.owner_.on_refused(exchange);
  // As with HTTP/1: a kept connection that turns out dead may be replaced, where nothing can have happened twice.
  if (end.cause == Http2End::Cause::connection_lost && is_untouched && was_kept && exchange.is_replayable &&
      !carrier.session_->goaway_details()) {
    return carrier.owner_.on_refused(exchange);
  }
  exchange.failure = carrier.failure_of(end, id);
  exchange.failed_in_body = has_head;
  carrier.owner_.on_carried(exchange);
}

}  // namespace gauntlet::engine::wire
