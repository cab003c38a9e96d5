#include "engine/wire/http/fetch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/wire/http/content_coding.hpp"
#include "unit/engine/wire/dialing_test.hpp"
#include "unit/engine/wire/script_server.hpp"

namespace gauntlet::engine::wire {
namespace {

using namespace std::chrono_literals;
using test::Peer;
using test::ScriptServer;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

/// Answers by path: /echo gives the request back, /redir/<status>/<location> redirects, the rest as it says.
void serve(Peer& peer, int) {
  for (std::string request = peer.request(); !request.empty(); request = peer.request()) {
    const std::string path = request.substr(request.find(' ') + 1, request.find(" HTTP/") - request.find(' ') - 1);
    const auto answer = [&](std::string_view status, std::string_view fields, std::string_view body) {
      const bool is_head = request.starts_with("HEAD ");
      peer.send("HTTP/1.1 " + std::string(status) + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + std::string(fields) +
                "\r\n" + (is_head ? "" : std::string(body)));
    };
    if (path.starts_with("/redir/")) {
      const std::string location = path.substr(11);
      answer(path.substr(7, 3) + " Found", location == "none" ? "" : "Location: " + location + "\r\n", "moved");
    } else if (path == "/loop") {
      answer("302 Found", "Location: /loop\r\n", "");
    } else if (path == "/cookie") {
      answer("302 Found", "Location: /echo\r\nSet-Cookie: got=1; Path=/\r\n", "");
    } else if (path == "/gzip") {
      answer("200 OK", "Content-Encoding: gzip\r\n", encode_body(ContentCoding::gzip, "hello gzip"));
    } else if (path == "/badgzip") {
      answer("200 OK", "Content-Encoding: gzip\r\n", "not gzip");
    } else if (path == "/digest" && request.find("Authorization: Digest") == std::string::npos) {
      answer("401 Unauthorized", "WWW-Authenticate: Digest realm=\"r\", nonce=\"abc\", qop=\"auth\", algorithm=MD5, opaque=\"op\"\r\n",
             "no");
    } else if (path == "/switch") {
      peer.send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n");
      return;
    } else {
      answer("200 OK", "", request);
    }
  }
}

class HttpFetchTest : public DialingTest, public HttpFetch::Listener {
 protected:
  void on_hop(HttpFetch& fetch) override {
    hops_.push_back(fetch.hop_method() + ' ' + fetch.hop_url().substr(std::min(server_.url("").size(), fetch.hop_url().size())) + ' ' +
                    std::to_string(fetch.exchange.head.status));
    challenges_ += fetch.is_challenge() ? 1 : 0;
  }
  void on_fetch_done(HttpFetch&) override { is_done_ = true; }

  HttpFetch& run(std::string_view path) {
    if (fetch_.url.empty()) fetch_.url = server_.url(path);
    fetch_.fields.set("user-agent", "test");
    fetch_.listener = this;
    is_done_ = false;
    fetch_.start(client_);
    EXPECT_FALSE(is_done_) << "the listener must not be called from inside";
    run_until([&] { return is_done_; });
    return fetch_;
  }
  std::string body() const { return std::string(fetch_.exchange.body.view()); }

