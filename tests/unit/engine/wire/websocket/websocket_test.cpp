#include "engine/wire/websocket/websocket.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/sha.h>

#include "base/base64.hpp"
#include "unit/engine/wire/dialing_test.hpp"
#include "unit/engine/wire/script_server.hpp"

namespace gauntlet::engine::wire {
namespace {

using namespace std::chrono_literals;
using test::Peer;
using test::ScriptServer;
using testing::ElementsAre;
using testing::HasSubstr;

std::string server_frame(unsigned first, std::string_view payload) {
  std::string frame(1, static_cast<char>(first));
  if (payload.size() < 126) {
    frame += static_cast<char>(payload.size());
  } else if (payload.size() <= 0xffff) {
    frame += static_cast<char>(126);
    frame += static_cast<char>(payload.size() >> 8);
    frame += static_cast<char>(payload.size() & 0xff);
  } else {
    frame += static_cast<char>(127);
    for (int shift = 56; shift >= 0; shift -= 8) frame += static_cast<char>(static_cast<std::uint64_t>(payload.size()) >> shift);
  }
  return frame.append(payload);
}
std::string server_text(std::string_view text) { return server_frame(0x81, text); }
std::string server_close(std::uint16_t code, std::string_view reason) { return server_frame(0x88, close_payload(code, reason)); }

/// Answers the upgrade; empty when the client has gone.
std::string upgrade(Peer& peer, std::string_view more = {}) {
  const std::string request = peer.request();
  const auto at = request.find("Sec-WebSocket-Key: ");
  if (at == std::string::npos) return {};
  const std::string text = request.substr(at + 19, 24) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  unsigned char digest[SHA_DIGEST_LENGTH];
  SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  const std::string accept = base::encode_base64({reinterpret_cast<const char*>(digest), sizeof digest});
  peer.send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + accept + "\r\n" +
            std::string(more) + "\r\n");
  return request;
}

WebSocketRequest with_deflate() {
  WebSocketRequest request;
  request.offers_deflate = true;
  return request;
}

/// Upgrades, says `bytes`, and waits until the client leaves.
ScriptServer::Serve saying(std::string bytes, std::string more = {}) {
  return [bytes = std::move(bytes), more = std::move(more)](Peer& peer, int) {
    upgrade(peer, more);
    peer.send(bytes);
    peer.wait_for_close();
  };
}

class WebSocketTest : public DialingTest, public WebSocket::Listener {
 protected:
  void connect(const ScriptServer& server, WebSocketRequest request = {}, std::size_t max_message_bytes = 1 << 20) {
    request.url = "ws://127.0.0.1:" + std::to_string(server.port()) + "/chat?a=b";
    socket_ = std::make_unique<WebSocket>(loop_, dialer_, *this, max_message_bytes);
    socket_->connect(request);
  }
  void run_to_end() {
    run_until([&] { return ended_ || failed_; });
  }

  void on_websocket_open() override { opened_ = true; }
  void on_websocket_failed() override { failed_ = true; }
  void on_websocket_message(WebSocketOpcode opcode, std::string_view bytes) override {
    messages_.push_back((opcode == WebSocketOpcode::text ? "" : "binary ") + std::string(bytes));
  }
  void on_websocket_ping(std::string_view bytes) override { messages_.push_back("ping " + std::string(bytes)); }
  void on_websocket_pong(std::string_view bytes) override { messages_.push_back("pong " + std::string(bytes)); }
  void on_websocket_end(const WebSocketEnd& end) override {
    ended_ = true;
    end_ = end;
  }
  void on_websocket_quiet() override {}

