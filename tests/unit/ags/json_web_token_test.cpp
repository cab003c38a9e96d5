#include "ags/json_web_token.hpp"

#include <gmock/gmock.h>

#include "ags/signing_key.hpp"
#include "base/base64.hpp"

namespace gauntlet::ags {
namespace {

using base::ErrorKind;
using testing::HasSubstr;

std::string base64url(std::string_view text) { return base::encode_base64(text, base::kBase64Url); }

constexpr const char* kPayload = R"({"sub":"ann","namespace":"test","exp":2000,"nbf":1000})";

const SigningKey& issuer() {
  static const SigningKey key("k1");
  return key;
}

base::Expected<Claims> judge(std::string_view token, std::int64_t now_s = 1500, const TokenDemands& demands = {"test", "", ""}) {
  const auto keys = KeySet::parse(issuer().jwks());
  const auto parsed = SignedToken::parse(token);
  if (!parsed) return tl::unexpected(parsed.error());
  auto claims = parsed->verify(*keys);
  if (!claims) return claims;
  if (auto checked = check_claims(*claims, now_s, demands); !checked) return tl::unexpected(checked.error());
  return claims;
}

TEST(JsonWebToken, of_the_issuer_names_the_user) {
  const auto claims = judge(issuer().sign(kPayload));
  ASSERT_TRUE(claims) << claims.error().message;
  EXPECT_EQ(claims->subject, "ann");
  EXPECT_EQ(claims->expires_at, 2000);
}

TEST(JsonWebToken, that_is_forged_or_broken_is_refused_with_the_reason) {
  const SigningKey stranger("k1"), other("k2");
  const std::string good = issuer().sign(kPayload);
  const std::size_t second_dot = good.rfind('.');
  const std::string none = base64url(R"({"alg":"none","kid":"k1"})") + "." + base64url(kPayload) + ".";
  const std::pair<std::string, const char*> cases[] = {
      {"", "three parts"},
      {"a.b", "three parts"},
      {"a.b.c.d", "three parts"},
      {"!.!.!", "base64url"},
      {good + "=", "base64url"},
      {none, "not signed with RS256"},
      {issuer().sign_with_public_key_as_secret(kPayload), "not signed with RS256"},
      {issuer().sign(R"({"alg":"RS512","kid":"k1"})", kPayload), "not signed with RS256"},
      {issuer().sign(R"({"alg":["RS256"],"kid":"k1"})", kPayload), "not signed with RS256"},
      {issuer().sign(R"({"alg":"RS256"})", kPayload), "names no key"},
      {issuer().sign(R"({"alg":"RS256","kid":"k1","crit":["b64"]})", kPayload), "extension"},
      {issuer().sign(R"({"alg":"RS256","kid":"../../etc/passwd"})", kPayload), "key is not known"},
      {issuer().sign(R"([1])", kPayload), "header is not a JSON object"},
      {stranger.sign(kPayload), "signature is wrong"},
      {other.sign(kPayload), "key is not known"},
      {good.substr(0, second_dot), "three parts"},
      {good.substr(0, second_dot + 1), "signature is wrong"},
      {good.substr(0, good.size() - 10), ""},
      {good.substr(0, good.find('.')) + "." + base64url(R"({"sub":"eve","namespace":"test","exp":2000})") + good.substr(second_dot),
       "signature is wrong"},
      {issuer().sign("no json"), "payload is not a JSON object"},
      {issuer().sign(R"({"sub":"ann","namespace":"test"})"), "no expiry"},
      {issuer().sign(R"({"sub":"ann","namespace":"test","exp":"2000"})"), "no expiry"},
      {issuer().sign(R"({"sub":"ann","namespace":"test","exp":1e300})"), "no expiry"},
      {issuer().sign(R"({"sub":"ann","namespace":"test","exp":2000,"nbf":"x"})"), "nbf"},
      {issuer().sign(R"({"sub":"","namespace":"test","exp":2000})"), "names no user"},
      {issuer().sign(R"({"sub":7,"namespace":"test","exp":2000})"), "names no user"},
      {issuer().sign(R"({"sub":"ann","namespace":"test","exp":1500})"), "has expired"},
      {issuer().sign(R"({"sub":"ann","namespace":"test","exp":2000,"nbf":1501})"), "not valid yet"},
      {good + std::string(1'000'000, 'x'), "too long"},
  };
  for (const auto& [token, reason] : cases) {
    const auto claims = judge(token);
    ASSERT_FALSE(claims) << token.substr(0, 100);
    EXPECT_EQ(claims.error().kind, ErrorKind::unauthenticated) << reason;
    EXPECT_THAT(claims.error().message, HasSubstr(reason));
  }
}

TEST(JsonWebToken, of_another_namespace_is_forbidden) {
  const auto claims = judge(issuer().sign(R"({"sub":"ann","namespace":"prod","exp":2000})"));
  ASSERT_FALSE(claims);
  EXPECT_EQ(claims.error().kind, ErrorKind::permission_denied);
}

TEST(JsonWebToken, must_name_the_issuer_and_the_audience_that_are_demanded) {
  const auto with = [](const std::string& members) {
    return issuer().sign(R"({"sub":"ann","namespace":"test","exp":2000)" + members + "}");
  };
  const TokenDemands issued{"test", "https://iam", ""}, meant{"test", "", "game"};
  EXPECT_TRUE(judge(with(R"(,"iss":"https://other","aud":"other")"))) << "nothing is demanded";
  EXPECT_TRUE(judge(with(R"(,"iss":"https://iam")"), 1500, issued));
  for (const char* members : {"", R"(,"iss":"https://other")", R"(,"iss":"https://iam/")", R"(,"iss":["https://iam"])"}) {
    const auto claims = judge(with(members), 1500, issued);
    ASSERT_FALSE(claims) << members;
    EXPECT_EQ(claims.error().kind, ErrorKind::unauthenticated);
    EXPECT_THAT(claims.error().message, HasSubstr("another issuer"));
  }
  for (const char* members : {R"(,"aud":"game")", R"(,"aud":["site",7,"game"])"}) EXPECT_TRUE(judge(with(members), 1500, meant)) << members;
  for (const char* members : {"", R"(,"aud":"site")", R"(,"aud":[])", R"(,"aud":["games"])", R"(,"aud":{"game":1})"}) {
    const auto claims = judge(with(members), 1500, meant);
    ASSERT_FALSE(claims) << members;
    EXPECT_THAT(claims.error().message, HasSubstr("another audience"));
  }
}

std::string jwk_of(std::string_view id, const std::string& modulus, const std::string& exponent) {
  return R"({"kty":"RSA","kid":")" + std::string(id) + R"(","n":")" + base64url(modulus) + R"(","e":")" + base64url(exponent) + "\"}";
}

TEST(KeySet, refuses_keys_whose_signatures_anyone_could_make) {
  using namespace std::string_literals;
  const std::string modulus(256, '\xFF');
  const std::tuple<const char*, std::string, std::string, const char*> cases[] = {
      {"e is 1", modulus, "\x01", "even or 1"},
      {"e is 0", modulus, "\0"s, "even or 1"},
      {"e is even", modulus, "\x01\0\0"s, "even or 1"},
      {"e is huge", modulus, std::string(9, '\xFF'), "64 bits"},
      {"n is even", std::string(255, '\xFF') + "\xFE", "\x01\0\x01"s, "modulus is even"},
      {"n is short", std::string(255, '\xFF'), "\x01\0\x01"s, "2048 bits"},
      {"n is short behind zeros", std::string(100, '\0') + std::string(200, '\xFF'), "\x01\0\x01"s, "2048 bits"},
      {"n is huge", std::string(2049, '\xFF'), "\x01\0\x01"s, "16384 bits"},
      {"n is empty", "", "\x01\0\x01"s, "2048 bits"},
  };
  for (const auto& [id, n, e, why] : cases) {
    const auto keys = KeySet::parse(R"({"keys":[)" + jwk_of(id, n, e) + "]}");
    ASSERT_TRUE(keys) << id;
    EXPECT_FALSE(keys->has(id)) << id;
    ASSERT_EQ(keys->refused().size(), 1u) << id;
    EXPECT_THAT(keys->refused().front(), testing::AllOf(testing::StartsWith(id), HasSubstr(why)));
  }
  EXPECT_TRUE(KeySet::parse(R"({"keys":[)" + jwk_of("e is 3", modulus, "\x03") + "]}")->has("e is 3"));
}

TEST(KeySet, leaves_out_what_cannot_sign_tokens_safely) {
  const SigningKey good("good"), small("small", 1024);
  const auto keys = KeySet::parse(
      R"({"keys":[)" + good.jwk() + "," + small.jwk() +
      R"(,{"kty":"EC","kid":"ec"},{"kty":"RSA","kid":"enc","use":"enc","n":"AQAB","e":"AQAB"},{"kty":"RSA","kid":"x","n":"!","e":"AQAB"},7]})");
  ASSERT_TRUE(keys);
  EXPECT_EQ(keys->size(), 1u);
  EXPECT_TRUE(keys->has("good"));
  for (const char* document : {"", "[]", "{}", R"({"keys":{}})", "<html>"}) EXPECT_FALSE(KeySet::parse(document)) << document;
}

}  // namespace
}  // namespace gauntlet::ags
