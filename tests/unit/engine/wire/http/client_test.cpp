#include "engine/wire/http/client.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/engine/wire/dialing_test.hpp"
#include "unit/engine/wire/script_server.hpp"

namespace gauntlet::engine::wire {
namespace {

using namespace std::chrono_literals;
using test::always;
using test::once_then_close;
using test::Peer;
using test::ScriptServer;
using testing::HasSubstr;
using testing::StartsWith;

constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

class HttpClientTest : public DialingTest, public HttpExchange::Listener {
 protected:
  /// Sends a request for `path` and runs the loop until it is answered.
  HttpExchange& get(const ScriptServer& server, std::string_view path = "/", std::chrono::milliseconds timeout = 5s) {
    prepare(exchange_, server, "GET", path, timeout);
    return run(exchange_);
  }
  void prepare(HttpExchange& exchange, const ScriptServer& server, std::string method, std::string_view path,
               std::chrono::milliseconds timeout = 5s) {
    exchange.origin = client_.origin(false, "127.0.0.1", server.port());
    exchange.request_head = method + ' ' + std::string(path) + " HTTP/1.1\r\nHost: 127.0.0.1\r\n";
    if (!exchange.request_body.empty()) exchange.request_head += "Content-Length: " + std::to_string(exchange.request_body.size()) + "\r\n";
    exchange.request_head += "\r\n";
    exchange.is_head = method == "HEAD";
    exchange.is_replayable = method != "POST";
    exchange.deadline = base::EventLoop::Clock::now() + timeout;
    exchange.listener = this;
  }
  HttpExchange& run(HttpExchange& exchange) {
    const int before = done_;
    client_.send(exchange);
    run_until([&] { return done_ > before; });
    return exchange;
  }
  void on_exchange_done(HttpExchange&) override { ++done_; }