  std::unique_ptr<WebSocket> socket_;
  bool opened_ = false;
  bool failed_ = false;
  bool ended_ = false;
  WebSocketEnd end_;
  std::vector<std::string> messages_;
};

TEST_F(WebSocketTest, exchanges_messages_and_closes_in_order) {
  const ScriptServer server([](Peer& peer, int) {
    upgrade(peer);
    peer.send(server_text("hello") + server_frame(0x82, "\x01\x02"));
    peer.wait_for_close();
  });
  connect(server);
  run_until([&] { return messages_.size() == 2; });
  EXPECT_TRUE(opened_);
  EXPECT_THAT(messages_, ElementsAre("hello", "binary \x01\x02"));
  EXPECT_EQ(socket_->send(WebSocketOpcode::text, "to the server"), std::nullopt);
  EXPECT_EQ(socket_->close(4000, "enough"), std::nullopt);
  EXPECT_EQ(socket_->send(WebSocketOpcode::text, "too late"), "websocket: close sent");
}

TEST_F(WebSocketTest, asks_for_what_the_request_says) {
  std::string request;
  const ScriptServer server([&](Peer& peer, int) {
    request = upgrade(peer, "Sec-WebSocket-Protocol: chat\r\n");
    peer.send(server_close(1000, "bye"));
    peer.wait_for_close();
  });
  WebSocketRequest wanted;
  wanted.fields.set("User-Agent", "k6");
  wanted.fields.set("Sec-WebSocket-Protocol", "chat, other");
  wanted.cookies = "a=b";
  wanted.offers_deflate = true;
  connect(server, wanted);
  run_to_end();
  EXPECT_THAT(request, HasSubstr("GET /chat?a=b HTTP/1.1\r\n"));
  EXPECT_THAT(request, HasSubstr("User-Agent: k6\r\n"));
  EXPECT_THAT(request, HasSubstr("Cookie: a=b\r\n"));
  EXPECT_THAT(request, HasSubstr("Sec-WebSocket-Protocol: chat, other\r\n"));
  EXPECT_THAT(request, HasSubstr("permessage-deflate; server_no_context_takeover; client_no_context_takeover"));
  EXPECT_EQ(socket_->subprotocol(), "chat");
  EXPECT_EQ(end_.code, 1000);
  EXPECT_EQ(end_.reason, "bye");
}

TEST_F(WebSocketTest, answers_pings_with_their_own_bytes) {
  std::string answer;
  const ScriptServer server([&](Peer& peer, int) {
    upgrade(peer);
    peer.send(server_frame(0x89, "beat") + server_close(1000, ""));
    peer.wait_for_close();
  });
  connect(server);
  run_to_end();
  EXPECT_THAT(messages_, ElementsAre("ping beat"));
}

TEST_F(WebSocketTest, joins_fragments_with_control_frames_between_them) {
  std::string bytes = server_frame(0x01, "one,") + server_frame(0x89, "p") + server_frame(0x00, "two,") + server_frame(0x80, "three") +
                      server_close(1000, "");
  const ScriptServer server([bytes](Peer& peer, int) {
    upgrade(peer);
    for (const char byte : bytes) peer.send({&byte, 1});  // and in the smallest pieces
    peer.wait_for_close();
  });
  connect(server);
  run_to_end();
  EXPECT_THAT(messages_, ElementsAre("ping p", "one,two,three"));
}

TEST_F(WebSocketTest, tells_an_end_without_a_close_frame) {
  const ScriptServer server([](Peer& peer, int) { upgrade(peer); });
  connect(server);
  run_to_end();
  EXPECT_EQ(end_.code, 1006);
  EXPECT_EQ(end_.error, "websocket: close 1006 (abnormal closure): unexpected EOF");
}

TEST_F(WebSocketTest, names_what_the_server_did_wrong) {
  struct Wrong {
    std::string bytes;
    std::string problem;
  };
  const std::vector<Wrong> cases{
      {"\xf1\x03"
       "abc",
       "RSV1 set, RSV2 set, RSV3 set"},
      {server_frame(0x83, "x"), "bad opcode 3"},
      {std::string("\x81\x81\x01\x02\x03\x04x", 7), "bad MASK"},
      {server_frame(0x80, "x"), "continuation after FIN"},
      {server_frame(0x01, "x") + server_text("y"), "data before FIN"},
      {server_frame(0x09, "x"), "FIN not set on control"},
      {server_frame(0x89, std::string(126, 'x')), "len > 125 for control"},
      {server_frame(0x88, "\x01"), "bad close code 0"},
      {server_close(1005 + 1, ""), "bad close code 1006"},
      {server_close(1000, "\xff"), "invalid utf8 payload in close frame"},
      {server_frame(0x81, std::string(2000, 'x')), "a message of more than 1000 bytes"},
      {std::string("\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xff", 10), "a message of more than 1000 bytes"},
  };
  for (const Wrong& wrong : cases) {
    ended_ = failed_ = false;
    const ScriptServer server(saying(wrong.bytes));
    connect(server, {}, 1000);
    run_to_end();
    EXPECT_EQ(end_.error, "websocket: " + wrong.problem);
    EXPECT_EQ(end_.code, std::nullopt) << wrong.problem;
    EXPECT_TRUE(end_.closed_by_us);
  }
}

TEST_F(WebSocketTest, sends_and_takes_deflated_messages) {
  const std::string text(100'000, 'a');
  const std::string deflated(deflate_message(text));
  EXPECT_LT(deflated.size(), 1000U);
  const ScriptServer server(
      saying(server_frame(0xc1, deflated) + server_frame(0xc1, deflate_message("")) + server_close(1000, ""),
             "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n"));
  connect(server, with_deflate());
  run_to_end();
  ASSERT_EQ(messages_.size(), 2U);
  EXPECT_EQ(messages_[0], text);
  EXPECT_EQ(messages_[1], "");
}

TEST_F(WebSocketTest, stops_at_a_decompression_bomb) {
  const ScriptServer server(
      saying(server_frame(0xc1, std::string(deflate_message(std::string(10'000'000, 'a')))),
             "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n"));
  connect(server, with_deflate(), 100'000);
  run_to_end();
  EXPECT_EQ(end_.error, "websocket: a message of more than 100000 bytes");
  EXPECT_TRUE(messages_.empty());
}

TEST_F(WebSocketTest, hands_over_what_a_refusal_says) {
  for (const std::string_view body :
       {"Content-Length: 4\r\n\r\nnope", "Transfer-Encoding: chunked\r\n\r\n4\r\nnope\r\n0\r\n\r\n", "\r\nnope"}) {
    failed_ = false;
    const ScriptServer server(test::once_then_close("HTTP/1.1 403 Forbidden\r\n" + std::string(body)));
    connect(server);
    run_to_end();
    EXPECT_TRUE(failed_);
    EXPECT_EQ(socket_->failure().message, "websocket: bad handshake: the server answered 403 Forbidden");
    EXPECT_EQ(socket_->head().status, 403);
    EXPECT_EQ(socket_->handshake_body(), "nope");
  }
}

TEST_F(WebSocketTest, refuses_an_upgrade_that_is_none) {
  const ScriptServer server(test::once_then_close(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: wrong\r\n\r\n"));
  connect(server);
  run_to_end();
  EXPECT_TRUE(failed_);
  EXPECT_FALSE(opened_);
  EXPECT_EQ(socket_->failure().message, "websocket: bad handshake: the answer has not the fields of an upgrade");
}

TEST_F(WebSocketTest, stops_at_endless_headers) {
  const ScriptServer server([](Peer& peer, int) {
    peer.request();
    peer.send("HTTP/1.1 101 Switching Protocols\r\n");
    const std::string line = "X-More: " + std::string(8000, 'x') + "\r\n";
    for (int i = 0; i < 1000; ++i) peer.send(line);
  });
  connect(server);
  run_to_end();
  EXPECT_THAT(socket_->failure().message, HasSubstr("server response headers exceeded"));
}

TEST_F(WebSocketTest, gives_up_on_a_server_that_does_not_answer) {
  const ScriptServer server([](Peer& peer, int) { peer.wait_for_close(); });
  WebSocketRequest request;
  request.timeout = 50ms;
  connect(server, request);
  run_to_end();
  EXPECT_EQ(socket_->failure().message, "i/o timeout");
}

TEST_F(WebSocketTest, refuses_urls_and_headers_that_cannot_be) {
  for (const std::string_view url : {"http://127.0.0.1/", "ws://user:pass@127.0.0.1/", "nonsense", "ws://"}) {
    failed_ = false;
    socket_ = std::make_unique<WebSocket>(loop_, dialer_, *this);
    WebSocketRequest wrong;
    wrong.url = url;
    socket_->connect(wrong);
    run_to_end();
    EXPECT_EQ(socket_->failure().message, "malformed ws or wss URL") << url;
  }
  failed_ = false;
  WebSocketRequest request;
  request.fields.set("Upgrade", "h2c");
  request.url = "ws://127.0.0.1:1/";
  socket_ = std::make_unique<WebSocket>(loop_, dialer_, *this);
  socket_->connect(request);
  run_to_end();
  EXPECT_EQ(socket_->failure().message, "websocket: duplicate header not allowed: Upgrade");
}

TEST_F(WebSocketTest, may_be_destroyed_at_any_time_without_a_call) {
  const ScriptServer server(saying(server_text("x")));
  connect(server);
  socket_.reset();
  connect(server);
  run_until([&] { return opened_; });
  socket_.reset();
  loop_.run_once(1ms);
  EXPECT_FALSE(ended_);
  EXPECT_FALSE(failed_);
}

TEST(WebSocketFrame, is_masked_whatever_its_length) {
  for (const std::size_t size : {0UL, 1UL, 7UL, 125UL, 126UL, 65535UL, 65536UL}) {
    std::string payload;
    for (std::size_t i = 0; i < size; ++i) payload += static_cast<char>(i * 31);
    std::string frame;
    append_websocket_frame(frame, WebSocketOpcode::binary, payload, 0x78563412);
    const std::size_t header = size < 126 ? 2 : size < 65536 ? 4 : 10;
    ASSERT_EQ(frame.size(), header + 4 + size);
    EXPECT_EQ(static_cast<unsigned char>(frame[0]), 0x82);
    EXPECT_EQ(frame.substr(header, 4), "\x12\x34\x56\x78");
    for (std::size_t i = 0; i < size; ++i) {
      ASSERT_EQ(static_cast<char>(frame[header + 4 + i] ^ frame[header + (i & 3)]), payload[i]) << "byte " << i << " of " << size;
    }
  }
}

}  // namespace
}  // namespace gauntlet::engine::wire
