// The gRPC client against a server that misbehaves on request. Texts are those that k6 1.8.1 showed for the same frames.
#include "engine/wire/grpc/client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/event_loop.hpp"
#include "base/gzip.hpp"
#include "unit/engine/wire/dialing_test.hpp"
#include "unit/engine/wire/frame_server.hpp"

namespace gauntlet::engine::wire {
namespace {

using namespace std::chrono_literals;
using namespace gauntlet::test;
using testing::HasSubstr;
using testing::StartsWith;

class RecordingCall final : public GrpcCall {
 public:
  std::vector<std::string> messages;
  int ends = 0;
  std::function<void()> at_message = [] {};
  std::function<void()> at_end = [] {};

  std::string header(std::string_view name) const { return find(headers(), name); }
  std::string trailer(std::string_view name) const { return find(trailers(), name); }

 private:
  static std::string find(const GrpcMetadata& metadata, std::string_view name) {
    for (std::size_t i = 0; i < metadata.size(); ++i) {
      if (metadata[i].name == name) return std::string(metadata[i].value);
    }
    return "(absent)";
  }
  void on_message(std::string_view message) override {
    messages.emplace_back(message);
    at_message();
  }
  void on_end() override {
    ++ends;
    at_end();
  }
};

class GrpcClientTest : public DialingTest {
 protected:
  std::unique_ptr<GrpcClient> client_for(const std::string& address, GrpcClientOptions options = {}) {
    options.address = address;
    options.user_agent = "test";
    return std::make_unique<GrpcClient>(dialer_, loop_, options);
  }

  std::optional<std::string> connect(GrpcClient& client, std::chrono::nanoseconds timeout = 5s) {
    std::optional<std::optional<std::string>> outcome;
    client.connect(timeout, [&](std::optional<std::string> problem) { outcome = std::move(problem); });
    EXPECT_FALSE(outcome.has_value()) << "called back from inside connect()";
    run_until([&] { return outcome.has_value(); });
    return outcome.value_or("no callback");
  }

  void call(GrpcClient& client, RecordingCall& made, std::string_view message = "ask", std::chrono::nanoseconds timeout = 5s,
            std::vector<GrpcMetadata::Entry> metadata = {}) {
    const int before = made.ends;
    client.start(made, {.path = "/test.Service/Method", .metadata = metadata, .timeout = timeout}, &message, true);
    EXPECT_EQ(made.ends, before) << "ended from inside start()";
    run_until([&] { return made.ends == before + 1; });
  }

