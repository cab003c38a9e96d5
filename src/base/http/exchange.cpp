#include "base/http/exchange.hpp"

#include <utility>

#include "base/http/exchange_pool.hpp"

namespace gauntlet::base::http {

void Exchange::respond(Response response) {
  if (responded_) return;
  responded_ = true;
  Connection* connection = std::exchange(connection_, nullptr);
  if (connection == nullptr) return;
  pool_->answered(*this, response.status);
  connection->send(*this, std::move(response));
}

bool Exchange::begin_stream(Response head) {
  if (responded_) return false;
  if (connection_ == nullptr) {
    responded_ = true;
    return false;
  }
  const int status = head.status;
  if (!connection_->begin_stream(std::move(head))) {
    respond(error_response(501, ErrorKind::unimplemented, "an endless answer is for GET over HTTP/1.1"));
    return false;
  }
  responded_ = streaming_ = true;
  pool_->answered(*this, status);
  return true;
}

void Exchange::stream(std::string_view text) {
  if (streaming()) connection_->stream(text);
}

void Exchange::end_stream() {
  if (streaming()) std::exchange(connection_, nullptr)->end_stream();
}

std::size_t Exchange::pending_output() const { return streaming() ? connection_->pending_stream_output() : 0; }

void Exchange::cut() {
  if (responded_) return;
  responded_ = true;
  Connection* connection = std::exchange(connection_, nullptr);
  if (connection != nullptr) connection->cut(*this);
}

void Exchange::release(Exchange* exchange) {
  exchange->end_stream();
  if (exchange->connection_ != nullptr) {
    ++exchange->references_;  // respond() may hand out pointers to it again
    exchange->respond(error_response(500, ErrorKind::internal, "the request was dropped without an answer"));
    if (--exchange->references_ != 0) return;
  }
  const std::shared_ptr<ExchangePool> pool = std::move(exchange->pool_);
  pool->give_back(exchange);
}

ExchangePool::~ExchangePool() {
  for (Exchange* exchange : free_) delete exchange;
}

ExchangePtr ExchangePool::take() {
  Exchange* exchange = nullptr;
  if (free_.empty()) {
    exchange = new Exchange();
    exchange->loop_ = &loop_;
  } else {
    exchange = free_.back();
    free_.pop_back();
  }
  exchange->pool_ = shared_from_this();
  return ExchangePtr(exchange);
}

void ExchangePool::connect(Exchange& exchange, Exchange::Connection& connection, std::int32_t stream) {
  exchange.connection_ = &connection;
  exchange.stream_ = stream;
  exchange.received_ = EventLoop::Clock::now();
  exchange.trace_ = Trace(exchange.request_);
}

void ExchangePool::answered(Exchange& exchange, int status) {
  if (observer_) {
    observer_({exchange.request_, exchange.route_, status, EventLoop::Clock::now() - exchange.received_, exchange.trace_});
  }
}

void ExchangePool::give_back(Exchange* exchange) {
  if (free_.size() >= kKept) {
    delete exchange;
    return;
  }
  exchange->request_.clear();
  exchange->route_ = {};
  exchange->connection_ = nullptr;
  exchange->responded_ = exchange->streaming_ = false;
  free_.push_back(exchange);
}

}  // namespace gauntlet::base::http
