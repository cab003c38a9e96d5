// The platform's client against a small platform of the test's own on a real socket.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <unistd.h>

#include <map>

#include "ags/platform_access.hpp"
#include "ags/platform_reward_client.hpp"
#include "ags/signing_key.hpp"
#include "ags/token_verifier.hpp"
#include "base/http/listener.hpp"

namespace gauntlet::ags {
namespace {

using base::http::ExchangePtr;
using base::http::Response;
using testing::HasSubstr;
using Result = GrantOutcome::Result;
using namespace std::chrono_literals;

class PlatformTest : public testing::Test {
 protected:
  PlatformTest() {
    router.get("/iam/v3/oauth/jwks", [this](const ExchangePtr& exchange) {
      ++counts["jwks"];
      answer(exchange, status["jwks"], keys);
    });
    router.post("/iam/v3/oauth/token", [this](const ExchangePtr& exchange) {
      ++counts["token"];
      authorization = exchange->request().header("authorization").value_or("");
      answer(exchange, status["token"],
             R"({"access_token":"t)" + std::to_string(counts["token"]) + R"(","expires_in":)" + token_life + "}");
    });
    const auto grant = [this](const ExchangePtr& exchange) {
      ++counts["grant"];
      asked = std::string(exchange->request().method()) + " " + std::string(exchange->request().target()) + " " +
              std::string(exchange->request().body());
      authorization = exchange->request().header("authorization").value_or("");
      if (status["grant"] == kNever) {
        held.push_back(exchange);
      } else if (status["grant"] == kCut) {
        exchange->cut();
      } else {
        answer(exchange, status["grant"], "{}");
      }
    };
    router.post("/platform/admin/namespaces/{ns}/users/{user}/entitlements", grant);
    router.put("/platform/admin/namespaces/{ns}/users/{user}/wallets/{currency}/credit", grant);
    base::http::ListenerOptions options;
    options.address = "127.0.0.1";
    listener.emplace(loop, options, router);
    EXPECT_TRUE(listener->listen());
    for (const char* what : {"jwks", "token", "grant"}) status[what] = 200;
  }

  static constexpr int kNever = 0, kCut = 1;  // in the place of a status: no answer at all

  void answer(const ExchangePtr& exchange, int with_status, std::string body) {
    Response response;
    response.status = with_status;
    response.body = std::move(body);
    if (retry_after) response.headers.emplace_back("retry-after", "1");
    exchange->respond(std::move(response));
  }

  std::string url() const { return "http://127.0.0.1:" + std::to_string(listener->port()); }
  PlatformAddress address() const { return {url(), "test", "client", "secret"}; }

  GrantOutcome grant(PlatformRewardClient& client, RewardType type = RewardType::wallet, std::chrono::milliseconds time = 5s) {
    GrantOutcome outcome;
    bool answered = false;
    client.grant({"key-1", "ann b", type, "GEMS", 5}, base::EventLoop::Clock::now() + time, [&](GrantOutcome result) {
      outcome = std::move(result);
      answered = true;
      loop.stop();
    });
    if (!answered) loop.run();
    return outcome;
  }

  std::string verify(TokenVerifier& verifier, const std::string& token) {
    std::string verdict;
    bool answered = false, waited_for = false;
    verifier.verify(token, [&](const base::Expected<std::string>& subject) {
      verdict = subject ? *subject : subject.error().message;
      answered = true;
      if (waited_for) loop.stop();
    });
    waited_for = !answered;
    if (waited_for) loop.run();
    return verdict;
  }