  /// One call against one reaction.
  void call_against(FrameServer::React reaction, RecordingCall& made, GrpcClientOptions options = {}) {
    FrameServer server({std::move(reaction)});
    const auto client = client_for(server.address(), options);
    ASSERT_EQ(connect(*client), std::nullopt);
    call(*client, made);
  }
};

TEST_F(GrpcClientTest, answers_with_message_headers_and_trailers) {
  FrameServer server({[](auto stream) {
    return Reaction{headers_frame(stream, {{":status", "200"}, {"content-type", "application/grpc"}, {"x-init", "1"}, {"x-init", "2"}}) +
                    data_frame(stream, grpc_message("hello")) +
                    headers_frame(stream, {{"grpc-status", "0"}, {"x-trail", "t"}, {"x-b-bin", "AQI"}}, true)};
  }});
  const auto client = client_for(server.address());
  ASSERT_EQ(connect(*client), std::nullopt);
  RecordingCall made;
  call(*client, made);
  EXPECT_EQ(made.status().code, 0);
  EXPECT_EQ(made.messages, std::vector<std::string>{"hello"});
  ASSERT_EQ(made.headers().size(), 3U);
  EXPECT_EQ(made.headers()[0].name, "content-type");
  EXPECT_EQ(made.headers()[2].value, "2");
  EXPECT_EQ(made.trailer("x-trail"), "t");
  EXPECT_EQ(made.trailer("x-b-bin"), "\x01\x02");
  EXPECT_EQ(made.trailer("grpc-status"), "(absent)");
  EXPECT_EQ(server.body(), grpc_message("ask"));
  EXPECT_GT(made.ended(), made.started());
  EXPECT_GT(traffic_.sent, 50U);
  EXPECT_GT(traffic_.received, 50U);
}

TEST_F(GrpcClientTest, keeps_one_connection_for_many_calls) {
  FrameServer server({[](auto stream) { return Reaction{grpc_answer(stream, "x")}; }});
  const auto client = client_for(server.address());
  ASSERT_EQ(connect(*client), std::nullopt);
  RecordingCall made;
  for (int i = 0; i < 100; ++i) call(*client, made);
  EXPECT_EQ(made.messages.size(), 100U);
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(GrpcClientTest, runs_many_calls_at_once_on_one_connection) {
  FrameServer server({[](auto stream) { return Reaction{grpc_answer(stream, "x")}; }});
  const auto client = client_for(server.address());
  ASSERT_EQ(connect(*client), std::nullopt);
  std::vector<std::unique_ptr<RecordingCall>> calls;
  const std::string_view message = "ask";
  for (int i = 0; i < 300; ++i) {  // more than the 100 streams assumed before the server's settings, and in its window
    calls.push_back(std::make_unique<RecordingCall>());
    client->start(*calls.back(), {.path = "/a/b", .metadata = {}, .timeout = 5s}, &message, true);
  }
  run_until([&] { return std::all_of(calls.begin(), calls.end(), [](const auto& each) { return each->ends == 1; }); });
  for (const auto& each : calls) EXPECT_EQ(each->status().code, 0);
  EXPECT_EQ(server.requests(), 300);
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(GrpcClientTest, starts_the_next_call_from_inside_the_end_of_the_last) {
  FrameServer server({[](auto stream) { return Reaction{grpc_answer(stream, "x")}; }});
  const auto client = client_for(server.address());
  ASSERT_EQ(connect(*client), std::nullopt);
  RecordingCall made;
  const std::string_view message = "ask";
  made.at_end = [&] {
    if (made.ends < 50) client->start(made, {.path = "/a/b", .metadata = {}, .timeout = 5s}, &message, true);
  };
  client->start(made, {.path = "/a/b", .metadata = {}, .timeout = 5s}, &message, true);
  run_until([&] { return made.ends == 50; });
  EXPECT_EQ(made.messages.size(), 50U);
}

TEST_F(GrpcClientTest, may_be_destroyed_from_inside_its_callbacks) {
  for (const bool at_message : {false, true}) {
    FrameServer server({[](auto stream) { return Reaction{grpc_answer(stream, "x") + grpc_answer(stream + 2, "y")}; }});
    auto client = client_for(server.address());
    ASSERT_EQ(connect(*client), std::nullopt);
    RecordingCall made;
    (at_message ? made.at_message : made.at_end) = [&] { client.reset(); };
    const std::string_view message = "ask";
    client->start(made, {.path = "/a/b", .metadata = {}, .timeout = 5s}, &message, true);
    run_until([&] { return client == nullptr; });
    EXPECT_EQ(made.ends, at_message ? 0 : 1);
    EXPECT_FALSE(made.is_active());
  }
  {
    FrameServer server({[](auto stream) { return Reaction{grpc_answer(stream, "x")}; }});
    auto client = client_for(server.address());
    client->connect(5s, [&](auto) { client.reset(); });
    run_until([&] { return client == nullptr; });
  }
}

TEST_F(GrpcClientTest, takes_messages_that_come_in_pieces) {
  const std::string long_message(300'000, 'm');
  RecordingCall made;
  call_against(
      [&](auto stream) {
        std::string bytes = grpc_headers(stream);
        const std::string framed = grpc_message(long_message);
        for (std::size_t at = 0, step = 1; at < framed.size(); at += step, step = std::min<std::size_t>(step * 2, 16'000)) {
          bytes += data_frame(stream, std::string_view(framed).substr(at, step));
        }
        return Reaction{bytes + grpc_trailers(stream)};
      },
      made);
  EXPECT_EQ(made.status().code, 0) << made.status().message;
  EXPECT_EQ(made.messages, std::vector<std::string>{long_message});
}

TEST_F(GrpcClientTest, sends_messages_larger_than_the_windows) {
  // The server grants no more than the default 64 KB window until it says so.
  const std::string large(60'000, 'q');
  FrameServer server({[](auto stream) { return Reaction{grpc_answer(stream, "x")}; }});
  const auto client = client_for(server.address());
  ASSERT_EQ(connect(*client), std::nullopt);
  RecordingCall made;
  call(*client, made, large);
  EXPECT_EQ(server.body(), grpc_message(large));
}

TEST_F(GrpcClientTest, unpacks_gzip) {
  const std::string plain(50'000, 'z');
  std::string packed;
  base::Deflater(base::ZlibFormat::gzip).append(packed, plain, Z_FINISH);
  const auto reaction = [&](auto stream) {
    return Reaction{headers_frame(stream, {{":status", "200"}, {"content-type", "application/grpc+proto"}, {"grpc-encoding", "gzip"}}) +
                    data_frame(stream, grpc_message(packed, 1)) + grpc_trailers(stream)};
  };
  RecordingCall made;
  call_against(reaction, made);
  EXPECT_EQ(made.messages, std::vector<std::string>{plain});
  RecordingCall limited;
  GrpcClientOptions options;
  options.max_receive_bytes = 40'000;
  call_against(reaction, limited, options);
  EXPECT_EQ(limited.status().code, 8);
  EXPECT_EQ(limited.messages.size(), 0U);
}

struct Misbehaviour {
  const char* name;
  FrameServer::React react;
  int code;
  std::string message;
  int messages = 0;
};

TEST_F(GrpcClientTest, names_what_the_server_did_wrong) {
  using Then = Reaction::Then;
  const auto ok_headers = [](auto s) { return grpc_headers(s); };
  const std::string message = grpc_message("hello");
  const std::vector<Misbehaviour> cases = {
      {"cancelled", [](auto s) { return Reaction{rst_frame(s, 8)}; }, 1, "stream terminated by RST_STREAM with error code: CANCEL"},
      {"reset after headers", [=](auto s) { return Reaction{ok_headers(s) + rst_frame(s, 2)}; }, 13,
       "stream terminated by RST_STREAM with error code: INTERNAL_ERROR"},
      {"calm", [](auto s) { return Reaction{rst_frame(s, 11)}; }, 8, "stream terminated by RST_STREAM with error code: ENHANCE_YOUR_CALM"},
      {"reset without error", [=](auto s) { return Reaction{ok_headers(s) + rst_frame(s, 0)}; }, 13,
       "stream terminated by RST_STREAM with error code: NO_ERROR"},
      {"refused again and again", [](auto s) { return Reaction{rst_frame(s, 7)}; }, 14,
       "stream terminated by RST_STREAM with error code: REFUSED_STREAM"},
      {"trailers only, OK",
       [](auto s) {
         return Reaction{headers_frame(s, {{":status", "200"}, {"content-type", "application/grpc"}, {"grpc-status", "0"}}, true)};
       },
       13, "cardinality violation: received no response message from non-server-streaming RPC"},
      {"two messages", [=](auto s) { return Reaction{ok_headers(s) + data_frame(s, message + message) + grpc_trailers(s)}; }, 13,
       "cardinality violation: expected <EOF> for non server-streaming RPCs, but received another message", 1},
      {"trailers without status",
       [=](auto s) {
         return Reaction{ok_headers(s) + data_frame(s, message) + headers_frame(s, {{"x", "1"}}, true)};
       },
       2, "", 1},
      {"no trailers", [=](auto s) { return Reaction{ok_headers(s) + data_frame(s, message, true)}; }, 13,
       "server closed the stream without sending trailers", 1},
      {"headers only",
       [](auto s) {
         return Reaction{headers_frame(s, {{":status", "200"}, {"content-type", "application/grpc"}}, true)};
       },
       2, ""},
      {"not found with a page",
       [](auto s) {
         return Reaction{headers_frame(s, {{":status", "404"}, {"content-type", "text/plain"}}) + data_frame(s, "nope", true)};
       },
       12,
       "unexpected HTTP status code received from server: 404 (Not Found); transport: received unexpected content-type "
       "\"text/plain\"\ndata: \"nope\""},
      {"not found",
       [](auto s) {
         return Reaction{headers_frame(s, {{":status", "404"}, {"content-type", "text/plain"}}, true)};
       },
       12, "unexpected HTTP status code received from server: 404 (Not Found); transport: received unexpected content-type \"text/plain\""},
      {"unavailable",
       [](auto s) {
         return Reaction{headers_frame(s, {{":status", "503"}}, true)};
       },
       14, "unexpected HTTP status code received from server: 503 (Service Unavailable); malformed header: missing HTTP content-type"},
      {"a page",
       [](auto s) {
         return Reaction{headers_frame(s, {{":status", "200"}, {"content-type", "text/html"}}) + data_frame(s, "nope", true)};
       },
       2,
       "unexpected HTTP status code received from server: 200 (OK); transport: received unexpected content-type \"text/html\"\ndata: "
       "\"nope\""},
      {"a status in an HTTP error",
       [](auto s) {
         return Reaction{headers_frame(
             s, {{":status", "500"}, {"content-type", "application/grpc"}, {"grpc-status", "5"}, {"grpc-message", "m"}}, true)};
       },
       5, "m"},
      {"status abc", [=](auto s) { return Reaction{ok_headers(s) + grpc_trailers(s, "abc")}; }, 2,
       "transport: the grpc-status \"abc\" is no number"},
      {"status 99",
       [=](auto s) {
         return Reaction{ok_headers(s) + headers_frame(s, {{"grpc-status", "99"}, {"grpc-message", "x%20y%E2%9C%93%zz"}}, true)};
       },
       99, "x y\xE2\x9C\x93%zz"},
      {"a binary header that is none",
       [=](auto s) {
         return Reaction{ok_headers(s) + headers_frame(s, {{"grpc-status", "0"}, {"x-bin", "AAAAA"}}, true)};
       },
       13, "malformed binary header \"x-bin\""},
      {"compressed, no encoding",
       [=](auto s) { return Reaction{ok_headers(s) + data_frame(s, grpc_message("hello", 1)) + grpc_trailers(s)}; }, 13,
       "grpc: compressed flag set with identity or empty encoding"},
      {"unknown encoding",
       [](auto s) {
         return Reaction{headers_frame(s, {{":status", "200"}, {"content-type", "application/grpc"}, {"grpc-encoding", "snappy"}}) +
                         data_frame(s, grpc_message("hello", 1)) + grpc_trailers(s)};
       },
       13, "grpc: Decompressor is not installed for grpc-encoding \"snappy\""},
      {"gzip garbage",
       [](auto s) {
         return Reaction{headers_frame(s, {{":status", "200"}, {"content-type", "application/grpc"}, {"grpc-encoding", "gzip"}}) +
                         data_frame(s, grpc_message("hello", 1)) + grpc_trailers(s)};
       },
       13, "grpc: failed to decompress the message: unexpected EOF"},
      {"flag 2", [=](auto s) { return Reaction{ok_headers(s) + data_frame(s, grpc_message("hello", 2)) + grpc_trailers(s)}; }, 13,
       "grpc: received unexpected payload format 2"},
      {"truncated", [=](auto s) { return Reaction{ok_headers(s) + data_frame(s, message.substr(0, 7)) + grpc_trailers(s)}; }, 13,
       "unexpected EOF"},
      {"too large", [=](auto s) { return Reaction{ok_headers(s) + data_frame(s, std::string("\0\0\x4c\x4b\x45", 5))}; }, 8,
       "grpc: received message larger than max (5000005 vs. 4194304)"},
      {"message, then an error",
       [=](auto s) {
         return Reaction{ok_headers(s) + data_frame(s, message) +
                         headers_frame(s, {{"grpc-status", "7"}, {"grpc-message", "denied"}}, true)};
       },
       7, "denied", 1},
      {"closed in the middle",
       [=](auto s) {
         return Reaction{ok_headers(s) + data_frame(s, message), Then::close};
       },
       14, "error reading from server: EOF", 1},
      {"goaway, then closed",
       [](auto s) {
         return Reaction{goaway_frame(s, 11, "too_many_pings"), Then::close};
       },
       14,
       "closing transport due to: connection error: desc = \"error reading from server: EOF\", received prior goaway: code: "
       "ENHANCE_YOUR_CALM, debug data: \"too_many_pings\""},
      {"goaway, then the answer", [](auto s) { return Reaction{goaway_frame(s, 0) + grpc_answer(s, "x")}; }, 0, "", 1},
      {"upper-case header",
       [](auto s) {
         return Reaction{headers_frame(s, {{":status", "200"}, {"X-Bad", "1"}}) + grpc_trailers(s)};
       },
       13, "the server broke the rules of HTTP/2 in this stream (PROTOCOL_ERROR)"},
  };
  for (const Misbehaviour& each : cases) {
    SCOPED_TRACE(each.name);
    RecordingCall made;
    call_against(each.react, made);
    EXPECT_EQ(made.status().code, each.code);
    EXPECT_EQ(made.status().message, each.message);
    EXPECT_EQ(made.messages.size(), static_cast<std::size_t>(each.messages));
  }
}

TEST_F(GrpcClientTest, survives_frames_that_make_no_sense) {
  for (const std::string& garbage : {std::string(100, '\xff'), std::string("\0\0\4\x08\0\0\0\0\0\0\0\0\0", 13), frame(1, 4, 0, "x"),
                                     frame(9, 4, 1, "zzz"), frame(4, 0, 0, "123"), frame(0, 0, 7, "data for nobody")}) {
    RecordingCall made;
    call_against([&](auto) { return Reaction{garbage, Reaction::Then::close}; }, made);
    EXPECT_EQ(made.status().code, grpc_status::kUnavailable);
    EXPECT_THAT(made.status().message, HasSubstr("error reading from server: "));
  }
}

TEST_F(GrpcClientTest, tells_a_reset_connection) {
  RecordingCall made;
  call_against([](auto s) { return Reaction{grpc_headers(s), Reaction::Then::reset}; }, made);
  EXPECT_EQ(made.status().code, grpc_status::kUnavailable);
  EXPECT_THAT(made.status().message, StartsWith("error reading from server: read tcp 127.0.0.1:"));
  EXPECT_THAT(made.status().message, HasSubstr("read: connection reset by peer"));
  EXPECT_EQ(made.header("content-type"), "application/grpc");
}

TEST_F(GrpcClientTest, sends_again_what_the_server_has_not_looked_at) {
  for (const bool by_goaway : {false, true}) {
    FrameServer server({[=](auto s) {
                          return by_goaway ? Reaction{goaway_frame(0, 0), Reaction::Then::close} : Reaction{rst_frame(s, 7)};
                        },
                        [](auto s) { return Reaction{grpc_answer(s, "second")}; }});
    const auto client = client_for(server.address());
    ASSERT_EQ(connect(*client), std::nullopt);
    RecordingCall made;
    call(*client, made);
    EXPECT_EQ(made.status().code, 0) << made.status().message;
    EXPECT_EQ(made.messages, std::vector<std::string>{"second"});
    EXPECT_EQ(server.connections(), by_goaway ? 2 : 1);
    EXPECT_EQ(server.body(), grpc_message("ask") + grpc_message("ask"));
  }
}

TEST_F(GrpcClientTest, connects_anew_after_the_connection_was_lost) {
  FrameServer server({[](auto s) {
                        return Reaction{grpc_answer(s, "one"), Reaction::Then::close};
                      },
                      [](auto s) { return Reaction{grpc_answer(s, "two")}; }});
  const auto client = client_for(server.address());
  ASSERT_EQ(connect(*client), std::nullopt);
  RecordingCall made;
  call(*client, made);
  run_until([&] { return client->remote().empty(); });
  call(*client, made);
  EXPECT_EQ(made.messages, (std::vector<std::string>{"one", "two"}));
  EXPECT_EQ(server.connections(), 2);
}

TEST_F(GrpcClientTest, fails_calls_while_the_server_is_away) {
  FrameServer server({[](auto s) { return Reaction{grpc_answer(s, "one")}; }});
  const auto client = client_for(server.address());
  ASSERT_EQ(connect(*client), std::nullopt);
  server.stop();
  run_until([&] { return client->remote().empty(); });
  RecordingCall made;
  for (int i = 0; i < 3; ++i) {
    call(*client, made);
    EXPECT_EQ(made.status().code, grpc_status::kUnavailable);
    EXPECT_EQ(made.status().message, "connection error: desc = \"transport: error while dialing: dial tcp " + server.address() +
                                         ": connect: connection refused\"");
  }
}

TEST_F(GrpcClientTest, ends_a_call_at_its_timeout_and_tells_the_server) {
  FrameServer server({[](auto s) { return Reaction{grpc_headers(s)}; }, [](auto s) { return Reaction{grpc_answer(s, "x")}; }});
  const auto client = client_for(server.address());
  ASSERT_EQ(connect(*client), std::nullopt);
  RecordingCall made;
  call(*client, made, "ask", 30ms);
  EXPECT_EQ(made.status().code, grpc_status::kDeadlineExceeded);
  EXPECT_EQ(made.status().message, "context deadline exceeded");
  EXPECT_GE(made.ended() - made.started(), 30ms);
  call(*client, made);  // the connection serves on
  EXPECT_EQ(made.status().code, 0);
  run_until([&] { return server.resets() == 1; });
}

TEST_F(GrpcClientTest, a_short_timeout_overtakes_a_long_one) {
  FrameServer server({[](auto) { return Reaction{}; }});
  const auto client = client_for(server.address());
  ASSERT_EQ(connect(*client), std::nullopt);
  RecordingCall patient, hasty;
  const std::string_view message = "ask";
  client->start(patient, {.path = "/a/b", .metadata = {}, .timeout = 1h}, &message, true);
  client->start(hasty, {.path = "/a/b", .metadata = {}, .timeout = 20ms}, &message, true);
  run_until([&] { return hasty.ends == 1; });
  EXPECT_EQ(patient.ends, 0);
  client->cancel(patient);
  EXPECT_FALSE(patient.is_active());
}

TEST_F(GrpcClientTest, says_why_it_cannot_connect) {
  const auto outcome = [&](const std::string& address, std::chrono::nanoseconds timeout) {
    const auto client = client_for(address);
    return connect(*client, timeout).value_or("connected");
  };
  EXPECT_EQ(outcome("127.0.0.1:1", 5s),
            "connection error: desc = \"transport: error while dialing: dial tcp 127.0.0.1:1: connect: connection refused\"");
  EXPECT_EQ(outcome("", 5s), "connection error: desc = \"transport: error while dialing: missing port in address\"");
  EXPECT_EQ(outcome("127.0.0.1", 5s),
            "connection error: desc = \"transport: error while dialing: address 127.0.0.1: missing port in address\"");
  FrameServer silent({[](auto) { return Reaction{}; }}, "");
  EXPECT_EQ(outcome(silent.address(), 50ms), "context deadline exceeded");
  FrameServer old({[](auto) { return Reaction{}; }}, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(outcome(old.address(), 100ms),
            "context deadline exceeded: connection error: desc = \"error reading server preface: http2: failed reading the frame payload: "
            "http2: frame too large, note that the frame header looked like an HTTP/1.1 header\"");
}

TEST_F(GrpcClientTest, checks_metadata_and_keeps_the_protocol_s_names_from_it) {
  FrameServer server({[](auto s) { return Reaction{grpc_answer(s, "x")}; }});
  const auto client = client_for(server.address());
  ASSERT_EQ(connect(*client), std::nullopt);
  RecordingCall made;
  call(*client, made, "ask", 5s, {{"a b", "x"}});
  EXPECT_EQ(made.status().code, grpc_status::kInternal);
  EXPECT_EQ(made.status().message, "header key \"a b\" contains illegal characters not in [0-9a-z-_.]");
  call(*client, made, "ask", 5s, {{"x", "\xc3\xa9\n"}});
  EXPECT_EQ(made.status().message, "header key \"x\" contains value with non-printable ASCII characters");
  call(*client, made, "ask", 5s,
       {{":path", "/evil"},
        {"grpc-timeout", "1n"},
        {"te", "x"},
        {"a-bin", std::string_view("\0\xff\x01", 3)},
        {"authorization", "Bearer t"}});
  EXPECT_EQ(made.status().code, 0);
  EXPECT_EQ(server.requests(), 1);
}

TEST_F(GrpcClientTest, refuses_to_send_more_than_the_limit) {
  GrpcClientOptions options;
  options.max_send_bytes = 10;
  FrameServer server({[](auto s) { return Reaction{grpc_answer(s, "x")}; }});
  const auto client = client_for(server.address(), options);
  ASSERT_EQ(connect(*client), std::nullopt);
  RecordingCall made;
  call(*client, made, "01234567890");
  EXPECT_EQ(made.status().code, grpc_status::kResourceExhausted);
  EXPECT_EQ(made.status().message, "trying to send message larger than max (11 vs. 10)");
  EXPECT_EQ(server.requests(), 0);
}

TEST_F(GrpcClientTest, streams_both_ways) {
  FrameServer server(
      {[](auto s) { return Reaction{grpc_headers(s) + data_frame(s, grpc_message("one") + grpc_message("two")) + grpc_trailers(s)}; }});
  const auto client = client_for(server.address());
  ASSERT_EQ(connect(*client), std::nullopt);
  RecordingCall stream;
  client->start(stream, {.path = "/a/b", .metadata = {}, .timeout = 0s, .unary = false}, nullptr, false);
  EXPECT_TRUE(client->send(stream, "first"));
  loop_.run_once(1ms);
  EXPECT_TRUE(client->send(stream, "second"));
  EXPECT_TRUE(client->send(stream, ""));
  client->finish_sending(stream);
  EXPECT_TRUE(client->send(stream, "too late"));
  run_until([&] { return stream.ends == 1; });
  EXPECT_EQ(stream.status().code, 0) << stream.status().message;
  EXPECT_EQ(stream.messages, (std::vector<std::string>{"one", "two"}));
  EXPECT_EQ(server.body(), grpc_message("first") + grpc_message("second") + grpc_message(""));
}

TEST_F(GrpcClientTest, waits_for_the_connection_with_what_a_stream_has_sent_already) {
  FrameServer server({[](auto s) {
                        return Reaction{grpc_answer(s, "one"), Reaction::Then::close};
                      },
                      [](auto s) { return Reaction{grpc_answer(s, "two")}; }});
  const auto client = client_for(server.address());
  ASSERT_EQ(connect(*client), std::nullopt);
  RecordingCall made;
  call(*client, made);
  run_until([&] { return client->remote().empty(); });
  client->start(made, {.path = "/a/b", .metadata = {}, .timeout = 5s, .unary = false}, nullptr, false);
  client->send(made, "early");
  client->finish_sending(made);
  run_until([&] { return made.ends == 2; });
  EXPECT_EQ(made.status().code, 0) << made.status().message;
  EXPECT_EQ(server.body(), grpc_message("ask") + grpc_message("early"));
}

}  // namespace
}  // namespace gauntlet::engine::wire
