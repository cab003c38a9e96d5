#pragma once
// HTTP/1.1 on a connection: one request at a time in the order they came; pipelined ones wait inside.
#include <string>
#include <string_view>

#include "base/http/connection.hpp"
#include "base/http/http1_reader.hpp"
#include "base/http/protocol.hpp"

namespace gauntlet::base::http {

class Http1 final : public Protocol, Exchange::Connection {
 public:
  explicit Http1(http::Connection& connection);
  ~Http1() override;

  void on_bytes(std::string_view bytes) override;
  void on_end_of_input() override;
  void produce() override;
  void on_gone() override;
  void drain() override;
  EventLoop::Clock::time_point deadline() const override;
  void on_timeout() override;
  std::size_t held_bytes() const override;
  bool wants_input() const override;

 private:
  void send(Exchange& exchange, Response&& response) override;
  bool begin_stream(Response&& head) override;
  void stream(std::string_view text) override;
  void end_stream() override;
  std::size_t pending_stream_output() const override { return connection_.pending_output(); }
  void cut(Exchange& exchange) override;
  bool input_has_ended() const override { return end_of_input_; }
  /// Reads requests and runs their handlers until one waits, the output is full or the bytes are used up.
  std::size_t read_requests(std::string_view bytes);
  void begin_request();
  void serve(const ExchangePtr& exchange);
  /// Answers the request being read, which cannot be read on, and closes.
  void reject(int status, ErrorKind code, std::string_view reason);
  enum class Length { known, until_close };
  void write_head(const Response& response, bool body_follows, const Trace& trace, Length length = Length::known);

  http::Connection& connection_;
  ListenerCore& core_;
  Http1Reader reader_;
  std::string waiting_;          // pipelined bytes behind the request being served
  ExchangePtr reading_;          // the request being read
  Exchange* serving_ = nullptr;  // handed to a handler that has not answered yet
  bool serving_head_ = false;    // it is a HEAD request
  bool serving_keep_alive_ = false;
  bool serving_http10_ = false;
  bool streaming_ = false;  // serving_ has begun an answer that ends with the connection
  bool end_of_input_ = false;
  bool reading_requests_ = false;       // read_requests() is on the stack
  EventLoop::Clock::time_point since_;  // first byte of the request being read, or last answer
};

}  // namespace gauntlet::base::http
