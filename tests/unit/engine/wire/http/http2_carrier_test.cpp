// HttpClient over HTTP/2, by prior knowledge against a server that says the frames it is told to.
#include "engine/wire/http/http2_carrier.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/wire/http/client.hpp"
#include "unit/engine/wire/dialing_test.hpp"
#include "unit/engine/wire/frame_server.hpp"
#include "unit/engine/wire/script_server.hpp"

namespace gauntlet::engine::wire {
namespace {

using namespace std::chrono_literals;
using gauntlet::test::big_endian;
using gauntlet::test::data_frame;
using gauntlet::test::frame;
using gauntlet::test::FrameServer;
using gauntlet::test::goaway_frame;
using gauntlet::test::headers_frame;
using gauntlet::test::Reaction;
using gauntlet::test::rst_frame;
using testing::HasSubstr;
using testing::StartsWith;

Reaction ok(std::uint32_t stream) {
  return {headers_frame(stream, {{":status", "200"}, {"content-type", "text/plain"}, {"content-length", "2"}}) +
          data_frame(stream, "ok", true)};
}

class Http2CarrierTest : public DialingTest, public HttpExchange::Listener {
 protected:
  void send(HttpExchange& exchange, std::uint16_t port,
            std::string head = "GET /x HTTP/1.1\r\nHost: h.test\r\nX-One: 1\r\nConnection: close\r\n\r\n",
            std::chrono::milliseconds timeout = 5s) {
    exchange.origin = client_.origin(false, "127.0.0.1", port);
    exchange.request_head = std::move(head);
    exchange.deadline = base::EventLoop::Clock::now() + timeout;
    exchange.listener = this;
    client_.send(exchange);
  }
  HttpExchange& get(const FrameServer& server, std::chrono::milliseconds timeout = 5s) {
    const int before = done_;
    send(exchange_, server.port(), "GET /x HTTP/1.1\r\nHost: h.test\r\n\r\n", timeout);
    run_until([&] { return done_ > before; });
    return exchange_;
  }
  void on_exchange_done(HttpExchange&) override { ++done_; }