  ScriptServer server_{&serve};
  HttpClient client_{loop_, dialer_, HttpLimits{}};
  HttpFetch fetch_;
  std::vector<std::string> hops_;
  int challenges_ = 0;
  bool is_done_ = false;
};

TEST_F(HttpFetchTest, writes_the_request_as_go_does) {
  fetch_.method = "POST";
  fetch_.body = "abc";
  fetch_.has_body = true;
  fetch_.fields.set("x-lower", "a");
  fetch_.fields.set("X-LOWER", "b");
  fetch_.fields.set("content-type", "text/x");
  fetch_.fields.set("Transfer-Encoding", "chunked");
  run("/echo?a=b");
  EXPECT_EQ(body(), "POST /echo?a=b HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(server_.port()) +
                        "\r\nUser-Agent: test\r\nContent-Length: 3\r\nContent-Type: text/x\r\nX-Lower: b\r\n\r\nabc");
}

TEST_F(HttpFetchTest, says_how_long_bodies_are_as_go_does) {
  fetch_.method = "POST";
  EXPECT_THAT((run("/echo"), body()), HasSubstr("Content-Length: 0\r\n"));
  fetch_.method = "DELETE";
  EXPECT_THAT((run("/echo"), body()), Not(HasSubstr("Content-Length")));
  fetch_.method = "POST";
  fetch_.has_body = true;
  EXPECT_THAT((run("/echo"), body()), HasSubstr("Transfer-Encoding: chunked\r\n"));
}

TEST_F(HttpFetchTest, is_like_a_new_one_after_a_reset) {
  run("/echo");
  const std::string fresh = body();
  fetch_.method = "POST";
  fetch_.body = "abc";
  fetch_.has_body = true;
  fetch_.cookies.push_back({"a", "1", false});
  fetch_.closes_connections = true;
  fetch_.max_decoded_bytes = 1;
  run("/echo");
  EXPECT_NE(body(), fresh);
  fetch_.reset();
  run("/echo");
  EXPECT_EQ(body(), fresh);
  fetch_.reset();
  run("/gzip");
  EXPECT_EQ(body(), "hello gzip");
}

struct Redirect {
  const char* method;
  int status;
  const char* second_hop;
  bool repeats_body;
};
class Redirects : public HttpFetchTest, public testing::WithParamInterface<Redirect> {};
TEST_P(Redirects, change_methods_as_go_does) {
  const Redirect& want = GetParam();
  fetch_.method = want.method;
  fetch_.fields.set("Content-Type", "text/x");
  fetch_.fields.set("Authorization", "A");
  fetch_.fields.set("X-A", "1");
  if (std::string_view(want.method) != "HEAD" && std::string_view(want.method) != "GET") {
    fetch_.body = "payload";
    fetch_.has_body = true;
  }
  run("/redir/" + std::to_string(want.status) + "//echo");
  ASSERT_EQ(hops_.size(), 2U);
  EXPECT_EQ(hops_[1], std::string(want.second_hop) + " /echo 200");
  if (std::string_view(want.second_hop) == "HEAD") return;
  EXPECT_EQ(body().find("payload") != std::string::npos, want.repeats_body);
  EXPECT_THAT(body(), HasSubstr("Authorization: A\r\n"));
  EXPECT_THAT(body(), HasSubstr("X-A: 1\r\n"));
  EXPECT_THAT(body(), HasSubstr("Referer: " + fetch_.url + "\r\n"));
  EXPECT_EQ(body().find("Content-Type") != std::string::npos, want.repeats_body || want.status == 307 || want.status == 308);
}
INSTANTIATE_TEST_SUITE_P(, Redirects,
                         testing::Values(Redirect{"GET", 301, "GET", false}, Redirect{"GET", 302, "GET", false},
                                         Redirect{"GET", 307, "GET", false}, Redirect{"HEAD", 302, "HEAD", false},
                                         Redirect{"HEAD", 303, "HEAD", false}, Redirect{"POST", 301, "GET", false},
                                         Redirect{"POST", 302, "GET", false}, Redirect{"POST", 303, "GET", false},
                                         Redirect{"POST", 307, "POST", true}, Redirect{"POST", 308, "POST", true},
                                         Redirect{"PUT", 302, "GET", false}, Redirect{"PUT", 307, "PUT", true}),
                         [](const auto& tested) { return std::string(tested.param.method) + std::to_string(tested.param.status); });

TEST_F(HttpFetchTest, leaves_other_statuses_alone) {
  for (const char* path : {"/redir/300//echo", "/redir/304//echo", "/redir/305//echo", "/redir/302/none"}) {
    fetch_.url.clear();
    hops_.clear();
    run(path);
    EXPECT_EQ(hops_.size(), 1U) << path;
    EXPECT_FALSE(fetch_.exchange.failure);
  }
}

TEST_F(HttpFetchTest, stops_after_as_many_redirects_as_it_may_follow) {
  fetch_.max_redirects = 3;
  run("/loop");
  EXPECT_EQ(hops_.size(), 4U);
  EXPECT_TRUE(fetch_.stopped_at_redirect());
  EXPECT_EQ(fetch_.exchange.head.status, 302);
}

TEST_F(HttpFetchTest, keeps_credentials_from_other_hosts) {
  fetch_.fields.set("Authorization", "A");
  fetch_.fields.set("Cookie", "x=1");
  fetch_.fields.set("Host", "foo.bar");
  fetch_.fields.set("X-A", "1");
  fetch_.cookies = {{"cc", "1", false}};
  run("/redir/302/http://localhost:" + std::to_string(server_.port()) + "/echo");
  EXPECT_THAT(body(), Not(HasSubstr("Authorization")));
  EXPECT_THAT(body(), HasSubstr("Cookie: cc=1\r\n"));
  EXPECT_THAT(body(), HasSubstr("X-A: 1\r\n"));
  EXPECT_THAT(body(), HasSubstr("Host: localhost:"));
}

TEST_F(HttpFetchTest, keeps_the_own_host_header_on_the_same_host) {
  fetch_.fields.set("Host", "foo.bar");
  run("/redir/302//echo");
  EXPECT_THAT(body(), HasSubstr("Host: foo.bar\r\n"));
}

TEST_F(HttpFetchTest, stores_cookies_of_every_hop) {
  CookieJar jar;
  fetch_.jar = &jar;
  run("/cookie");
  EXPECT_THAT(body(), HasSubstr("Cookie: got=1\r\n"));
  EXPECT_EQ(fetch_.first_cookie_header(), "");
}

TEST_F(HttpFetchTest, joins_cookies_in_k6s_order) {
  CookieJar jar;
  fetch_.jar = &jar;
  run("/cookie");
  fetch_.url.clear();
  fetch_.fields.set("Cookie", "h=1");
  fetch_.cookies = {{"a", "x y", false}, {"got", "mine", true}};
  run("/echo");
  EXPECT_THAT(body(), HasSubstr("Cookie: h=1; a=\"x y\"; got=mine\r\n"));
}

TEST_F(HttpFetchTest, fails_where_a_redirect_leads_nowhere) {
  run("/redir/302/ftp://x/");
  EXPECT_EQ(fetch_.exchange.failure.message, "unsupported protocol scheme \"ftp\"");
  EXPECT_EQ(fetch_.hop_url(), "ftp://x/");
  EXPECT_THAT(hops_, ElementsAre(HasSubstr(" 302"), HasSubstr(" 0")));
  hops_.clear();
  fetch_.url.clear();
  run("/redir/301/::bad");
  EXPECT_EQ(fetch_.exchange.failure.message, "failed to parse Location header \"::bad\": parse \"::bad\": missing protocol scheme");
  EXPECT_THAT(hops_, ElementsAre(HasSubstr(" 0")));
}

TEST_F(HttpFetchTest, decodes_bodies) {
  run("/gzip");
  EXPECT_EQ(body(), "hello gzip");
  fetch_.url.clear();
  run("/badgzip");
  EXPECT_EQ(fetch_.exchange.failure.code, 1701);
  EXPECT_EQ(fetch_.exchange.head.status, 0);
}

TEST_F(HttpFetchTest, sends_user_info_as_basic_authentication) {
  fetch_.url = "http://us%20er:pa%40ss@127.0.0.1:" + std::to_string(server_.port()) + "/echo";
  run("");
  EXPECT_THAT(body(), HasSubstr("Authorization: Basic dXMgZXI6cGFAc3M=\r\n"));
  EXPECT_THAT(body(), HasSubstr("GET /echo HTTP/1.1\r\nHost: 127.0.0.1"));
}

TEST_F(HttpFetchTest, answers_a_digest_challenge) {
  fetch_.url = "http://user:pass@127.0.0.1:" + std::to_string(server_.port()) + "/digest";
  fetch_.authentication = HttpFetch::Authentication::digest;
  run("");
  EXPECT_THAT(hops_, ElementsAre("GET /digest 401", "GET /digest 200"));
  EXPECT_EQ(challenges_, 1);
  EXPECT_THAT(body(), HasSubstr("Authorization: Digest username=\"user\", realm=\"r\", nonce=\"abc\", uri=\"/digest\", response="));
}

TEST_F(HttpFetchTest, refuses_what_cannot_be_sent) {
  fetch_.fields.set("a b", "c");
  EXPECT_EQ((run("/"), fetch_.exchange.failure.message), "net/http: invalid header field name \"a b\"");
  fetch_.fields.clear();
  fetch_.fields.set("ab", "c\nd");
  EXPECT_EQ((run("/"), fetch_.exchange.failure.message), "net/http: invalid header field value for \"Ab\"");
  fetch_.fields.clear();
  fetch_.method = "F OO";
  EXPECT_EQ((run("/"), fetch_.exchange.failure.message), "net/http: invalid method \"F OO\"");
  fetch_.method = "GET";
  for (const auto& [url, message] : {std::pair{"http://", "http: no Host in request URL"},
                                     {"x", "unsupported protocol scheme \"\""},
                                     {"http://127.0.0.1:99999/", "dial tcp: address 99999: invalid port"}}) {
    fetch_.url = url;
    EXPECT_EQ((run(""), fetch_.exchange.failure.message), message);
  }
}

TEST_F(HttpFetchTest, hands_a_switch_of_protocols_to_its_caller) {
  run("/switch");
  EXPECT_EQ(fetch_.exchange.head.status, 101);
  EXPECT_EQ(client_.idle_connections(), 0U);
}

TEST_F(HttpFetchTest, can_be_cancelled_before_and_after_it_is_sent) {
  fetch_.listener = this;
  fetch_.url = "http://";
  fetch_.start(client_);
  fetch_.cancel();
  loop_.run_once(1ms);
  fetch_.url = server_.url("/echo");
  fetch_.start(client_);
  fetch_.cancel();
  loop_.run_once(10ms);
  EXPECT_FALSE(is_done_);
  EXPECT_TRUE(hops_.empty());
}

}  // namespace
}  // namespace gauntlet::engine::wire
