#pragma once
// HTTP/2 on a connection, by nghttp2: streams to exchanges, and to the stream service those that it wants.
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/http/connection.hpp"
#include "base/http/protocol.hpp"
#include "base/http/stream.hpp"

struct nghttp2_session;

namespace gauntlet::base::http {

class Http2 final : public Protocol, Exchange::Connection {
 public:
  /// What every HTTP/2 client sends first.
  static constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

  explicit Http2(http::Connection& connection);
  ~Http2() override;

  void on_bytes(std::string_view bytes) override;
  void on_end_of_input() override;
  void produce() override;
  void on_gone() override;
  void drain() override;
  EventLoop::Clock::time_point deadline() const override;
  void on_timeout() override;
  std::size_t held_bytes() const override { return held_bytes_; }
  bool wants_input() const override { return true; }

 private:
  friend class Stream;
  struct Callbacks;  // nghttp2's way in

  void send(Exchange& exchange, Response&& response) override;
  void cut(Exchange& exchange) override;

  Stream& open_stream(std::int32_t id);
  void close_stream(Stream& stream);
  void on_request_head(Stream& stream, bool end_of_stream);
  void on_request_data(Stream& stream, std::string_view bytes);
  void on_request_end(Stream& stream);
  void refuse(Stream& stream, int status, ErrorKind code, std::string_view reason);
  void submit(Stream& stream, std::span<const Stream::Field> fields, bool ends);
  void start_exchange(Stream& stream);
  /// The stream's exchange, connected, on its way to a handler.
  ExchangePtr serve(Stream& stream);
  void reset(Stream& stream, std::uint32_t code);
  void finish_draining();
  void forget_input(Stream& stream, std::size_t bytes);

  /// The request is complete: it is handed on once everything that came with it has been read. One that is reset in the
  /// same breath never reaches a handler.
  void make_ready(Stream& stream);
  void withdraw(Stream& stream);
  void hand_on_ready();
  /// The stream holds more or less than before.
  void account(Stream& stream);
  /// Resets streams until the connection holds no more than it may.
  void make_room();
  static bool waits_for_client(const Stream& stream);
  /// When patience with the stream ends.
  EventLoop::Clock::time_point deadline_of(const Stream& stream) const;
  /// The client has reset a stream, or has made us do it.
  void count_reset();

  http::Connection& connection_;
  ListenerCore& core_;
  nghttp2_session* session_ = nullptr;
  std::vector<std::unique_ptr<Stream>> streams_;
  std::vector<Stream*> ready_;  // null: withdrawn
  std::size_t held_bytes_ = 0;  // of all streams
  std::size_t incomplete_ = 0;  // streams whose request has not come whole
  double resets_ahead_ = 0;     // of what ListenerOptions::max_resets_per_second allows, as of resets_at_
  EventLoop::Clock::time_point resets_at_;
  EventLoop::Clock::time_point since_;  // last time without a stream
  bool draining_ = false;
  bool drain_finished_ = false;  // the last GOAWAY is queued
};

}  // namespace gauntlet::base::http