  base::EventLoop loop;
  base::http::Router router;
  std::optional<base::http::Listener> listener;
  HttpClient http{loop};
  std::map<std::string, int> counts, status;
  std::string keys, asked, authorization, token_life = "3600";
  std::vector<ExchangePtr> held;
  bool retry_after = false;  // on every answer
};

class GrantTest : public PlatformTest {};
class HttpClientTest : public PlatformTest {
 protected:
  base::Expected<HttpReply> send(const std::string& method, const std::string& path, std::chrono::milliseconds time) {
    return send_to(method, url() + path, time);
  }
  base::Expected<HttpReply> send_to(const std::string& method, const std::string& to, std::chrono::milliseconds time) {
    base::Expected<HttpReply> result;
    http.send({method, to, {}, method == "GET" ? "" : "{}"}, base::EventLoop::Clock::now() + time, [&](base::Expected<HttpReply> reply) {
      result = std::move(reply);
      loop.stop();
    });
    loop.run();
    return result;
  }
};
class VerifierTest : public PlatformTest {
 protected:
  TokenVerifier::Options options(std::chrono::seconds unknown_key_pause = 0s) const {
    TokenVerifier::Options options;
    options.keys_url = url() + "/iam/v3/oauth/jwks";
    options.demands.name_space = "test";
    options.unknown_key_pause = unknown_key_pause;
    return options;
  }
  base::WallClock clock = [this] { return base::WallTime(std::chrono::seconds(now_s)); };
  std::int64_t now_s = 1500;
  const std::string payload = R"({"sub":"ann","namespace":"test","exp":2000})";
};

TEST_F(GrantTest, of_a_wallet_credits_it_with_the_services_own_token) {
  PlatformAccess access(http, address());
  PlatformRewardClient client(http, access, /*send_keys=*/true);
  EXPECT_EQ(grant(client).result, Result::granted);
  EXPECT_EQ(asked,
            R"(PUT /platform/admin/namespaces/test/users/ann%20b/wallets/GEMS/credit {"amount":5,"metadata":{"idempotencyKey":"key-1"}})");
  EXPECT_EQ(authorization, "Bearer t1");
}

TEST_F(GrantTest, of_an_item_makes_an_entitlement) {
  PlatformAccess access(http, address());
  PlatformRewardClient client(http, access, /*send_keys=*/false);
  EXPECT_EQ(grant(client, RewardType::item).result, Result::granted);
  EXPECT_EQ(asked,
            R"(POST /platform/admin/namespaces/test/users/ann%20b/entitlements [{"itemId":"GEMS","itemNamespace":"test","quantity":5}])");
}

TEST_F(GrantTest, ends_as_the_status_says) {
  PlatformAccess access(http, address());
  PlatformRewardClient client(http, access, true);
  const std::pair<int, Result> cases[] = {
      {201, Result::granted},   {204, Result::granted},   {400, Result::refused},  {401, Result::refused},   {403, Result::refused},
      {404, Result::refused},   {409, Result::refused},   {422, Result::refused},  {408, Result::uncertain}, {429, Result::unsent},
      {500, Result::uncertain}, {503, Result::uncertain}, {302, Result::uncertain}};
  for (const auto& [with_status, result] : cases) {
    status["grant"] = with_status;
    EXPECT_EQ(grant(client).result, result) << with_status;
  }
}

TEST_F(GrantTest, without_an_answer_in_time_is_uncertain) {
  PlatformAccess access(http, address());
  PlatformRewardClient client(http, access, true);
  status["grant"] = kNever;
  EXPECT_EQ(grant(client, RewardType::wallet, 100ms).result, Result::uncertain);
}

TEST_F(GrantTest, that_is_turned_away_until_later_is_unsent) {
  PlatformAccess access(http, address());
  PlatformRewardClient client(http, access, true);
  EXPECT_EQ(grant(client).result, Result::granted);
  retry_after = true;
  status["grant"] = 503;
  EXPECT_EQ(grant(client).result, Result::unsent);
  status["grant"] = 500;
  EXPECT_EQ(grant(client).result, Result::uncertain) << "a broken server is not a busy one";
}

TEST_F(GrantTest, is_sent_once_however_the_connection_ends) {
  PlatformAccess access(http, address());
  PlatformRewardClient client(http, access, false);
  for (const RewardType type : {RewardType::item, RewardType::wallet}) {
    status["grant"] = 200;
    for (int warm = 0; warm < 3; ++warm) grant(client, type);
    const int before = counts["grant"];
    status["grant"] = kCut;
    EXPECT_EQ(grant(client, type).result, Result::uncertain);
    EXPECT_EQ(counts["grant"] - before, 1);
  }
}

TEST_F(HttpClientTest, sends_what_is_no_get_once_after_any_request_that_kept_a_connection) {
  router.get("/warm", [this](const ExchangePtr& exchange) { answer(exchange, 200, "{}"); });
  for (const char* method : {"POST", "PUT", "PATCH", "DELETE"}) {
    router.add(method, "/cut", [this](const ExchangePtr& exchange) {
      ++counts["cut"];
      exchange->cut();
    });
    EXPECT_EQ(send("GET", "/warm", 5s)->status, 200);
    const int before = counts["cut"];
    const auto reply = send(method, "/cut", 5s);
    ASSERT_FALSE(reply) << method;
    EXPECT_EQ(reply.error().kind, base::ErrorKind::unknown) << method;
    EXPECT_EQ(counts["cut"] - before, 1) << method;
  }
}

TEST_F(HttpClientTest, says_of_a_request_that_never_left_that_nothing_has_happened) {
  const int silent = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);  // connects, and never says a word of TLS
  sockaddr_in bound{};
  bound.sin_family = AF_INET;
  bound.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof bound;
  ASSERT_EQ(bind(silent, reinterpret_cast<sockaddr*>(&bound), sizeof bound), 0);
  ASSERT_EQ(listen(silent, 8), 0);
  ASSERT_EQ(getsockname(silent, reinterpret_cast<sockaddr*>(&bound), &size), 0);
  const std::string port = std::to_string(ntohs(bound.sin_port));
  for (const std::string& url :
       {"https://127.0.0.1:" + port + "/", std::string("http://127.0.0.1:1/"), std::string("http://no.such.host.invalid/")}) {
    const auto reply = send_to("POST", url, 200ms);
    ASSERT_FALSE(reply) << url;
    EXPECT_EQ(reply.error().kind, base::ErrorKind::unavailable) << url << ": " << reply.error().message;
  }
  const auto unanswered = send_to("POST", "http://127.0.0.1:" + port + "/", 200ms);
  ASSERT_FALSE(unanswered);
  EXPECT_EQ(unanswered.error().kind, base::ErrorKind::deadline_exceeded) << "this one was sent";
  close(silent);
}

TEST_F(HttpClientTest, sends_nothing_after_the_deadline) {
  status["grant"] = 200;
  const auto reply = send("POST", "/platform/admin/namespaces/n/users/u/entitlements", -1ms);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().kind, base::ErrorKind::unavailable);
  EXPECT_EQ(counts["grant"], 0);
}