  HttpExchange exchange_;
  std::vector<HttpExchange> exchanges_;  // like the one above there until the client has gone
  HttpClient client_{loop_, dialer_, HttpLimits{.max_head_bytes = 64 * 1024, .max_body_bytes = 1 << 20, .version = HttpVersion::http2}};
  int done_ = 0;
};

TEST_F(Http2CarrierTest, shows_an_answer_as_http_1_would) {
  const FrameServer server({[](std::uint32_t stream) {
    return Reaction{
        headers_frame(stream, {{":status", "103"}, {"link", "early"}}) +
        headers_frame(stream, {{":status", "404"}, {"set-cookie", "a=b"}, {"content-length", "5"}, {"content-encoding", "gzip"}}) +
        data_frame(stream, "he") + data_frame(stream, "llo") + headers_frame(stream, {{"x-trailer", "1"}}, true)};
  }});
  const HttpExchange& got = get(server);
  EXPECT_FALSE(got.failure) << got.failure.cause;
  EXPECT_EQ(got.head.status, 404);
  EXPECT_EQ(got.head.protocol, "HTTP/2.0");
  EXPECT_EQ(got.head.status_text, "404 Not Found");
  EXPECT_EQ(field_value(got.head.fields, "link"), "");
  EXPECT_EQ(field_value(got.head.fields, "x-trailer"), "");
  EXPECT_TRUE(got.head.has_cookies);
  EXPECT_TRUE(got.head.has_encoding);
  EXPECT_EQ(got.head.content_length, 5);
  EXPECT_EQ(got.body.view(), "hello");
  EXPECT_GT(got.timings.duration().count(), 0);
}

TEST_F(Http2CarrierTest, shares_one_connection_among_all_requests_of_an_origin) {
  const FrameServer server({ok});
  exchanges_ = std::vector<HttpExchange>(20);
  for (HttpExchange& exchange : exchanges_) send(exchange, server.port());
  run_until([&] { return done_ == 20; });
  for (const HttpExchange& exchange : exchanges_) EXPECT_EQ(exchange.body.view(), "ok") << exchange.failure.cause;
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(Http2CarrierTest, takes_a_connection_of_its_own_for_a_request_that_wants_none_kept) {
  const FrameServer server({ok});
  for (int i = 0; i < 3; ++i) {
    exchange_.wants_close = true;
    EXPECT_EQ(get(server).body.view(), "ok");
  }
  EXPECT_EQ(server.connections(), 3);
}

TEST_F(Http2CarrierTest, sends_the_body_and_no_hop_fields) {
  const FrameServer server({ok});
  const std::string body(300'000, 'b');
  exchange_.request_body = body;
  send(exchange_, server.port(), "POST /x HTTP/1.1\r\nHost: h.test\r\nContent-Length: 300000\r\nConnection: keep-alive\r\n\r\n");
  // The server's window is never opened by this server: only the first 65,535 bytes may leave.
  run_until([&] { return server.body().size() == 65535; });
  client_.cancel(exchange_);
}

TEST_F(Http2CarrierTest, names_a_reset_by_its_code) {
  const FrameServer server({[](std::uint32_t stream) { return Reaction{rst_frame(stream, 2)}; }, ok});
  const HttpExchange& got = get(server);
  EXPECT_EQ(got.failure.code, 1633);
  EXPECT_EQ(got.failure.message, "http2: stream error with http2 ErrCode INTERNAL_ERROR");
  EXPECT_EQ(got.failure.cause, "stream error: stream ID 1; INTERNAL_ERROR; received from peer");
  EXPECT_EQ(get(server).body.view(), "ok");
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(Http2CarrierTest, names_a_goaway_by_its_code) {
  const FrameServer server({[](std::uint32_t stream) { return Reaction{goaway_frame(stream, 11, "enough"), Reaction::Then::close}; }, ok});
  const HttpExchange& got = get(server);
  EXPECT_EQ(got.failure.code, 1622);
  EXPECT_EQ(got.failure.cause,
            "http2: server sent GOAWAY and closed the connection; LastStreamID=1, ErrCode=ENHANCE_YOUR_CALM, debug=\"enough\"");
  EXPECT_EQ(get(server).body.view(), "ok");
}

TEST_F(Http2CarrierTest, sends_again_what_the_server_has_not_looked_at) {
  const FrameServer server({[](std::uint32_t) { return Reaction{goaway_frame(0, 0), Reaction::Then::close}; }, ok});
  EXPECT_EQ(get(server).body.view(), "ok");
  EXPECT_EQ(server.connections(), 2);
}

TEST_F(Http2CarrierTest, gives_up_on_a_server_that_refuses_for_ever) {
  const FrameServer server({[](std::uint32_t stream) { return Reaction{rst_frame(stream, 7)}; }});
  EXPECT_THAT(get(server).failure.message, HasSubstr("refuses the stream again and again"));
  EXPECT_LT(server.requests(), 10);
}

TEST_F(Http2CarrierTest, stops_at_endless_headers_and_bodies) {
  const FrameServer headers({[](std::uint32_t stream) {
    std::string block = gauntlet::test::header_block({{":status", "200"}});
    for (int i = 0; i < 60; ++i) block += gauntlet::test::header_block({{"x-more", std::string(2000, 'x')}});
    std::string bytes = frame(1, 0, stream, block.substr(0, 16000));
    for (std::size_t at = 16000; at < block.size(); at += 16000)
      bytes += frame(9, at + 16000 >= block.size() ? 4 : 0, stream, block.substr(at, 16000));
    return Reaction{bytes};
  }});
  EXPECT_THAT(get(headers).failure.message, HasSubstr("response headers exceeded 65536 bytes"));
  const FrameServer body({[](std::uint32_t stream) {
    std::string bytes = headers_frame(stream, {{":status", "200"}});
    for (int i = 0; i < 70; ++i) bytes += data_frame(stream, std::string(16000, 'x'));
    return Reaction{bytes};
  }});
  EXPECT_THAT(get(body, 2s).failure.message,
              testing::AnyOf(HasSubstr("response body exceeded 1048576 bytes"), HasSubstr("ErrCode FLOW_CONTROL_ERROR")));
  const FrameServer announced({[](std::uint32_t stream) {
    return Reaction{headers_frame(stream, {{":status", "200"}, {"content-length", "99999999"}})};
  }});
  EXPECT_THAT(get(announced).failure.message, HasSubstr("response body exceeded"));
}

TEST_F(Http2CarrierTest, survives_frames_that_make_no_sense) {
  const std::vector<std::string> nonsense{
      frame(0, 0, 1, "data before headers"),
      frame(1, 4, 1, "\xff\xff\xff\xff"),
      frame(1, 4, 2, gauntlet::test::header_block({{":status", "200"}})),
      frame(9, 4, 1, "continuation of nothing"),
      frame(3, 0, 1, "abc"),
      frame(4, 0, 1, ""),
      frame(8, 0, 0, big_endian(0, 4)),
      frame(5, 4, 1, big_endian(2, 4)),
      headers_frame(1, {{":status", "no number"}}, true),
      headers_frame(1, {{"Upper-Case", "x"}}, true),
      headers_frame(1, {{"no-status", "x"}}, true),
      headers_frame(1, {{":status", "200"}, {"content-length", "5"}}) + data_frame(1, "x", true),
      std::string("\xff\xff\xff\x00\x00\x00\x00\x00\x01", 9),
  };
  for (std::size_t i = 0; i < nonsense.size(); ++i) {
    const FrameServer server({[&](std::uint32_t) { return Reaction{nonsense[i], Reaction::Then::close}; }});
    const HttpExchange& got = get(server);
    EXPECT_TRUE(got.failure) << "case " << i;
    EXPECT_FALSE(got.failure.message.empty()) << "case " << i;
  }
}

TEST_F(Http2CarrierTest, ends_a_request_at_its_deadline_and_tells_the_server) {
  const FrameServer server({[](std::uint32_t) { return Reaction{}; }});
  EXPECT_EQ(get(server, 100ms).failure.message, "request timeout");
  run_until([&] { return server.resets() == 1; });
}

TEST_F(Http2CarrierTest, says_when_the_server_speaks_http_1) {
  const test::ScriptServer server([](test::Peer& peer, int) {
    peer.request();
    peer.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    peer.wait_for_close();
  });
  send(exchange_, server.port());
  run_until([&] { return done_ == 1; });
  EXPECT_THAT(exchange_.failure.cause, HasSubstr("looked like an HTTP/1.1 header"));
}

TEST_F(Http2CarrierTest, fails_all_who_wait_for_a_connection_that_is_refused) {
  std::uint16_t port = 0;
  {
    const test::ScriptServer gone(test::always(""));
    port = gone.port();
  }
  exchanges_ = std::vector<HttpExchange>(3);
  for (HttpExchange& exchange : exchanges_) send(exchange, port);
  run_until([&] { return done_ == 3; });
  for (const HttpExchange& exchange : exchanges_) EXPECT_EQ(exchange.failure.message, "dial: connection refused");
}

TEST_F(Http2CarrierTest, can_be_cancelled_and_destroyed_with_requests_under_way) {
  const FrameServer server({[](std::uint32_t) { return Reaction{}; }});
  exchanges_ = std::vector<HttpExchange>(3);
  for (HttpExchange& exchange : exchanges_) send(exchange, server.port());
  run_until([&] { return server.requests() == 3; });
  client_.cancel(exchanges_[1]);
  run_until([&] { return server.resets() == 1; });
  EXPECT_EQ(done_, 0);
}

}  // namespace
}  // namespace gauntlet::engine::wire
