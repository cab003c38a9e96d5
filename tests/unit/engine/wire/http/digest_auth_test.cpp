#include "engine/wire/http/digest_auth.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gauntlet::engine::wire {
namespace {

using testing::HasSubstr;

// RFC 7616, section 3.9.1.
constexpr DigestCredentials kMufasa{
    "Mufasa", "Circle of Life", "GET", "/dir/index.html", "", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"};

TEST(DigestAuth, answers_the_challenges_of_rfc_7616) {
  const std::string rest =
      R"( realm="http-auth@example.org", qop="auth, auth-int", nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS")";
  EXPECT_THAT(*answer_digest_challenge("Digest algorithm=MD5," + rest, kMufasa),
              HasSubstr("response=\"8ca523f5e9506fed4657c9700eebdbec\""));
  EXPECT_THAT(*answer_digest_challenge("Digest algorithm=SHA-256," + rest, kMufasa),
              HasSubstr("response=\"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1\""));
}

TEST(DigestAuth, leaves_what_it_cannot_answer) {
  EXPECT_FALSE(answer_digest_challenge("Basic realm=\"x\"", kMufasa));
  EXPECT_FALSE(answer_digest_challenge("Digest realm=\"x\", nonce=\"y\", algorithm=FOO", kMufasa));
  EXPECT_FALSE(answer_digest_challenge("", kMufasa));
}

TEST(DigestAuth, answers_old_servers_without_quality_of_protection) {
  // RFC 2069's example, with its erratum's response.
  const DigestCredentials mufasa{"Mufasa", "CircleOfLife", "GET", "/dir/index.html", "", ""};
  EXPECT_THAT(
      *answer_digest_challenge(
          R"(Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41")",
          mufasa),
      HasSubstr("response=\"1949323746fe6a43ef61f9606e7febea\""));
}

TEST(DigestAuth, takes_a_new_nonce_each_time) { EXPECT_NE(random_cnonce(), random_cnonce()); }

}  // namespace
}  // namespace gauntlet::engine::wire
