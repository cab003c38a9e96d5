// HTTP/2 by prior knowledge on the same port as HTTP/1.1.
#include <gmock/gmock.h>

#include <atomic>
#include <vector>

#include "base/metrics.hpp"
#include "unit/base/http/http2_client.hpp"

namespace gauntlet::base::http {
namespace {

using namespace std::chrono_literals;
using testing::StartsWith;

struct Http2Test : testing::Test {
  static ListenerOptions options() {
    return {.max_header_bytes = 4096, .max_body_bytes = 100'000, .max_buffered_response_bytes = 64 * 1024, .max_concurrent_streams = 50};
  }
  TestServer server{options(), [this](Router& router) {
                      router.get("/hello/{name}", [](const ExchangePtr& exchange) {
                        exchange->respond({.content_type = "text/plain",
                                           .body = "hello " + std::string(exchange->request().parameter("name")),
                                           .headers = {{"x-authority", std::string(exchange->request().authority())}}});
                      });
                      router.post("/echo", [](const ExchangePtr& exchange) {
                        exchange->respond({.content_type = "text/plain", .body = std::string(exchange->request().body())});
                      });
                      router.get("/large", [](const ExchangePtr& exchange) {
                        static const std::string fragment(50'000, 'L');
                        Body body;
                        for (int i = 0; i < 40; ++i) {
                          body.append_view(fragment);
                          body.append_copy("|");
                        }
                        exchange->respond({.content_type = "text/plain", .body = std::move(body)});
                      });
                      router.get("/long-header", [](const ExchangePtr& exchange) {
                        exchange->respond({.body = "{}", .headers = {{"x-long", std::string(70'000, 'a')}}});
                      });
                      router.get("/dropped", [](const ExchangePtr&) {});
                      router.get("/wait", [this](const ExchangePtr& exchange) { waiting.push_back(exchange); });
                    }};
  std::vector<ExchangePtr> waiting;  // used on the loop

  void TearDown() override {
    server.on_loop([&] { waiting.clear(); });
  }
};

TEST_F(Http2Test, answers_requests_with_and_without_body) {
  Http2Client client(server.port());
  auto& hello = client.exchange("GET", "/hello/w%20x");
  EXPECT_EQ(hello.header(":status"), "200");
  EXPECT_EQ(hello.header("content-length"), "9");
  EXPECT_EQ(hello.header("x-authority"), "h");
  EXPECT_EQ(hello.data, "hello w x");
  EXPECT_EQ(client.exchange("POST", "/echo", {}, std::string(90'000, 'e')).data, std::string(90'000, 'e'));
  auto& head = client.exchange("HEAD", "/hello/x");
  EXPECT_EQ(head.header("content-length"), "7");
  EXPECT_EQ(head.data, "");
  EXPECT_EQ(client.exchange("GET", "/nothing").header(":status"), "404");
  EXPECT_EQ(client.exchange("DELETE", "/echo").header("allow"), "POST");
}

TEST_F(Http2Test, answers_500_for_a_handler_that_lets_its_exchange_go) {
  Http2Client client(server.port());
  EXPECT_EQ(client.exchange("GET", "/dropped").header(":status"), "500");
}

TEST_F(Http2Test, resets_a_stream_whose_answer_has_more_headers_than_HTTP_2_carries) {
  Http2Client client(server.port());
  EXPECT_EQ(client.wait(client.start("GET", "/long-header")).code, std::uint32_t{NGHTTP2_INTERNAL_ERROR});
  EXPECT_EQ(client.exchange("GET", "/hello/x").data, "hello x");
}

TEST_F(Http2Test, answers_in_whatever_order_handlers_finish) {
  Http2Client client(server.port());
  const auto first = client.start("GET", "/wait");
  const auto second = client.start("GET", "/wait");
  server.wait_for([](const Listener::Counts& counts) { return counts.in_flight == 2; });
  server.on_loop([&] { waiting[1]->respond({.body = "second"}); });
  EXPECT_EQ(client.wait(second).data, "second");
  EXPECT_FALSE(client.stream(first).closed);
  server.on_loop([&] { waiting[0]->respond({.body = "first"}); });
  EXPECT_EQ(client.wait(first).data, "first");
}

TEST_F(Http2Test, sends_large_bodies_through_small_windows) {
  Http2Client client(server.port(), {{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1000}});
  auto& large = client.exchange("GET", "/large");
  ASSERT_EQ(large.data.size(), 40u * 50'001);
  EXPECT_EQ(large.data.substr(50'000, 2), "|L");
  EXPECT_EQ(large.data.back(), '|');
}

TEST_F(Http2Test, refuses_bodies_and_headers_that_are_too_large) {
  Http2Client client(server.port());
  const auto id = client.start("POST", "/echo", {}, false);
  client.send_data(id, std::string(200'000, 'x'), false);
  client.run_until([&] { return !client.stream(id).data.empty(); });
  EXPECT_EQ(client.stream(id).header(":status"), "413");
  EXPECT_EQ(client.exchange("GET", "/hello/x", {{"a", std::string(3000, 'a')}, {"b", std::string(3000, 'b')}}).header(":status"), "431");
  EXPECT_EQ(client.exchange("GET", "/hello/x").data, "hello x");
}

TEST_F(Http2Test, stops_a_client_that_sends_on_after_its_answer) {
  Http2Client client(server.port());
  const auto id = client.start("POST", "/echo", {}, false);
  for (int i = 0; i < 100 && !client.stream(id).closed; ++i) {
    client.send_data(id, std::string(200'000, 'x'), false);
    while (client.socket().readable(0)) client.receive();
  }
  EXPECT_TRUE(client.wait(id).closed);
  EXPECT_EQ(client.stream(id).header(":status"), "413");
  EXPECT_EQ(client.stream(id).code, std::uint32_t{NGHTTP2_NO_ERROR});
}

TEST_F(Http2Test, asks_for_the_body_of_a_client_that_waits_to_be_asked) {
  Http2Client client(server.port());
  const auto id = client.start("POST", "/echo", {{"expect", "100-continue"}}, false);
  client.run_until([&] { return client.stream(id).header(":status") == "100"; });
  client.send_data(id, "abc", true);
  EXPECT_EQ(client.wait(id).data, "abc");
}

TEST_F(Http2Test, abandons_the_exchange_of_a_stream_that_is_reset) {
  Http2Client client(server.port());
  const auto id = client.start("GET", "/wait");
  server.wait_for([](const Listener::Counts& counts) { return counts.in_flight == 1; });
  client.reset(id);
  server.wait_for([](const Listener::Counts& counts) { return counts.in_flight == 0; });
  server.on_loop([&] {
    EXPECT_TRUE(waiting[0]->abandoned());
    waiting[0]->respond(Response{});
  });
  EXPECT_EQ(client.exchange("GET", "/hello/x").data, "hello x");
}

TEST_F(Http2Test, survives_a_connection_that_dies_with_many_streams_open) {
  {
    Http2Client client(server.port());
    for (int i = 0; i < 40; ++i) client.start("GET", "/wait");
    for (int i = 0; i < 5; ++i) client.start("POST", "/echo", {}, false);
    server.wait_for([](const Listener::Counts& counts) { return counts.in_flight == 45; });
    client.socket().reset();
  }
  server.wait_for([](const Listener::Counts& counts) { return counts.in_flight == 0 && counts.connections == 0; });
  server.on_loop([&] {
    for (const ExchangePtr& exchange : waiting) exchange->respond({.body = "late"});
  });
}

TEST_F(Http2Test, announces_how_many_streams_it_takes) {
  Http2Client client(server.port());
  client.exchange("GET", "/hello/x");  // settings have arrived
  EXPECT_EQ(nghttp2_session_get_remote_settings(client.session(), NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS), 50u);
}

TEST_F(Http2Test, ends_a_connection_that_speaks_nonsense_and_serves_the_others) {
  Socket liar(server.port());
  ASSERT_TRUE(liar.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + std::string(1000, 'x')));
  liar.read_all();
  Socket almost(server.port());
  ASSERT_TRUE(almost.send("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n"));
  EXPECT_THAT(almost.read_all(), StartsWith("HTTP/1.1 "));
  Http2Client client(server.port());
  EXPECT_EQ(client.exchange("GET", "/hello/x").data, "hello x");
}

TEST_F(Http2Test, takes_a_preface_in_pieces) {
  Socket slow(server.port());
  for (const char c : std::string_view("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")) ASSERT_TRUE(slow.send(std::string_view(&c, 1)));
  EXPECT_EQ(slow.read_exactly(9).substr(3, 1), std::string(1, '\4'));  // its SETTINGS
}

TEST_F(Http2Test, drains_announcing_it_finishing_streams_and_closing) {
  Http2Client client(server.port());
  const auto id = client.start("GET", "/wait");
  server.wait_for([](const Listener::Counts& counts) { return counts.in_flight == 1; });
  std::atomic<bool> drained{false};
  server.on_loop([&] { server.listener().drain([&] { drained = true; }); });
  client.run_until([&] { return client.goaways() == 2; });
  EXPECT_FALSE(drained.load());
  server.on_loop([&] { waiting[0]->respond({.body = "done"}); });
  EXPECT_EQ(client.wait(id).data, "done");
  EXPECT_TRUE(client.runs_to_the_end());
  shutdown(client.socket().fd(), SHUT_RDWR);
  while (!drained.load()) usleep(1000);
  EXPECT_EQ(client.goaway_code(), std::uint32_t{NGHTTP2_NO_ERROR});
}

TEST(Http2, says_goodbye_to_idle_connections_and_resets_streams_that_never_end) {
  TestServer server({.header_timeout = 60ms, .http2_idle_timeout = 100ms},
                    [](Router& router) { router.post("/echo", [](const ExchangePtr& exchange) { exchange->respond({.body = "{}"}); }); });
  Http2Client client(server.port());
  const auto id = client.start("POST", "/echo", {}, false);
  EXPECT_EQ(client.wait(id).code, std::uint32_t{NGHTTP2_CANCEL});
  EXPECT_TRUE(client.runs_to_the_end());
  EXPECT_EQ(client.goaways(), 1);
  EXPECT_EQ(client.goaway_code(), std::uint32_t{NGHTTP2_NO_ERROR});
}

/// Requests for /large (100 kB each) whose client takes nothing: its window is 0.
struct ClosedWindow {
  static void add_routes(Router& router) {
    router.get("/large", [](const ExchangePtr& exchange) { exchange->respond({.body = std::string(100'000, 'L')}); });
    router.get("/small", [](const ExchangePtr& exchange) { exchange->respond({.body = "{}"}); });
  }
  explicit ClosedWindow(const TestServer& server) : client(server.port(), {{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0}}) { client.receive(); }
  void ask(int count) {
    for (int i = 0; i < count; ++i) streams.push_back(client.start("GET", "/large"));
    client.run_until([&] { return client.stream(streams.back()).header(":status") == "200" || client.stream(streams.back()).closed; });
  }
  int reset_with(std::uint32_t code) {
    return static_cast<int>(std::count_if(streams.begin(), streams.end(),
                                          [&](std::int32_t id) { return client.stream(id).closed && client.stream(id).code == code; }));
  }
  Http2Client client;
  std::vector<std::int32_t> streams;
};

TEST(Http2, holds_no_more_answers_of_a_connection_than_it_may_and_lets_the_stalest_go) {
  metrics::Registry registry;
  TestServer server({.max_connection_bytes = 1'000'000, .metrics = &registry}, ClosedWindow::add_routes);
  ClosedWindow closed(server);
  for (int i = 0; i < 30; ++i) closed.ask(1);
  closed.client.run_until([&] { return closed.reset_with(NGHTTP2_ENHANCE_YOUR_CALM) >= 20; });
  EXPECT_FALSE(closed.client.stream(closed.streams.back()).closed);
  EXPECT_TRUE(closed.client.stream(closed.streams.front()).closed);
  EXPECT_LE(server.counts().held_bytes, 1'000'000u);
  EXPECT_THAT(registry.text(), testing::HasSubstr("http_streams_reset_total{reason=\"memory\"} 2"));
  // What fits is still there for the client to take.
  nghttp2_submit_window_update(closed.client.session(), NGHTTP2_FLAG_NONE, 0, 10'000'000);
  nghttp2_submit_window_update(closed.client.session(), NGHTTP2_FLAG_NONE, closed.streams.back(), 200'000);
  closed.client.flush();
  EXPECT_EQ(closed.client.wait(closed.streams.back()).data.size(), 100'000u);
}

TEST(Http2, closes_the_connections_that_hold_most_while_all_together_hold_too_much) {
  metrics::Registry registry;
  TestServer server({.max_held_bytes = 2'000'000, .metrics = &registry}, ClosedWindow::add_routes);
  Http2Client other(server.port());
  EXPECT_EQ(other.exchange("GET", "/small").data, "{}");
  std::vector<std::unique_ptr<ClosedWindow>> many;
  for (int i = 0; i < 5; ++i) {
    many.push_back(std::make_unique<ClosedWindow>(server));
    many.back()->ask(i == 0 ? 8 : 4);
  }
  server.wait_for([](const Listener::Counts& counts) { return counts.connections == 5; });
  EXPECT_LE(server.counts().held_bytes, 2'000'000u);
  EXPECT_THAT(registry.text(), testing::HasSubstr("http_connections_closed_total{reason=\"memory\"} 1"));
  EXPECT_TRUE(many.front()->client.runs_to_the_end()) << "the one that held most";
  EXPECT_EQ(other.exchange("GET", "/small").data, "{}");
  many.clear();
  server.wait_for([](const Listener::Counts& counts) { return counts.connections == 1 && counts.held_bytes < 10'000; });
}

TEST(Http2, resets_a_stream_whose_client_takes_nothing_of_its_answer) {
  TestServer server({.write_timeout = 100ms}, ClosedWindow::add_routes);
  ClosedWindow closed(server);
  closed.ask(3);
  closed.client.run_until([&] { return closed.reset_with(NGHTTP2_CANCEL) == 3; });
  EXPECT_EQ(server.counts().in_flight, 0u);
}

struct ResetTest : testing::Test {
  static std::string frame(int type, int flags, std::uint32_t stream, const std::string& payload) {
    const auto byte = [](std::uint32_t value, int shift) { return static_cast<char>(value >> shift & 0xffU); };
    const auto size = static_cast<std::uint32_t>(payload.size());
    std::string bytes{byte(size, 16), byte(size, 8), byte(size, 0), static_cast<char>(type), static_cast<char>(flags)};
    for (const int shift : {24, 16, 8, 0}) bytes.push_back(byte(stream, shift));
    return bytes + payload;
  }
  /// GET /count in HPACK, without indexing the path.
  static std::string get() { return "\x82\x86\x04\x06/count\x41\x01h"; }
  static std::string preface() { return "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, ""); }
  static std::string cancel(std::uint32_t stream) { return frame(3, 0, stream, std::string("\0\0\0\x08", 4)); }
  static std::string overflow(std::uint32_t stream) { return frame(8, 0, stream, "\x7f\xff\xff\xff"); }

  std::atomic<int> handled = 0;
  metrics::Registry registry;
  TestServer server{{.max_resets_per_second = 10, .metrics = &registry}, [this](Router& router) {
                      router.get("/count", [this](const ExchangePtr& exchange) {
                        ++handled;
                        exchange->respond({.body = "{}"});
                      });
                    }};

  void expect_closed(const std::function<std::string(std::uint32_t)>& how) {
    Socket socket(server.port());
    std::string bytes = preface();
    for (std::uint32_t stream = 1; stream < 200; stream += 2) bytes += frame(1, 5, stream, get()) + how(stream);
    socket.send(bytes);
    const std::string answer = socket.read_all();
    EXPECT_NE(answer.find(std::string("\0\0\0\x0b", 4)), std::string::npos) << "GOAWAY, ENHANCE_YOUR_CALM";
    EXPECT_EQ(handled, 0) << "what is reset in the same breath reaches no handler";
    EXPECT_THAT(registry.text(), testing::HasSubstr("http_connections_closed_total{reason=\"resets\"} 1"));
  }
};

TEST_F(ResetTest, a_client_that_opens_and_cancels_without_end_is_sent_away) { expect_closed(cancel); }
TEST_F(ResetTest, a_client_that_makes_the_server_reset_its_streams_is_sent_away_as_well) { expect_closed(overflow); }

TEST_F(ResetTest, a_client_that_cancels_now_and_then_stays) {
  Socket socket(server.port());
  std::string bytes = preface();
  for (std::uint32_t stream = 1; stream < 20; stream += 2) bytes += frame(1, 5, stream, get()) + cancel(stream);
  socket.send(bytes + frame(1, 5, 21, get()));
  server.wait_for([&](const Listener::Counts&) { return handled == 1; });
  EXPECT_EQ(server.counts().connections, 1u);
}

TEST_F(ResetTest, a_head_in_endless_pieces_ends_the_connection) {
  Socket socket(server.port());
  std::string bytes = preface() + frame(1, 1, 1, get());
  for (int i = 0; i < 1000; ++i) bytes += frame(9, 0, 1, "");
  socket.send(bytes);
  socket.read_all();
  EXPECT_EQ(handled, 0);
}

TEST(Http2, ends_a_connection_that_floods_it_with_pings_without_reading) {
  TestServer server({.max_buffered_response_bytes = 16 * 1024, .write_timeout = 200ms}, [](Router&) {});
  Socket flood(server.port(), 4096);
  ASSERT_TRUE(flood.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + std::string("\0\0\0\4\0\0\0\0\0", 9)));
  std::string pings;
  for (int i = 0; i < 1000; ++i) pings += std::string("\0\0\x08\6\0\0\0\0\0", 9) + "pingpong";
  // It answers while somebody reads; then it stops taking more, and at last gives up.
  for (int i = 0; i < 2000 && flood.send(pings); ++i) {
  }
  server.wait_for([](const Listener::Counts& counts) { return counts.accepted == 1 && counts.connections == 0; });
}

}  // namespace
}  // namespace gauntlet::base::http
