#include "base/http/http1.hpp"

#include <fmt/compile.h>
#include <fmt/format.h>

#include <iterator>

#include "base/http/reason_phrase.hpp"

namespace gauntlet::base::http {
namespace {

constexpr std::size_t kMaxWaitingBytes = 64 * 1024;

bool forbids_body(int status) { return status == 204 || status == 304 || status < 200; }

}  // namespace

Http1::Http1(http::Connection& connection)
    : connection_(connection),
      core_(connection.core()),
      reader_({core_.options.max_header_bytes, core_.options.max_body_bytes}),
      since_(core_.loop.now()) {}

Http1::~Http1() = default;

void Http1::on_bytes(std::string_view bytes) {
  if (serving_ != nullptr || reading_requests_ || !waiting_.empty() || connection_.output_is_full()) {
    waiting_.append(bytes);
    if (serving_ == nullptr) connection_.write_soon();
  } else {
    bytes.remove_prefix(read_requests(bytes));
    waiting_.append(bytes);
  }
  connection_.update_interest();
}

void Http1::on_end_of_input() {
  end_of_input_ = true;
  if (streaming_) {  // nobody listens to an endless answer with half a connection
    connection_.close_now();
    return;
  }
  if (serving_ == nullptr && waiting_.empty()) connection_.close_after_output();
}

void Http1::produce() {
  if (serving_ == nullptr && !waiting_.empty() && !connection_.closing() && !connection_.output_is_full()) {
    std::string bytes;
    bytes.swap(waiting_);
    const std::size_t used = read_requests(bytes);
    waiting_.insert(0, bytes, used, std::string::npos);
    connection_.update_interest();
  }
  if (end_of_input_ && serving_ == nullptr && waiting_.empty() && !connection_.closing()) connection_.close_after_output();
}

std::size_t Http1::read_requests(std::string_view bytes) {
  reading_requests_ = true;
  std::size_t used = 0;
  while (used < bytes.size() && serving_ == nullptr && !connection_.closing() && !connection_.output_is_full()) {
    if (!reading_) begin_request();
    std::size_t consumed = 0;
    const auto outcome = reader_.read(bytes.substr(used), ExchangePool::request(*reading_), consumed);
    used += consumed;
    if (outcome == Http1Reader::Outcome::failed) {
      const int status = reader_.failure_status();
      reject(status,
             status == 501                    ? ErrorKind::unimplemented
             : status == 413 || status == 431 ? ErrorKind::resource_exhausted
                                              : ErrorKind::invalid_argument,
             reader_.failure());
      break;
    }
    if (outcome == Http1Reader::Outcome::incomplete) {
      if (reader_.take_expects_continue()) connection_.output().append("HTTP/1.1 100 Continue\r\n\r\n");
      continue;
    }
    const ExchangePtr exchange = std::move(reading_);
    serving_head_ = exchange->request().method() == "HEAD";
    serving_keep_alive_ = reader_.keep_alive();
    serving_http10_ = reader_.is_http10();
    serve(exchange);
    core_.router.dispatch(exchange);
  }
  reading_requests_ = false;
  if (reading_ && !reader_.in_request()) reading_.reset();  // only blank lines came
  if (reading_) connection_.check_by(deadline());
  return used;
}

void Http1::begin_request() {
  reading_ = core_.exchanges->take();
  ExchangePool::request(*reading_).set_from_loopback(connection_.from_loopback());
  since_ = core_.loop.now();
}

void Http1::serve(const ExchangePtr& exchange) {
  serving_ = exchange.get();
  ++core_.counts.in_flight;
  ExchangePool::connect(*exchange, *this, 0);
}

void Http1::reject(int status, ErrorKind code, std::string_view reason) {
  serving_head_ = serving_keep_alive_ = false;
  const ExchangePtr exchange = std::move(reading_);
  serve(exchange);
  exchange->respond(error_response(status, code, reason));
}

void Http1::send(Exchange& exchange, Response&& response) {
  serving_ = nullptr;
  --core_.counts.in_flight;
  since_ = core_.loop.now();
  if (core_.draining) serving_keep_alive_ = false;
  const bool body_follows = !serving_head_ && !forbids_body(response.status);
  write_head(response, body_follows, exchange.trace());
  if (body_follows) connection_.output().append_body(std::move(response.body));
  if (serving_keep_alive_) {
    connection_.write_soon();
  } else {
    connection_.close_after_output();
  }
  if (!reading_requests_) connection_.update_interest();
}

void Http1::cut(Exchange&) {
  serving_ = nullptr;
  --core_.counts.in_flight;
  connection_.close_now();
}

bool Http1::begin_stream(Response&& head) {
  if (serving_head_ || forbids_body(head.status)) return false;
  serving_keep_alive_ = false;
  streaming_ = true;
  write_head(head, true, serving_->trace(), Length::until_close);
  connection_.output().append_body(std::move(head.body));
  connection_.write_soon();
  return true;
}

void Http1::stream(std::string_view text) {
  connection_.output().append(text);
  connection_.write_soon();
}

void Http1::end_stream() {
  serving_ = nullptr;
  streaming_ = false;
  --core_.counts.in_flight;
  connection_.close_after_output();
  if (!reading_requests_) connection_.update_interest();
}

void Http1::write_head(const Response& response, bool body_follows, const Trace& trace, Length length) {
  fmt::basic_memory_buffer<char, 512> head;
  auto out = std::back_inserter(head);
  fmt::format_to(out, FMT_COMPILE("HTTP/1.1 {} {}\r\nDate: {}\r\n"), response.status, reason_phrase(response.status), core_.date());
  if (!response.content_type.empty()) fmt::format_to(out, FMT_COMPILE("Content-Type: {}\r\n"), response.content_type);
  if (length == Length::known && (body_follows || (serving_head_ && !forbids_body(response.status)))) {
    fmt::format_to(out, FMT_COMPILE("Content-Length: {}\r\n"), response.body.size());
  }
  for (const auto& [name, value] : response.headers) {
    if (is_one_line(name) && is_one_line(value)) fmt::format_to(out, FMT_COMPILE("{}: {}\r\n"), name, value);
  }
  fmt::format_to(out, FMT_COMPILE("X-Request-Id: {}\r\n"), trace.request_id());
  if (trace.has_parent()) fmt::format_to(out, FMT_COMPILE("traceparent: {}\r\n"), trace.traceparent());
  if (!serving_keep_alive_) {
    head.append(std::string_view("Connection: close\r\n"));
  } else if (serving_http10_) {
    head.append(std::string_view("Connection: keep-alive\r\n"));
  }
  head.append(std::string_view("\r\n"));
  connection_.output().append(std::string_view(head.data(), head.size()));
}

void Http1::on_gone() {
  reading_.reset();
  if (serving_ == nullptr) return;
  ExchangePool::disconnect(*serving_);
  serving_ = nullptr;
  --core_.counts.in_flight;
}

void Http1::drain() {
  if (serving_ == nullptr && !reading_ && waiting_.empty()) connection_.close_now();
}

EventLoop::Clock::time_point Http1::deadline() const {
  if (serving_ != nullptr) return EventLoop::Clock::time_point::max();
  return since_ + (reading_ ? core_.options.header_timeout : core_.options.idle_timeout);
}

void Http1::on_timeout() {
  if (!reading_) {
    connection_.close_now();
    return;
  }
  reject(408, ErrorKind::deadline_exceeded, "the request did not come in time");
}

std::size_t Http1::held_bytes() const {
  std::size_t held = waiting_.capacity();
  if (reading_) held += ExchangePool::request(*reading_).body().size();
  if (serving_ != nullptr) held += ExchangePool::request(*serving_).body().size();
  return held;
}

bool Http1::wants_input() const { return waiting_.size() < kMaxWaitingBytes; }

}  // namespace gauntlet::base::http
