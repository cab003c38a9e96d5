#include "engine/wire/http/ntlm_auth.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/base64.hpp"

namespace gauntlet::engine::wire {
namespace {

std::string from_hex(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) out += static_cast<char>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16));
  return out;
}

/// The challenge of [MS-NLMP] 4.2.4: server challenge 01..ef, target info Domain and Server.
std::string challenge(std::string_view flags = "33828ae2") {
  const std::string info = from_hex(
      "02000c0044006f006d00610069006e0001000c005300650072007600650072000000"
      "0000");
  std::string message("NTLMSSP\0\x02\0\0\0", 12);
  message += from_hex("0c000c0038000000") + from_hex(flags) + from_hex("0123456789abcdef") + std::string(8, '\0');
  message += from_hex(
                 "240024004400000006007017"
                 "0000000f") +
             from_hex("530065007200760065007200") + info;
  return "NTLM " + base::encode_base64(message);
}

constexpr std::uint64_t kFileTimeZero = 0 - std::uint64_t{116'444'736'000'000'000};

TEST(NtlmAuth, answers_as_microsofts_document_computes_it) {
  const auto header = answer_ntlm_challenge(challenge(), {"Domain\\User", "Password"}, from_hex("aaaaaaaaaaaaaaaa"), kFileTimeZero);
  ASSERT_TRUE(header);
  const std::string answer = base::decode_base64(header->substr(5)).value();
  EXPECT_EQ(answer.substr(0, 8), std::string_view("NTLMSSP\0", 8));
  EXPECT_EQ(answer.substr(64, 24), from_hex("86c35097ac9cec102554764a57cccc19aaaaaaaaaaaaaaaa"));
  EXPECT_EQ(answer.substr(88, 16), from_hex("68cd0ab851e51c96aabc927bebef6a1c"));
}

TEST(NtlmAuth, opens_as_k6_does) {
  EXPECT_EQ(begin_ntlm("NTLM"), "NTLM TlRMTVNTUAABAAAAAYKIoAAAAAAoAAAAAAAAACgAAAAGAbEdAAAADw==");
  EXPECT_EQ(begin_ntlm("Negotiate").substr(0, 10), "Negotiate ");
}

TEST(NtlmAuth, knows_the_schemes_it_can_answer) {
  EXPECT_EQ(ntlm_scheme("NTLM"), "NTLM");
  EXPECT_EQ(ntlm_scheme("negotiate abc"), "Negotiate");
  EXPECT_EQ(ntlm_scheme("Basic realm=\"x\""), std::nullopt);
}

TEST(NtlmAuth, leaves_what_it_cannot_answer) {
  const NtlmCredentials credentials{"u", "p"};
  EXPECT_FALSE(answer_ntlm_challenge("NTLM", credentials, "12345678", 0));
  EXPECT_FALSE(answer_ntlm_challenge("NTLM !!!!", credentials, "12345678", 0));
  EXPECT_FALSE(answer_ntlm_challenge("NTLM " + base::encode_base64("NTLMSSP"), credentials, "12345678", 0));
  EXPECT_FALSE(answer_ntlm_challenge(challenge("32828ae2"), credentials, "12345678", 0)) << "without Unicode";
  const std::string whole = base::decode_base64(std::string(challenge()).substr(5)).value();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(answer_ntlm_challenge("NTLM " + base::encode_base64(whole.substr(0, size)), credentials, "12345678", 0)) << size;
  }
}

}  // namespace
}  // namespace gauntlet::engine::wire