TEST_F(GrantTest, that_never_reached_the_platform_is_unsent) {
  PlatformAccess access(http, {"http://127.0.0.1:1", "test", "client", "secret"});
  PlatformRewardClient client(http, access, true);
  EXPECT_EQ(grant(client).result, Result::unsent);
}

TEST_F(GrantTest, shares_one_token_until_most_of_its_life_has_passed_or_it_is_rejected) {
  PlatformAccess access(http, address());
  PlatformRewardClient client(http, access, true);
  grant(client);
  grant(client);
  EXPECT_EQ(counts["token"], 1);
  status["grant"] = 401;
  grant(client);
  status["grant"] = 200;
  grant(client);
  EXPECT_EQ(counts["token"], 2);
  token_life = "0";
  PlatformAccess short_lived(http, address());
  PlatformRewardClient other(http, short_lived, true);
  grant(other);
  grant(other);
  EXPECT_EQ(counts["token"], 4);
}

TEST_F(GrantTest, leaves_a_platform_alone_that_does_not_answer_soundly) {
  PlatformAccess access(http, address());
  PlatformRewardClient client(http, access, true);
  status["grant"] = 500;
  for (int i = 0; i < kBreakerFailures + 1; ++i) grant(client);
  const int asked_before = counts["grant"];
  const GrantOutcome left_alone = grant(client);
  EXPECT_EQ(left_alone.result, Result::unsent);
  EXPECT_THAT(left_alone.reason, HasSubstr("left alone"));
  EXPECT_EQ(counts["grant"], asked_before);
}

TEST_F(VerifierTest, knows_the_issuers_tokens_and_asks_for_keys_once) {
  const SigningKey issuer("k1");
  keys = issuer.jwks();
  TokenVerifier verifier(loop, http, clock, options());
  const std::string token = issuer.sign(payload);
  EXPECT_EQ(verify(verifier, token), "ann");
  EXPECT_EQ(verify(verifier, token), "ann");
  EXPECT_EQ(counts["jwks"], 1);
  now_s = 2000;
  EXPECT_THAT(verify(verifier, token), HasSubstr("expired")) << "a kept verdict ends with the token";
}

TEST_F(VerifierTest, fetches_the_keys_again_when_a_token_names_a_new_one) {
  const SigningKey old_key("k1"), new_key("k2");
  keys = old_key.jwks();
  TokenVerifier verifier(loop, http, clock, options());
  EXPECT_EQ(verify(verifier, old_key.sign(payload)), "ann");
  keys = new_key.jwks();
  EXPECT_EQ(verify(verifier, new_key.sign(payload)), "ann");
  EXPECT_EQ(counts["jwks"], 2);
  EXPECT_THAT(verify(verifier, old_key.sign(payload)), HasSubstr("key is not known")) << "the withdrawn key's verdicts are gone";
}

TEST_F(VerifierTest, keeps_its_keys_when_the_issuer_answers_with_none_that_can_be_used) {
  const SigningKey issuer("k1"), another("k2");
  keys = issuer.jwks();
  TokenVerifier verifier(loop, http, clock, options());
  EXPECT_EQ(verify(verifier, issuer.sign(payload)), "ann");
  for (const char* useless : {R"({"keys":[]})", R"({"keys":[{"kty":"EC","kid":"k1"}]})"}) {
    keys = useless;
    EXPECT_THAT(verify(verifier, another.sign(payload)), HasSubstr("key is not known"));
    EXPECT_EQ(verify(verifier, issuer.sign(payload)), "ann") << useless;
  }
  EXPECT_EQ(counts["jwks"], 3);
}

TEST_F(VerifierTest, is_not_driven_into_a_storm_of_fetches_by_invented_keys) {
  const SigningKey issuer("k1");
  keys = issuer.jwks();
  TokenVerifier verifier(loop, http, clock, options(60s));
  EXPECT_EQ(verify(verifier, issuer.sign(payload)), "ann");
  for (int i = 0; i < 50; ++i) {
    EXPECT_THAT(verify(verifier, issuer.sign(R"({"alg":"RS256","kid":"invented-)" + std::to_string(i) + "\"}", payload)),
                HasSubstr("key is not known"));
  }
  EXPECT_EQ(counts["jwks"], 1);
}

TEST_F(VerifierTest, says_that_it_cannot_judge_while_there_are_no_keys) {
  const SigningKey issuer("k1");
  status["jwks"] = 500;
  TokenVerifier verifier(loop, http, clock, options());
  EXPECT_THAT(verify(verifier, issuer.sign(payload)), HasSubstr("keys cannot be fetched"));
}

}  // namespace
}  // namespace gauntlet::ags
