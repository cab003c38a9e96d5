#include "engine/wire/tcp/proxy.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/wire/http/fetch.hpp"
#include "engine/wire/tcp/proxy_tunnel.hpp"
#include "unit/engine/wire/dialing_test.hpp"
#include "unit/engine/wire/script_server.hpp"

namespace gauntlet::engine::wire {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::StartsWith;

TEST(ProxyRules, choose_as_go_does) {
  const auto rules = ProxyRules::from_texts("http://plain.proxy:3128", "secure.proxy:8080",
                                            "direct.test,.under.test,*.star.test,10.0.0.0/8,port.test:81,1.2.3.4");
  ASSERT_TRUE(rules);
  ASSERT_NE(rules->find(false, "a.test", 80), nullptr);
  EXPECT_EQ(rules->find(false, "a.test", 80)->host, "plain.proxy");
  EXPECT_EQ(rules->find(true, "a.test", 443)->host, "secure.proxy");
  EXPECT_EQ(rules->find(true, "a.test", 443)->port, 8080);
  for (const std::string_view direct : {"direct.test", "a.direct.test", "DIRECT.test", "a.under.test", "a.star.test", "10.1.2.3", "1.2.3.4",
                                        "localhost", "127.0.0.1", "127.9.9.9", "::1"}) {
    EXPECT_EQ(rules->find(false, direct, 80), nullptr) << direct;
  }
  for (const std::string_view proxied : {"under.test", "star.test", "notdirect.test", "11.1.2.3", "port.test", "::2"}) {
    EXPECT_NE(rules->find(false, proxied, 80), nullptr) << proxied;
  }
  EXPECT_EQ(rules->find(false, "port.test", 81), nullptr);
}

TEST(ProxyRules, refuse_what_is_no_url) {
  for (const std::string_view text : {"http://u:p@[bad", "http://", "ftp://a.test", "a.test:port"}) {
    const auto rules = ProxyRules::from_texts(text, "", "");
    ASSERT_FALSE(rules) << text;
    EXPECT_THAT(rules.error().message, testing::Not(HasSubstr(":p@"))) << text;
  }
}

TEST(ProxyRules, know_when_there_is_none) {
  EXPECT_TRUE(ProxyRules::from_texts("", "", "")->empty());
  EXPECT_EQ(ProxyRules::from_texts("p.test", "", "*")->find(false, "a.test", 80), nullptr);
  EXPECT_EQ(ProxyRules::from_texts("p.test", "", "")->find(true, "a.test", 443), nullptr);
}

TEST(ProxyRules, say_which_variable_is_wrong) {
  const auto wrong = ProxyRules::from_texts("", "ftp://proxy.test", "");
  ASSERT_FALSE(wrong);
  EXPECT_THAT(wrong.error().message, StartsWith("HTTPS_PROXY: \"ftp://proxy.test\""));
}

TEST(ProxyTunnel, speaks_socks_5_with_a_password) {
  const ProxyServer proxy{ProxyServer::Kind::socks5, "p", 1080, "user", "pw", {}};
  ProxyTunnel tunnel(proxy, "api.test", 443);
  EXPECT_EQ(tunnel.take_outgoing(), std::string("\x05\x02\x00\x02", 4));
  EXPECT_EQ(tunnel.feed("\x05"), ProxyTunnel::State::more);
  EXPECT_EQ(tunnel.feed("\x02"), ProxyTunnel::State::more);
  EXPECT_EQ(tunnel.take_outgoing(), "\x01\x04user\x02pw");
  EXPECT_EQ(tunnel.feed(std::string_view("\x01\x00", 2)), ProxyTunnel::State::more);
  EXPECT_EQ(tunnel.take_outgoing(), std::string("\x05\x01\x00\x03\x08", 5) + "api.test" + "\x01\xbb");
  EXPECT_EQ(tunnel.feed(std::string_view("\x05\x00\x00\x01\x7f\x00\x00\x01\x00", 9)), ProxyTunnel::State::more);
  EXPECT_EQ(tunnel.feed("\x50"), ProxyTunnel::State::open);
}

TEST(ProxyTunnel, says_why_the_proxy_refuses) {
  const ProxyServer socks{ProxyServer::Kind::socks5, "p", 1080, {}, {}, {}};
  ProxyTunnel first(socks, "a", 1);
  EXPECT_EQ(first.feed("\x05\xff"), ProxyTunnel::State::failed);
  EXPECT_EQ(first.problem().message, "no acceptable authentication methods");
  const ProxyServer http{ProxyServer::Kind::http, "p", 80, {}, {}, {}};
  ProxyTunnel second(http, "a", 1);
  EXPECT_EQ(second.feed("HTTP/1.1 407 Proxy Authentication Required\r\n"), ProxyTunnel::State::more);
  EXPECT_EQ(second.feed("\r\n"), ProxyTunnel::State::failed);
  EXPECT_EQ(second.problem().message, "Proxy Authentication Required");
  ProxyTunnel third(http, "a", 1);
  EXPECT_EQ(third.feed("no HTTP at all\r\n\r\n"), ProxyTunnel::State::failed);
  ProxyTunnel endless(http, "a", 1);
  auto state = ProxyTunnel::State::more;
  for (int i = 0; i < 100 && state == ProxyTunnel::State::more; ++i) state = endless.feed("X: " + std::string(1000, 'x'));
  EXPECT_EQ(state, ProxyTunnel::State::failed);
}

class ProxyFetchTest : public DialingTest, public HttpFetch::Listener {
 protected:
  void fetch(const test::ScriptServer& proxy, std::string url, std::string_view user = "") {
    policy_.proxies = *ProxyRules::from_texts("http://" + std::string(user) + "127.0.0.1:" + std::to_string(proxy.port()), "", "");
    HttpClient client(loop_, dialer_, {});
    fetch_.url = std::move(url);
    fetch_.listener = this;
    fetch_.start(client);
    run_until([&] { return done_; });
  }
  void on_hop(HttpFetch&) override {}
  void on_fetch_done(HttpFetch&) override { done_ = true; }

  HttpFetch fetch_;
  bool done_ = false;
};

TEST_F(ProxyFetchTest, names_the_whole_url_to_a_proxy) {
  std::string request;
  const test::ScriptServer proxy([&](test::Peer& peer, int) {
    request = peer.request();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  });
  fetch(proxy, "http://api.test:8080/a?b=c", "user:secret@");
  EXPECT_EQ(fetch_.exchange.body.view(), "ok");
  EXPECT_THAT(request, StartsWith("GET http://api.test:8080/a?b=c HTTP/1.1\r\nHost: api.test:8080\r\n"));
  EXPECT_THAT(request, HasSubstr("Proxy-Authorization: Basic dXNlcjpzZWNyZXQ=\r\n"));
}

}  // namespace
}  // namespace gauntlet::engine::wire
