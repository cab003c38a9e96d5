// gRPC on the listener: what well-behaved clients never send, and what handlers see. tests/integration holds it against
// grpcio and k6.
#include "base/grpc/server.hpp"

#include <gmock/gmock.h>
#include <service.pb.h>

#include <atomic>
#include <optional>
#include <vector>

#include "base/grpc/framing.hpp"
#include "unit/base/http/http2_client.hpp"

namespace gauntlet::base::grpc {
namespace {

using namespace std::chrono_literals;
using http::Http2Client;
using testing::HasSubstr;

std::string framed(const std::string& message, char compressed = 0) {
  auto prefix = prefix_of(message.size());
  prefix[0] = compressed;
  return std::string(prefix.data(), prefix.size()) + message;
}

struct GrpcTest : testing::Test {
  GrpcTest() : rpc({.max_message_bytes = 100'000, .max_buffered_stream_bytes = 200'000}) {
    rpc.unary("/test.Echo/Unary", [](CallPtr call) { call->finish(call->message()); });
    rpc.unary("/test.Echo/Keep", [this](CallPtr call) {
      call->on_cancel([this] { ++cancels; });
      kept.push_back(std::move(call));
    });
    rpc.unary("/test.Echo/Fail", [](const CallPtr& call) { call->fail(ErrorKind::not_found, call->message()); });
    rpc.server_streaming("/test.Echo/SendAndFail", [](const CallPtr& call) {
      call->send("x");
      call->fail(ErrorKind::not_found, call->message());
    });
    rpc.unary("/test.Echo/Drop", [](const CallPtr&) {});
    rpc.unary("/test.Echo/Parse", [](CallPtr call) {
      service::ClaimRewardRequest request;
      if (call->parse(request)) call->finish(request);
    });
    rpc.server_streaming("/test.Echo/Count", [](CallPtr call) {
      for (int i = 0; i < 3; ++i) call->send(std::string(1, static_cast<char>('a' + i)));
      call->finish();
    });
    rpc.server_streaming("/test.Echo/Flood", [this](CallPtr call) {
      for (flooded = 0; flooded < 1000 && call->send(std::string(10'000, 'f')); ++flooded) {
      }
    });
    rpc.bidirectional("/test.Echo/Both", {.on_message =
                                              [this](const CallPtr& call) {
                                                call->send(call->message());
                                                ++answered;
                                              },
                                          .on_half_close = [](const CallPtr& call) { call->finish(); }});
    server.emplace(
        http::ListenerOptions{.header_timeout = 300ms}, [](http::Router&) {}, &rpc);
  }
  ~GrpcTest() override {
    server->on_loop([&] { kept.clear(); });
    server.reset();
  }

  static Http2Client::Headers headers(Http2Client::Headers more = {}) {
    Http2Client::Headers all{{"content-type", "application/grpc"}, {"te", "trailers"}};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  /// The status and message of a call whose request bytes are `body`.
  std::string status_of(std::string_view method, const std::string& body, Http2Client::Headers more = {}) {
    Http2Client client(server->port());
    auto& stream = client.exchange("POST", method, headers(std::move(more)), body);
    EXPECT_EQ(stream.header(":status"), "200");
    return stream.header("grpc-status") + " " + stream.header("grpc-message");
  }

  Server rpc;
  std::vector<CallPtr> kept;  // used on the loop
  int cancels = 0;
  int flooded = 0;
  std::atomic<int> answered = 0;
  std::optional<http::TestServer> server;
};

TEST_F(GrpcTest, answers_with_a_framed_message_and_a_status_in_the_trailers) {
  Http2Client client(server->port());
  auto& stream = client.exchange("POST", "/test.Echo/Unary", headers(), framed("hello"));
  EXPECT_EQ(stream.data, framed("hello"));
  EXPECT_EQ(stream.header("content-type"), "application/grpc");
  EXPECT_EQ(stream.header("grpc-status"), "0");
  EXPECT_EQ(client.exchange("POST", "/test.Echo/Unary", headers(), framed("")).data, framed(""));
}

TEST_F(GrpcTest, refuses_requests_that_are_not_one_whole_message) {
  EXPECT_THAT(status_of("/test.Echo/Unary", framed("hello").substr(0, 7)), HasSubstr("13 the request ends inside its message"));
  EXPECT_THAT(status_of("/test.Echo/Unary", "abc"), HasSubstr("13 "));
  EXPECT_THAT(status_of("/test.Echo/Unary", framed("a") + framed("b")), HasSubstr("12 more than one request message"));
  EXPECT_THAT(status_of("/test.Echo/Unary", framed("a") + "x"), HasSubstr("12 "));
  EXPECT_THAT(status_of("/test.Echo/Unary", ""), HasSubstr("13 the call has no request message"));
  EXPECT_THAT(status_of("/test.Echo/Parse", framed("\xff\xff")), HasSubstr("3 the request is not a service.ClaimRewardRequest"));
}

TEST_F(GrpcTest, refuses_a_message_that_is_too_large_before_it_has_come) {
  Http2Client client(server->port());
  const auto id = client.start("POST", "/test.Echo/Unary", headers(), false);
  client.send_data(id, std::string("\0\0\1\x86\xa1", 5), false);  // 100,001 bytes
  client.run_until([&] { return !client.stream(id).header("grpc-status").empty(); });
  EXPECT_EQ(client.stream(id).header("grpc-status"), "8");
}

TEST_F(GrpcTest, reads_compressed_messages_only_as_announced) {
  EXPECT_THAT(status_of("/test.Echo/Unary", framed("x", 1)), HasSubstr("13 compressed message without grpc-encoding"));
  EXPECT_THAT(status_of("/test.Echo/Unary", framed("x", 1), {{"grpc-encoding", "gzip"}}), HasSubstr("13 malformed gzip message"));
  EXPECT_THAT(status_of("/test.Echo/Unary", framed("x", 2), {{"grpc-encoding", "gzip"}}), HasSubstr("13 "));
  EXPECT_EQ(status_of("/test.Echo/Unary", framed("x"), {{"grpc-encoding", "gzip"}}), "0 ");
  Http2Client client(server->port());
  auto& stream = client.exchange("POST", "/test.Echo/Unary", headers({{"grpc-encoding", "snappy"}}), framed("x", 1));
  EXPECT_EQ(stream.header("grpc-status"), "12");
  EXPECT_EQ(stream.header("grpc-accept-encoding"), "identity,gzip");
}

TEST_F(GrpcTest, takes_only_posts_with_a_timeout_that_it_can_read) {
  Http2Client client(server->port());
  EXPECT_EQ(client.exchange("GET", "/test.Echo/Unary", headers()).header("grpc-status"), "12");
  EXPECT_THAT(status_of("/test.Echo/Unary", framed("x"), {{"grpc-timeout", "soon"}}), HasSubstr("13 malformed grpc-timeout"));
  EXPECT_EQ(client.exchange("POST", "/test.Echo/Unary", {{"content-type", "application/json"}}, "{}").header(":status"), "404");
}

TEST_F(GrpcTest, fails_a_call_that_its_handler_lets_go) {
  EXPECT_THAT(status_of("/test.Echo/Drop", framed("x")), HasSubstr("13 the call was dropped without an answer"));
}

TEST_F(GrpcTest, sends_the_beginning_of_a_status_message_that_is_too_long) {
  std::string text = "a";
  while (text.size() < 90'000) text += "\u00e4";  // two bytes each, six when they are sent
  const std::string shown = status_of("/test.Echo/Fail", framed(text));
  EXPECT_THAT(shown, testing::StartsWith("5 a%C3%A4%C3%A4"));
  EXPECT_THAT(shown, testing::EndsWith("%C3%A4..."));
  EXPECT_EQ(shown, status_of("/test.Echo/SendAndFail", framed(text))) << "in trailers, too";
  EXPECT_LT(shown.size(), 8'192u) << "what grpc's clients take";
  EXPECT_EQ(status_of("/test.Echo/Fail", framed(std::string(2'000, 'a'))), "5 " + std::string(2'000, 'a'));
}

TEST_F(GrpcTest, tells_the_handler_when_the_client_cancels) {
  Http2Client client(server->port());
  const auto id = client.start("POST", "/test.Echo/Keep", headers({{"x-mock-user-id", "u1"}}), false);
  client.send_data(id, framed("x"), true);
  server->wait_for([&](const http::Listener::Counts&) { return kept.size() == 1; });
  client.reset(id);
  server->wait_for([&](const http::Listener::Counts&) { return cancels == 1; });
  server->on_loop([&] {
    EXPECT_TRUE(kept[0]->cancelled());
    EXPECT_FALSE(kept[0]->finished());
    EXPECT_EQ(kept[0]->method(), "/test.Echo/Keep");
    EXPECT_EQ(kept[0]->metadata("x-mock-user-id"), "u1");
    EXPECT_EQ(kept[0]->message(), "x");
    kept[0]->finish("late");
    kept[0]->fail(ErrorKind::internal, "late");
  });
  EXPECT_EQ(client.exchange("POST", "/test.Echo/Unary", headers(), framed("y")).data, framed("y"));
}

TEST_F(GrpcTest, ends_the_call_at_its_deadline_and_tells_the_handler) {
  Http2Client client(server->port());
  auto& stream = client.exchange("POST", "/test.Echo/Keep", headers({{"grpc-timeout", "30m"}}), framed("x"));
  EXPECT_EQ(stream.header("grpc-status"), "4");
  server->on_loop([&] {
    EXPECT_EQ(cancels, 1);
    EXPECT_TRUE(kept[0]->cancelled());
    kept[0]->finish("late");
  });
  EXPECT_EQ(client.exchange("POST", "/test.Echo/Keep", headers({{"grpc-timeout", "0S"}}), framed("x")).header("grpc-status"), "4");
}

TEST_F(GrpcTest, answers_kept_calls_later_all_at_once) {
  Http2Client client(server->port());
  client.receive();  // its settings: until then a client holds back after 100 streams
  std::vector<std::int32_t> ids;
  for (int i = 0; i < 500; ++i) {
    ids.push_back(client.start("POST", "/test.Echo/Keep", headers({{"grpc-timeout", "60S"}}), false));
    client.send_data(ids.back(), framed(std::to_string(i)), true);
  }
  server->wait_for([&](const http::Listener::Counts&) { return kept.size() == 500; });
  server->on_loop([&] {
    for (CallPtr& call : kept) call->finish(call->message());
    kept.clear();
  });
  for (std::size_t i = 0; i < ids.size(); ++i) EXPECT_EQ(client.wait(ids[i]).data, framed(std::to_string(i)));
  EXPECT_EQ(cancels, 0);
  server->wait_for([](const http::Listener::Counts& counts) { return counts.in_flight == 0; });
}

TEST_F(GrpcTest, streams_answers) {
  Http2Client client(server->port());
  auto& stream = client.exchange("POST", "/test.Echo/Count", headers(), framed("x"));
  EXPECT_EQ(stream.data, framed("a") + framed("b") + framed("c"));
  EXPECT_EQ(stream.header("grpc-status"), "0");
}

TEST_F(GrpcTest, ends_a_stream_whose_client_does_not_read) {
  Http2Client client(server->port(), {{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0}});
  client.receive();
  const auto id = client.start("POST", "/test.Echo/Flood", headers(), false);
  client.send_data(id, framed("x"), true);
  server->wait_for([&](const http::Listener::Counts& counts) { return counts.accepted == 1 && flooded > 0; });
  EXPECT_EQ(flooded, 19);  // of 10,005 bytes within 200,000
}

TEST_F(GrpcTest, answers_no_further_question_of_a_stream_whose_answers_wait_and_goes_on_when_they_are_read) {
  Http2Client client(server->port(), {{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0}});
  client.receive();
  const auto id = client.start("POST", "/test.Echo/Both", headers(), false);
  const std::string question(20'000, 'q');
  std::string all;
  for (int i = 0; i < 9; ++i) all += framed(question);
  client.send_data(id, all, true);
  server->wait_for([&](const http::Listener::Counts&) { return answered == 4; });  // 80,020 bytes; then it waits
  client.exchange("POST", "/test.Echo/Fail", headers(), framed("x"));
  EXPECT_EQ(answered, 4);
  nghttp2_submit_window_update(client.session(), NGHTTP2_FLAG_NONE, 0, 1'000'000);
  nghttp2_submit_window_update(client.session(), NGHTTP2_FLAG_NONE, id, 1'000'000);
  client.flush();
  EXPECT_EQ(client.wait(id).data, all);
  EXPECT_EQ(client.stream(id).header("grpc-status"), "0");
}

TEST_F(GrpcTest, cuts_messages_of_a_stream_wherever_they_end) {
  Http2Client client(server->port());
  const auto id = client.start("POST", "/test.Echo/Both", headers(), false);
  const std::string two = framed("first") + framed("second");
  for (const char c : two) client.send_data(id, std::string(1, c), false);
  client.send_data(id, framed("third") + framed(""), false);
  client.run_until([&] { return client.stream(id).data == two + framed("third") + framed(""); });
  // Longer than a whole request may take: streams are exempt.
  usleep(400'000);
  client.send_data(id, framed("last"), true);
  EXPECT_EQ(client.wait(id).data, two + framed("third") + framed("") + framed("last"));
  EXPECT_EQ(client.stream(id).header("grpc-status"), "0");
}

TEST_F(GrpcTest, ends_a_stream_that_ends_inside_a_message) {
  EXPECT_THAT(status_of("/test.Echo/Both", framed("whole") + std::string(2, 0)), HasSubstr("13 the request ends inside a message"));
}

TEST_F(GrpcTest, lets_handlers_keep_calls_longer_than_the_connection_and_the_listener_live) {
  {
    Http2Client client(server->port());
    for (int i = 0; i < 3; ++i) client.send_data(client.start("POST", "/test.Echo/Keep", headers(), false), framed("x"), true);
    server->wait_for([&](const http::Listener::Counts&) { return kept.size() == 3; });
    server->on_loop([&] { kept.pop_back(); });
  }
  server->wait_for([](const http::Listener::Counts& counts) { return counts.connections == 0; });
  server->stop();
  server->on_loop([&] {
    EXPECT_EQ(cancels, 2);
    for (CallPtr& call : kept) call->finish("late");
  });
}

TEST_F(GrpcTest, lists_its_services) { EXPECT_EQ(rpc.services(), std::vector<std::string>{"test.Echo"}); }

}  // namespace
}  // namespace gauntlet::base::grpc
