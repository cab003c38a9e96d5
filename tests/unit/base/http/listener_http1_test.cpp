// HTTP/1.1 as a client sees it on a real socket.
#include <gmock/gmock.h>

#include <atomic>
#include <mutex>
#include <vector>

#include "unit/base/http/test_server.hpp"

namespace gauntlet::base::http {
namespace {

using namespace std::chrono_literals;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

void add_routes(Router& router) {
  router.get("/hello/{name}", [](const ExchangePtr& exchange) {
    exchange->respond({.content_type = "text/plain", .body = "hello " + std::string(exchange->request().parameter("name"))});
  });
  router.post("/echo", [](const ExchangePtr& exchange) {
    exchange->respond({.content_type = "text/plain", .body = std::string(exchange->request().body())});
  });
  router.get("/later/{name}", [](const ExchangePtr& exchange) {
    exchange->loop().call_after(5ms, [exchange] {
      exchange->respond({.content_type = "text/plain", .body = "late " + std::string(exchange->request().parameter("name"))});
    });
  });
  router.get("/header", [](const ExchangePtr& exchange) {
    exchange->respond({.headers = {{"x-safe", "1"}, {"x-asked", *exchange->request().query_value("value")}}});
  });
  router.get("/dropped", [](const ExchangePtr&) {});
  router.get("/empty", [](const ExchangePtr& exchange) { exchange->respond({.status = 204, .content_type = ""}); });
  router.get("/large", [](const ExchangePtr& exchange) {
    static const std::string fragment(64 * 1024, 'L');
    Body body;
    for (int i = 0; i < 64; ++i) {
      body.append_view(fragment);
      body.append_copy("|");
    }
    exchange->respond({.content_type = "text/plain", .body = std::move(body)});
  });
}

struct Http1Test : testing::Test {
  TestServer server{{.max_header_bytes = 2048, .max_body_bytes = 100'000}, add_routes};
  Socket socket{server.port()};
};

TEST_F(Http1Test, answers_with_length_date_and_type) {
  ASSERT_TRUE(socket.send("GET /hello/w%C3%B6rld?x=1 HTTP/1.1\r\nHost: h\r\n\r\n"));
  const std::string response = socket.read_response();
  EXPECT_THAT(response, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(response, HasSubstr("\r\nContent-Type: text/plain\r\nContent-Length: 12\r\n"));
  EXPECT_THAT(response, testing::ContainsRegex("\r\nDate: [A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} GMT\r\n"));
  EXPECT_THAT(response, EndsWith("\r\n\r\nhello w\xc3\xb6rld"));
}

TEST_F(Http1Test, keeps_the_connection_for_the_next_request) {
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(socket.send("GET /later/" + std::to_string(i) + " HTTP/1.1\r\nHost: h\r\n\r\n"));
    EXPECT_THAT(socket.read_response(), EndsWith("late " + std::to_string(i)));
  }
  EXPECT_EQ(server.counts().accepted, 1u);
}

TEST_F(Http1Test, answers_pipelined_requests_in_their_order_though_some_take_time) {
  std::string requests;
  for (int i = 0; i < 50; ++i) {
    requests += (i % 3 == 0 ? "GET /later/" : "GET /hello/") + std::to_string(i) + " HTTP/1.1\r\nHost: h\r\n\r\n";
    requests += "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n" + std::to_string(10 + i) + "\r\n0\r\n\r\n";
  }
  ASSERT_TRUE(socket.send(requests));
  for (int i = 0; i < 50; ++i) {
    EXPECT_THAT(socket.read_response(), EndsWith((i % 3 == 0 ? "late " : "hello ") + std::to_string(i)));
    EXPECT_THAT(socket.read_response(), EndsWith("\r\n\r\n" + std::to_string(10 + i)));
  }
}

TEST_F(Http1Test, takes_requests_byte_by_byte) {
  for (const char c : std::string_view("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc")) {
    ASSERT_TRUE(socket.send(std::string_view(&c, 1)));
  }
  EXPECT_THAT(socket.read_response(), EndsWith("\r\n\r\nabc"));
}

TEST_F(Http1Test, sends_the_head_alone_for_HEAD) {
  ASSERT_TRUE(socket.send("HEAD /hello/x HTTP/1.1\r\nHost: h\r\n\r\nGET /hello/y HTTP/1.1\r\nHost: h\r\n\r\n"));
  EXPECT_THAT(socket.read_response(false), HasSubstr("Content-Length: 7\r\n"));
  EXPECT_THAT(socket.read_response(), EndsWith("hello y"));
}

TEST_F(Http1Test, sends_no_length_with_204) {
  ASSERT_TRUE(socket.send("GET /empty HTTP/1.1\r\nHost: h\r\n\r\n"));
  const std::string response = socket.read_response(false);
  EXPECT_THAT(response, StartsWith("HTTP/1.1 204 No Content\r\n"));
  EXPECT_THAT(response, Not(HasSubstr("Content-")));
}

TEST_F(Http1Test, asks_for_the_body_of_a_client_that_waits_to_be_asked) {
  ASSERT_TRUE(socket.send("POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"));
  EXPECT_EQ(socket.read_response(), "HTTP/1.1 100 Continue\r\n\r\n");
  ASSERT_TRUE(socket.send("abc"));
  EXPECT_THAT(socket.read_response(), EndsWith("\r\n\r\nabc"));
}

TEST_F(Http1Test, refuses_an_announced_body_that_is_too_large_without_asking_for_it) {
  ASSERT_TRUE(socket.send("POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 100001\r\n\r\n"));
  EXPECT_THAT(socket.read_all(), StartsWith("HTTP/1.1 413 "));
}

TEST_F(Http1Test, lets_a_client_in_the_middle_of_too_large_a_body_read_why) {
  ASSERT_TRUE(socket.send("POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"));
  const std::string chunk = "10000\r\n" + std::string(0x10000, 'x') + "\r\n";
  for (int i = 0; i < 20 && socket.send(chunk); ++i) {
  }
  const std::string response = socket.read_all();
  EXPECT_THAT(response, StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(response, HasSubstr("\r\nConnection: close\r\n"));
  EXPECT_THAT(response, EndsWith("\"details\":[]}"));
}

TEST_F(Http1Test, answers_errors_in_the_contracts_shape) {
  const auto answer = [&](std::string_view request) {
    Socket fresh(server.port());
    EXPECT_TRUE(fresh.send(request));
    return fresh.read_response();
  };
  EXPECT_THAT(answer("GET /nothing HTTP/1.1\r\nHost: h\r\n\r\n"),
              AllOf(StartsWith("HTTP/1.1 404 "), EndsWith(R"({"code":5,"message":"Not Found","details":[]})")));
  EXPECT_THAT(answer("DELETE /hello/x HTTP/1.1\r\nHost: h\r\n\r\n"),
              AllOf(StartsWith("HTTP/1.1 405 "), HasSubstr("\r\nallow: GET, HEAD\r\n"), HasSubstr(R"("code":12)")));
  EXPECT_THAT(answer("GET /hello/%ff HTTP/1.1\r\nHost: h\r\n\r\n"), AllOf(StartsWith("HTTP/1.1 400 "), HasSubstr(R"("code":3)")));
  EXPECT_THAT(answer("GET /hello/a%00b HTTP/1.1\r\nHost: h\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(answer("GET /hello/%2 HTTP/1.1\r\nHost: h\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(answer("GET /hello/x HTTP/1.1\r\nHost: h\r\nA: " + std::string(3000, 'a') + "\r\n\r\n"),
              AllOf(StartsWith("HTTP/1.1 431 "), HasSubstr("Connection: close\r\n")));
  EXPECT_THAT(answer("\x16\x03\x01\x02\x00\x01"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(answer("CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n"), StartsWith("HTTP/1.1 404 "));
}

TEST_F(Http1Test, never_serves_what_is_smuggled_behind_a_refused_request) {
  ASSERT_TRUE(
      socket.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
                  "0\r\n\r\nGET /hello/smuggled HTTP/1.1\r\nHost: h\r\n\r\n"));
  const std::string all = socket.read_all();
  EXPECT_THAT(all, StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(all, Not(HasSubstr("smuggled")));
}

TEST_F(Http1Test, closes_after_the_answer_where_the_client_asked_or_speaks_HTTP_1_0) {
  ASSERT_TRUE(socket.send("GET /hello/x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
  EXPECT_THAT(socket.read_all(), AllOf(HasSubstr("Connection: close\r\n"), EndsWith("hello x")));
  Socket old(server.port());
  ASSERT_TRUE(old.send("GET /hello/x HTTP/1.0\r\n\r\n"));
  EXPECT_THAT(old.read_all(), EndsWith("hello x"));
}

TEST_F(Http1Test, answers_a_client_that_has_shut_its_writing_side) {
  ASSERT_TRUE(socket.send("GET /later/1 HTTP/1.1\r\nHost: h\r\n\r\nGET /later/2 HTTP/1.1\r\nHost: h\r\n\r\n"));
  socket.shut_write();
  EXPECT_THAT(socket.read_all(), AllOf(HasSubstr("late 1"), EndsWith("late 2")));
}

TEST_F(Http1Test, answers_500_for_a_handler_that_lets_its_exchange_go) {
  ASSERT_TRUE(socket.send("GET /dropped HTTP/1.1\r\nHost: h\r\n\r\n"));
  EXPECT_THAT(socket.read_response(), StartsWith("HTTP/1.1 500 "));
}

TEST_F(Http1Test, leaves_out_a_header_that_would_write_another) {
  ASSERT_TRUE(socket.send("GET /header?value=a%0d%0aset-cookie:%20b HTTP/1.1\r\nHost: h\r\n\r\n"));
  EXPECT_THAT(socket.read_response(), AllOf(HasSubstr("x-safe: 1\r\n"), Not(HasSubstr("cookie"))));
}

TEST_F(Http1Test, delivers_a_large_gathered_body_to_a_slow_reader) {
  Socket slow(server.port(), 4096);
  ASSERT_TRUE(slow.send("GET /large HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
  const std::string all = slow.read_all();
  const std::string body = all.substr(all.find("\r\n\r\n") + 4);
  ASSERT_EQ(body.size(), 64u * (64 * 1024 + 1));
  EXPECT_EQ(body.substr(64 * 1024, 3), "|LL");
  EXPECT_EQ(body.back(), '|');
}

TEST_F(Http1Test, stops_reading_requests_of_a_client_that_does_not_read_answers) {
  // 1,000 requests for 4 MiB each: were they all served, 4 GB would wait here.
  std::string requests;
  for (int i = 0; i < 1000; ++i) requests += "GET /large HTTP/1.1\r\nHost: h\r\n\r\n";
  ASSERT_TRUE(socket.send(requests));
  server.wait_for([](const Listener::Counts& counts) { return counts.connections == 1; });
  socket.reset();
  server.wait_for([](const Listener::Counts& counts) { return counts.connections == 0; });
}

/// A route whose answers grow; the exchanges belong to the server's thread.
struct Http1StreamTest : testing::Test {
  std::vector<ExchangePtr> streams;
  TestServer server{{}, [this](Router& router) {
                      router.get("/events", [this](const ExchangePtr& exchange) {
                        if (exchange->begin_stream({.content_type = "text/event-stream", .body = "data: first\n\n"})) {
                          streams.push_back(exchange);
                        }
                      });
                    }};
  Socket socket{server.port()};
  ~Http1StreamTest() override {
    server.on_loop([this] { streams.clear(); });
  }
};

TEST_F(Http1StreamTest, sends_each_piece_of_an_answer_that_grows_until_its_end) {
  ASSERT_TRUE(socket.send("GET /events HTTP/1.1\r\nHost: h\r\n\r\n"));
  server.wait_for([this](const Listener::Counts&) { return streams.size() == 1; });
  server.on_loop([this] { streams[0]->stream("data: second\n\n"); });
  server.on_loop([this] {
    EXPECT_TRUE(streams[0]->streaming());
    streams[0]->stream("data: third\n\n");
    streams[0]->end_stream();
  });
  const std::string answer = socket.read_all();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, Not(HasSubstr("Content-Length")));
  EXPECT_THAT(answer, EndsWith("\r\n\r\ndata: first\n\ndata: second\n\ndata: third\n\n"));
  server.wait_for([](const Listener::Counts& counts) { return counts.in_flight == 0; });
}

TEST_F(Http1StreamTest, ends_the_answer_when_its_last_pointer_goes) {
  ASSERT_TRUE(socket.send("GET /events HTTP/1.1\r\nHost: h\r\n\r\n"));
  server.wait_for([this](const Listener::Counts&) { return streams.size() == 1; });
  server.on_loop([this] { streams.clear(); });
  EXPECT_THAT(socket.read_all(), EndsWith("data: first\n\n"));
}

TEST_F(Http1StreamTest, knows_at_once_that_the_reader_of_an_endless_answer_has_left) {
  {
    Socket reader{server.port()};
    ASSERT_TRUE(reader.send("GET /events HTTP/1.1\r\nHost: h\r\n\r\n"));
    server.wait_for([this](const Listener::Counts&) { return streams.size() == 1; });
  }
  server.wait_for([this](const Listener::Counts& counts) { return !streams[0]->streaming() && counts.connections <= 1; });
  server.on_loop([this] { streams[0]->stream("into the void"); });
}

TEST_F(Http1StreamTest, refuses_to_begin_an_endless_answer_to_HEAD) {
  ASSERT_TRUE(socket.send("HEAD /events HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
  EXPECT_THAT(socket.read_all(), StartsWith("HTTP/1.1 501 "));
}

TEST(Http1, survives_clients_that_vanish_while_a_handler_works) {
  std::vector<ExchangePtr> waiting;
  {
    TestServer server({}, [&](Router& router) { router.get("/wait", [&](const ExchangePtr& exchange) { waiting.push_back(exchange); }); });
    {
      Socket socket(server.port());
      ASSERT_TRUE(socket.send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n"));
      server.wait_for([](const Listener::Counts& counts) { return counts.in_flight == 1; });
      socket.reset();
    }
    server.wait_for([](const Listener::Counts& counts) { return counts.connections == 0; });
    server.on_loop([&] {
      EXPECT_TRUE(waiting[0]->abandoned());
      EXPECT_EQ(waiting[0]->request().path(), "/wait");
      waiting[0]->respond(Response{});
    });
    EXPECT_EQ(server.counts().in_flight, 0u);
    Socket socket(server.port());
    ASSERT_TRUE(socket.send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n"));
    server.wait_for([](const Listener::Counts& counts) { return counts.in_flight == 1; });
  }
  // The listener itself has gone; its exchange is still ours.
  EXPECT_TRUE(waiting[1]->abandoned());
  waiting.clear();
}

TEST(Http1, times_out_slow_requests_with_408_and_idle_connections_in_silence) {
  TestServer server({.header_timeout = 60ms, .idle_timeout = 120ms}, add_routes);
  Socket slow(server.port());
  ASSERT_TRUE(slow.send("GET /hello/x HTTP/1.1\r\nHost:"));
  EXPECT_THAT(slow.read_all(), StartsWith("HTTP/1.1 408 "));
  Socket idle(server.port());
  ASSERT_TRUE(idle.send("GET /hello/x HTTP/1.1\r\nHost: h\r\n\r\n"));
  EXPECT_THAT(idle.read_response(), EndsWith("hello x"));
  EXPECT_EQ(idle.read_all(), "");
  Socket silent(server.port());
  EXPECT_EQ(silent.read_all(), "");
  server.wait_for([](const Listener::Counts& counts) { return counts.connections == 0; });
}

TEST(Http1, gives_up_on_a_client_that_reads_nothing) {
  TestServer server({.write_timeout = 60ms}, add_routes);
  Socket stuck(server.port(), 4096);
  ASSERT_TRUE(stuck.send("GET /large HTTP/1.1\r\nHost: h\r\n\r\n"));
  server.wait_for([](const Listener::Counts& counts) { return counts.accepted == 1; });
  server.wait_for([](const Listener::Counts& counts) { return counts.connections == 0; });
}

TEST(Http1, closes_connections_beyond_its_bound_at_once) {
  TestServer server({.max_connections = 2}, add_routes);
  Socket first(server.port());
  Socket second(server.port());
  server.wait_for([](const Listener::Counts& counts) { return counts.connections == 2; });
  Socket third(server.port());
  EXPECT_EQ(third.read_all(), "");
  EXPECT_EQ(server.counts().rejected, 1u);
}

TEST(Http1, drains_finishing_what_is_in_flight_and_refusing_what_is_new) {
  std::vector<ExchangePtr> waiting;
  TestServer server({}, [&](Router& router) {
    add_routes(router);
    router.get("/wait", [&](const ExchangePtr& exchange) { waiting.push_back(exchange); });
  });
  const std::uint16_t port = server.port();
  Socket idle(port);
  ASSERT_TRUE(idle.send("GET /hello/x HTTP/1.1\r\nHost: h\r\n\r\n"));
  EXPECT_THAT(idle.read_response(), EndsWith("hello x"));
  Socket busy(port);
  ASSERT_TRUE(busy.send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n"));
  server.wait_for([](const Listener::Counts& counts) { return counts.in_flight == 1; });

  std::atomic<int> drained{0};
  server.on_loop([&] { server.listener().drain([&] { ++drained; }); });
  EXPECT_EQ(idle.read_all(), "");
  EXPECT_EQ(drained.load(), 0);
  const int late = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_NE(connect(late, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  close(late);

  server.on_loop([&] {
    waiting[0]->respond({.body = "{}"});
    waiting.clear();
  });
  EXPECT_THAT(busy.read_all(), AllOf(HasSubstr("Connection: close\r\n"), EndsWith("{}")));
  shutdown(busy.fd(), SHUT_RDWR);
  while (drained.load() == 0) usleep(1000);
  EXPECT_EQ(drained.load(), 1);
}

TEST(Http1, tells_the_observer_of_every_answer) {
  std::mutex mutex;
  std::vector<std::string> seen;
  ListenerOptions options;
  options.observer = [&](const Answered& answered) {
    EXPECT_GE(answered.elapsed.count(), 0);
    EXPECT_FALSE(answered.trace.request_id().empty());
    const std::lock_guard lock(mutex);
    seen.push_back(std::string(answered.request.method()) + " " + std::string(answered.route) + " " + std::to_string(answered.status));
  };
  TestServer server(options, add_routes);
  Socket socket(server.port());
  ASSERT_TRUE(socket.send("GET /hello/x HTTP/1.1\r\nHost: h\r\n\r\nGET /no HTTP/1.1\r\nHost: h\r\n\r\nnonsense\r\n\r\n"));
  socket.read_all();
  EXPECT_EQ(seen, (std::vector<std::string>{"GET /hello/{name} 200", "GET  404", "  400"}));
}

TEST(Listener, names_address_port_and_reason_when_it_cannot_listen) {
  EventLoop loop;
  Router router;
  Listener first(loop, {.address = "127.0.0.1", .reuse_port = false}, router);
  ASSERT_TRUE(first.listen());
  Listener second(loop, {.address = "127.0.0.1", .port = first.port(), .reuse_port = false}, router);
  const auto listening = second.listen();
  ASSERT_FALSE(listening);
  EXPECT_EQ(listening.error().message, "cannot listen on 127.0.0.1:" + std::to_string(first.port()) + ": Address already in use");
  Listener third(loop, {.address = "localhost"}, router);
  EXPECT_THAT(third.listen().error().message, HasSubstr("'localhost' is not a numeric"));
}

TEST(Listener, shares_its_port_between_threads) {
  TestServer first({}, add_routes);
  TestServer second({.port = first.port()}, add_routes);
  for (int i = 0; i < 40; ++i) {
    Socket socket(first.port());
    ASSERT_TRUE(socket.send("GET /hello/x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
    EXPECT_THAT(socket.read_all(), EndsWith("hello x"));
  }
  EXPECT_EQ(first.counts().accepted + second.counts().accepted, 40u);
}

}  // namespace
}  // namespace gauntlet::base::http