  HttpClient client_{loop_, dialer_, HttpLimits{.max_head_bytes = 64 * 1024, .max_body_bytes = 1 << 20}};
  HttpExchange exchange_;
  int done_ = 0;
};

TEST_F(HttpClientTest, reads_status_headers_and_body) {
  const ScriptServer server(always("HTTP/1.1 201 Created it\r\nX-One: 1\r\nContent-Length: 5\r\n\r\nhello"));
  const HttpExchange& got = get(server);
  EXPECT_FALSE(got.failure);
  EXPECT_EQ(got.head.status, 201);
  EXPECT_EQ(got.head.status_text, "201 Created it");
  EXPECT_EQ(got.head.protocol, "HTTP/1.1");
  EXPECT_EQ(field_value(got.head.fields, "x-one"), "1");
  EXPECT_EQ(got.body.view(), "hello");
  EXPECT_EQ(got.remote.text(), "127.0.0.1:" + std::to_string(server.port()));
}

TEST_F(HttpClientTest, keeps_the_connection_for_the_next_request) {
  const ScriptServer server(always(std::string(kOk)));
  for (int i = 0; i < 5; ++i) EXPECT_EQ(get(server).head.status, 200);
  EXPECT_EQ(server.connections(), 1);
  EXPECT_EQ(client_.idle_connections(), 1U);
  EXPECT_EQ(exchange_.timings.connecting, 0ns);
  EXPECT_EQ(exchange_.timings.blocked, 0ns);
}

TEST_F(HttpClientTest, uses_as_many_connections_as_requests_at_once_and_keeps_six) {
  const ScriptServer server([](Peer& peer, int) {
    while (!peer.request().empty()) {
      std::this_thread::sleep_for(20ms);
      peer.send(kOk);
    }
  });
  std::vector<std::unique_ptr<HttpExchange>> all;
  for (int i = 0; i < 10; ++i) {
    all.push_back(std::make_unique<HttpExchange>());
    prepare(*all.back(), server, "GET", "/");
    client_.send(*all.back());
  }
  run_until([&] { return done_ == 10; });
  EXPECT_EQ(server.connections(), 10);
  EXPECT_EQ(client_.idle_connections(), 6U);
}

TEST_F(HttpClientTest, counts_every_byte_both_ways) {
  const ScriptServer server(always(std::string(kOk)));
  get(server);
  EXPECT_EQ(traffic_.received, kOk.size());
  EXPECT_EQ(traffic_.sent, exchange_.request_head.size());
}

TEST_F(HttpClientTest, measures_connecting_waiting_and_receiving) {
  const ScriptServer server([](Peer& peer, int) {
    peer.request();
    std::this_thread::sleep_for(30ms);
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab");
    std::this_thread::sleep_for(30ms);
    peer.send("cd");
    peer.wait_for_close();
  });
  const HttpTimings& times = get(server).timings;
  EXPECT_GT(times.connecting, 0ns);
  EXPECT_GE(times.blocked, times.connecting);
  EXPECT_GE(times.waiting, 25ms);
  EXPECT_GE(times.receiving, 25ms);
  EXPECT_EQ(times.duration(), times.sending + times.waiting + times.receiving);
}

TEST_F(HttpClientTest, reads_a_response_that_drips_in_byte_by_byte) {
  const ScriptServer server([](Peer& peer, int) {
    peer.request();
    for (const char c : std::string_view("HTTP/1.1 200 OK\r\nX: y\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")) {
      peer.send({&c, 1});
      std::this_thread::sleep_for(200us);
    }
    peer.wait_for_close();
  });
  EXPECT_EQ(get(server).body.view(), "abcde");
  EXPECT_EQ(client_.idle_connections(), 1U);
}

TEST_F(HttpClientTest, reads_a_large_body_in_place) {
  std::string body(700'000, 'x');
  for (std::size_t i = 0; i < body.size(); i += 97) body[i] = static_cast<char>('a' + i % 26);
  const ScriptServer server(always("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body));
  EXPECT_EQ(get(server).body.view(), body);
  EXPECT_EQ(get(server).body.view(), body);
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(HttpClientTest, counts_a_discarded_body_and_keeps_none_of_it) {
  const ScriptServer server(always("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + std::string(100'000, 'x')));
  exchange_.discards_body = true;
  get(server);
  EXPECT_EQ(exchange_.body_bytes, 100'000U);
  EXPECT_TRUE(exchange_.body.empty());
  EXPECT_EQ(client_.idle_connections(), 1U);
}

TEST_F(HttpClientTest, sends_a_large_body_that_does_not_fit_the_socket_at_once) {
  std::string received;
  const ScriptServer server([&](Peer& peer, int) {
    std::this_thread::sleep_for(50ms);
    received = peer.request();
    peer.send(kOk);
    peer.wait_for_close();
  });
  const std::string body(8 << 20, 'q');
  exchange_.request_body = body;
  prepare(exchange_, server, "POST", "/");
  EXPECT_EQ(run(exchange_).head.status, 200);
  EXPECT_THAT(received, testing::EndsWith("qqq"));
  EXPECT_EQ(received.size(), exchange_.request_head.size() + body.size());
}

TEST_F(HttpClientTest, takes_an_answer_that_comes_before_the_request_is_sent) {
  const ScriptServer server([](Peer& peer, int) {
    peer.send("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
    peer.wait_for_close();
  });
  const std::string body(32 << 20, 'q');
  exchange_.request_body = body;
  prepare(exchange_, server, "POST", "/");
  EXPECT_EQ(run(exchange_).head.status, 413);
  EXPECT_EQ(client_.idle_connections(), 0U) << "half a request is still to be sent on it";
}

struct Framing {
  const char* name;
  const char* response;
  const char* method;
  int status;
  const char* body;
  std::size_t kept;  // idle connections afterwards
};
class HttpFraming : public HttpClientTest, public testing::WithParamInterface<Framing> {};
TEST_P(HttpFraming, is_understood) {
  const Framing& want = GetParam();
  const ScriptServer server([&](Peer& peer, int) {
    peer.request();
    peer.send(want.response);
    if (std::string_view(want.name).starts_with("until_close")) return peer.close();
    peer.wait_for_close();
  });
  prepare(exchange_, server, want.method, "/");
  const HttpExchange& got = run(exchange_);
  EXPECT_EQ(got.failure.cause, "");
  EXPECT_EQ(got.head.status, want.status);
  EXPECT_EQ(got.body.view(), want.body);
  EXPECT_EQ(client_.idle_connections(), want.kept);
}
INSTANTIATE_TEST_SUITE_P(
    , HttpFraming,
    testing::Values(
        Framing{"no_content", "HTTP/1.1 204 No Content\r\n\r\n", "GET", 204, "", 1},
        Framing{"not_modified_with_length", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", "GET", 304, "", 1},
        Framing{"head_with_length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "HEAD", 200, "", 1},
        Framing{"informational",
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
                "GET", 200, "ok", 1},
        Framing{"chunked_with_extension_and_trailer",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n3;a=b\r\nabc\r\n4\r\ndefg\r\n0\r\nT: x\r\n\r\n", "GET", 200,
                "abcdefg", 1},
        Framing{"chunked_beats_length", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 9\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
                "GET", 200, "abc", 1},
        Framing{"same_length_twice", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nab", "GET", 200, "ab", 1},
        Framing{"until_close", "HTTP/1.1 200 OK\r\n\r\nall of it", "GET", 200, "all of it", 0},
        Framing{"until_close_1_0", "HTTP/1.0 200 OK\r\n\r\nall of it", "GET", 200, "all of it", 0},
        Framing{"http_1_0_closes", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", "GET", 200, "ok", 0},
        Framing{"http_1_0_keep_alive", "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\nok", "GET", 200, "ok", 1},
        Framing{"connection_close", "HTTP/1.1 200 OK\r\nConnection: foo, Close\r\nContent-Length: 2\r\n\r\nok", "GET", 200, "ok", 0},
        Framing{"bare_line_feeds", "HTTP/1.1 200 OK\nContent-Length: 2\n\nok", "GET", 200, "ok", 1},
        Framing{"folded_header", "HTTP/1.1 200 OK\r\nFoo: x\r\n  y\r\nContent-Length:\r\n 2\r\n\r\nok", "GET", 200, "ok", 1},
        Framing{"no_reason", "HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", "GET", 200, "ok", 1},
        Framing{"more_than_it_said", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokEXTRA", "GET", 200, "ok", 0}),
    [](const auto& tested) { return tested.param.name; });

struct Hostile {
  const char* name;
  const char* response;
  const char* message;
  int code;
  bool in_body;
};
class HostileServer : public HttpClientTest, public testing::WithParamInterface<Hostile> {};
TEST_P(HostileServer, fails_in_k6s_words) {
  const Hostile& want = GetParam();
  const ScriptServer server(once_then_close(want.response));
  const HttpExchange& got = get(server);
  EXPECT_EQ(got.failure.message, want.message);
  EXPECT_EQ(got.failure.code, want.code);
  EXPECT_EQ(got.failed_in_body, want.in_body);
  EXPECT_EQ(client_.idle_connections(), 0U);
}
INSTANTIATE_TEST_SUITE_P(
    , HostileServer,
    testing::Values(Hostile{"closes", "", "EOF", 1000, false},
                    Hostile{"cuts_the_head", "HTTP/1.1 200 OK\r\nConte", "malformed MIME header: missing colon: \"Conte\"", 1000, false},
                    Hostile{"cuts_the_body", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789", "unexpected EOF", 1000, true},
                    Hostile{"cuts_a_chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nabc", "unexpected EOF", 1000, true},
                    Hostile{"bad_status", "HTTP/1.1 abc OK\r\n\r\n", "malformed HTTP status code \"abc\"", 1000, false},
                    Hostile{"short_status", "HTTP/1.1 20 OK\r\n\r\n", "malformed HTTP status code \"20\"", 1000, false},
                    Hostile{"garbage", "garbage\r\n\r\n", "malformed HTTP response \"garbage\"", 1000, false},
                    Hostile{"bad_version", "HTTP/x.y 200 OK\r\n\r\n", "malformed HTTP version \"HTTP/x.y\"", 1000, false},
                    Hostile{"no_colon", "HTTP/1.1 200 OK\r\nfoo\r\n\r\n", "malformed MIME header: missing colon: \"foo\"", 1000, false},
                    Hostile{"bad_chunk_size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n",
                            "invalid byte in chunk length", 1000, true},
                    Hostile{"bad_chunk_end", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcXX0\r\n\r\n",
                            "malformed chunked encoding", 1000, true},
                    Hostile{"huge_chunk_size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n11112222333344445\r\nabc",
                            "http chunk length too large", 1000, true},
                    Hostile{"unknown_coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: foo\r\n\r\nabc",
                            "unsupported transfer encoding: \"foo\"", 1000, false},
                    Hostile{"two_lengths", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc",
                            "http: message cannot contain multiple Content-Length headers; got [\"2\" \"3\"]", 1000, false},
                    Hostile{"negative_length", "HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nab", "bad Content-Length \"-2\"", 1000, false},
                    Hostile{"endless_length", "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nab",
                            "bad Content-Length \"99999999999999999999\"", 1000, false},
                    Hostile{"length_beyond_limit", "HTTP/1.1 200 OK\r\nContent-Length: 1048577\r\n\r\nab",
                            "response body exceeded 1048576 bytes; aborted", 1000, true},
                    Hostile{"only_informational",
                            "HTTP/1.1 100 C\r\n\r\nHTTP/1.1 100 C\r\n\r\nHTTP/1.1 100 C\r\n\r\nHTTP/1.1 100 C\r\n\r\nHTTP/1.1 100 "
                            "C\r\n\r\nHTTP/1.1 100 C\r\n\r\n",
                            "net/http: too many 1xx informational responses", 1000, false}),
    [](const auto& tested) { return tested.param.name; });

TEST_F(HttpClientTest, keeps_what_came_of_a_body_that_was_cut) {
  const ScriptServer server(once_then_close("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789"));
  EXPECT_EQ(get(server).body.view(), "0123456789");
}

TEST_F(HttpClientTest, stops_at_endless_headers) {
  const ScriptServer server([](Peer& peer, int) {
    peer.request();
    peer.send("HTTP/1.1 200 OK\r\n");
    const std::string line = "X: " + std::string(1000, 'a') + "\r\n";
    for (int i = 0; i < 2000; ++i) peer.send(line);
  });
  EXPECT_EQ(get(server).failure.message, "net/http: server response headers exceeded 65536 bytes; aborted");
  EXPECT_THAT(exchange_.failure.cause, StartsWith("net/http: HTTP/1.x transport connection broken: "));
}

TEST_F(HttpClientTest, stops_at_an_endless_body) {
  const ScriptServer server([](Peer& peer, int) {
    peer.request();
    peer.send("HTTP/1.1 200 OK\r\n\r\n");
    const std::string piece(65536, 'a');
    for (int i = 0; i < 200; ++i) peer.send(piece);
  });
  EXPECT_EQ(get(server).failure.message, "response body exceeded 1048576 bytes; aborted");
}

TEST_F(HttpClientTest, reports_a_reset) {
  const ScriptServer server([](Peer& peer, int) {
    peer.request();
    peer.reset();
  });
  get(server);
  EXPECT_EQ(exchange_.failure.code, 1220);
  EXPECT_EQ(exchange_.failure.message, "read: connection reset by peer");
  EXPECT_THAT(exchange_.failure.cause, HasSubstr("->127.0.0.1:" + std::to_string(server.port()) + ": read: connection reset by peer"));
}

TEST_F(HttpClientTest, reports_a_refused_connection) {
  std::uint16_t port = 0;
  {
    const ScriptServer gone(always(""));
    port = gone.port();
  }
  exchange_.origin = client_.origin(false, "127.0.0.1", port);
  exchange_.listener = this;
  run(exchange_);
  EXPECT_EQ(exchange_.failure.code, 1212);
  EXPECT_EQ(exchange_.failure.message, "dial: connection refused");
  EXPECT_EQ(exchange_.failure.cause, "dial tcp 127.0.0.1:" + std::to_string(port) + ": connect: connection refused");
  EXPECT_FALSE(exchange_.has_remote);
}

TEST_F(HttpClientTest, times_out_in_every_phase) {
  const ScriptServer silent([](Peer& peer, int) {
    peer.request();
    peer.wait_for_close();
  });
  get(silent, "/", 30ms);
  EXPECT_EQ(exchange_.failure.code, 1050);
  EXPECT_EQ(exchange_.failure.message, "request timeout");
  EXPECT_FALSE(exchange_.failed_in_body);
  EXPECT_GE(exchange_.timings.waiting, 25ms);

  const ScriptServer halting([](Peer& peer, int) {
    peer.request();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
    peer.wait_for_close();
  });
  get(halting, "/", 30ms);
  EXPECT_EQ(exchange_.failure.code, 1050);
  EXPECT_TRUE(exchange_.failed_in_body);
  EXPECT_EQ(exchange_.body.view(), "abc");
  EXPECT_EQ(client_.in_flight(), 0U);
}

TEST_F(HttpClientTest, times_out_only_those_whose_time_has_come) {
  const ScriptServer server([](Peer& peer, int) {
    const std::string request = peer.request();
    if (request.starts_with("GET /slow")) std::this_thread::sleep_for(120ms);
    else std::this_thread::sleep_for(60ms);
    peer.send(kOk);
    peer.wait_for_close();
  });
  HttpExchange impatient;
  HttpExchange patient;
  prepare(patient, server, "GET", "/", 5s);
  prepare(impatient, server, "GET", "/slow", 20ms);
  client_.send(patient);
  client_.send(impatient);
  run_until([&] { return done_ == 2; });
  EXPECT_EQ(impatient.failure.code, 1050);
  EXPECT_EQ(patient.head.status, 200);
}

TEST_F(HttpClientTest, tries_again_when_a_kept_connection_was_dead_all_along) {
  const ScriptServer server([](Peer& peer, int number) {
    peer.request();
    peer.send(kOk);
    if (number == 0) {
      // Waits for the second request, and drops it unread.
      peer.request();
      return peer.reset();
    }
    peer.wait_for_close();
  });
  get(server);
  EXPECT_EQ(get(server).head.status, 200);
  EXPECT_EQ(server.connections(), 2);
}

TEST_F(HttpClientTest, does_not_repeat_a_post) {
  const ScriptServer server([](Peer& peer, int number) {
    peer.request();
    peer.send(kOk);
    if (number == 0) peer.request();
  });
  get(server);
  exchange_.request_body = "x";
  prepare(exchange_, server, "POST", "/");
  EXPECT_EQ(run(exchange_).failure.message, "EOF");
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(HttpClientTest, forgets_an_idle_connection_that_the_server_closes) {
  const ScriptServer server(once_then_close(std::string(kOk)));
  get(server);
  run_until([&] { return client_.idle_connections() == 0; });
  EXPECT_EQ(get(server).head.status, 200);
  EXPECT_EQ(server.connections(), 2);
}

TEST_F(HttpClientTest, does_not_mistake_unsolicited_bytes_for_the_next_answer) {
  const ScriptServer server([](Peer& peer, int number) {
    peer.request();
    peer.send(number == 0 ? "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst" : "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond");
    if (number == 0) {
      std::this_thread::sleep_for(20ms);
      peer.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
    }
    peer.wait_for_close();
  });
  EXPECT_EQ(get(server).body.view(), "first");
  run_until([&] { return client_.idle_connections() == 0; });
  EXPECT_EQ(get(server).body.view(), "second");
}

TEST_F(HttpClientTest, closes_after_the_answer_when_the_request_says_so) {
  const ScriptServer server(always(std::string(kOk)));
  exchange_.wants_close = true;
  get(server);
  EXPECT_EQ(client_.idle_connections(), 0U);
}

TEST_F(HttpClientTest, cancels_without_telling) {
  const ScriptServer server([](Peer& peer, int) {
    peer.request();
    peer.wait_for_close();
  });
  prepare(exchange_, server, "GET", "/");
  client_.send(exchange_);
  loop_.run_once(50ms);
  client_.cancel(exchange_);
  loop_.run_once(1ms);
  EXPECT_EQ(done_, 0);
  EXPECT_EQ(client_.in_flight(), 0U);
}

TEST_F(HttpClientTest, can_be_destroyed_with_requests_under_way) {
  const ScriptServer server([](Peer& peer, int) {
    peer.request();
    peer.wait_for_close();
  });
  HttpExchange one;
  HttpExchange two;
  {
    HttpClient client(loop_, dialer_, HttpLimits{});
    prepare(one, server, "GET", "/");
    prepare(two, server, "GET", "/");
    one.origin = two.origin = client.origin(false, "127.0.0.1", server.port());
    client.send(one);
    loop_.run_once(20ms);
    client.send(two);
  }
  loop_.run_once(1ms);
  EXPECT_EQ(done_, 0);
}

TEST_F(HttpClientTest, sends_the_next_request_from_the_listener_of_the_last) {
  const ScriptServer server(always(std::string(kOk)));
  struct Chain : HttpExchange::Listener {
    HttpClient& client;
    int left = 100;
    explicit Chain(HttpClient& c) : client(c) {}
    void on_exchange_done(HttpExchange& exchange) override {
      EXPECT_EQ(exchange.head.status, 200);
      if (--left > 0) client.send(exchange);
    }
  } chain(client_);
  prepare(exchange_, server, "GET", "/");
  exchange_.listener = &chain;
  client_.send(exchange_);
  run_until([&] { return chain.left == 0; });
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(HttpClientTest, does_not_keep_made_up_origins_for_ever) {
  for (int i = 0; i < 5000; ++i) client_.origin(false, "host" + std::to_string(i), 80);
  const ScriptServer server(always(std::string(kOk)));
  EXPECT_EQ(get(server).head.status, 200);
}

}  // namespace
}  // namespace gauntlet::engine::wire
