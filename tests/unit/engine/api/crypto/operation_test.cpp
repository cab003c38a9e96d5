#include "engine/api/crypto/operation.hpp"

#include <gtest/gtest.h>

namespace gauntlet::engine::crypto {
namespace {

std::string from_hex(std::string_view text) {
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); i += 2) bytes += static_cast<char>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16));
  return bytes;
}

Key secret_key(const char* algorithm, std::string bytes) {
  Algorithm wanted;
  wanted.name = algorithm;
  wanted.hash = "SHA-256";
  return import_key(KeyFormat::raw, bytes, wanted, true, possible_usages(algorithm)).value();
}

// A counter of 8 bits starts again at 0 and leaves the bits beside it alone, so the block after ff is block 00.
TEST(AesCtr, counter_wraps_within_its_own_bits) {
  const Key key = secret_key("AES-CTR", std::string(16, 'k'));
  const std::string zeros(16, '\0');
  Algorithm parameters;
  parameters.length_bits = 8;
  parameters.counter = std::string(15, '\7') + '\xff';
  const auto two_blocks = encrypt(parameters, key, zeros + zeros);
  ASSERT_TRUE(two_blocks);
  parameters.counter = std::string(15, '\7') + '\0';
  EXPECT_EQ(two_blocks->substr(16), encrypt(parameters, key, zeros).value());
}

TEST(AesCtr, refuses_data_that_would_repeat_the_key_stream) {
  const Key key = secret_key("AES-CTR", std::string(16, 'k'));
  Algorithm parameters;
  parameters.length_bits = 2;
  parameters.counter = std::string(16, '\0');
  EXPECT_TRUE(encrypt(parameters, key, std::string(64, 'x')));
  EXPECT_FALSE(encrypt(parameters, key, std::string(65, 'x')));
}

TEST(AesGcm, changed_text_does_not_open) {
  const Key key = secret_key("AES-GCM", std::string(32, 'k'));
  Algorithm parameters;
  parameters.iv = std::string(12, 'i');
  std::string sealed = encrypt(parameters, key, "reward: 10").value();
  EXPECT_EQ(decrypt(parameters, key, sealed).value(), "reward: 10");
  sealed[2] = static_cast<char>(sealed[2] ^ 1);
  const auto opened = decrypt(parameters, key, sealed);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().name, "OperationError");
}

TEST(Hkdf, gives_the_first_test_vector_of_rfc_5869) {
  const Key key = secret_key("HKDF", std::string(22, '\x0b'));
  Algorithm parameters;
  parameters.hash = "SHA-256";
  parameters.salt = from_hex("000102030405060708090a0b0c");
  parameters.info = from_hex("f0f1f2f3f4f5f6f7f8f9");
  EXPECT_EQ(derive(parameters, key, 336, [] { return true; }).value(),
            from_hex("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"));
}

/// The answers are those of Python's hashlib.
TEST(Pbkdf2, gives_what_others_derive_over_several_blocks) {
  const Key key = secret_key("PBKDF2", "passwordPASSWORDpassword");
  Algorithm parameters;
  parameters.hash = "SHA-256";
  parameters.salt = "saltSALTsaltSALTsaltSALTsaltSALTsalt";
  parameters.iterations = 4096;
  EXPECT_EQ(derive(parameters, key, 320, [] { return true; }).value(),
            from_hex("348c89dbcbd32b2f32d814b8116e84cf2b17347ebc1800181c4e2a1fb8dd53e1c635518c7dac47e9"));
}

TEST(Pbkdf2, ends_when_it_may_not_go_on) {
  const Key key = secret_key("PBKDF2", "password");
  Algorithm parameters;
  parameters.hash = "SHA-512";
  parameters.iterations = 4'000'000'000U;
  int asked = 0;
  EXPECT_FALSE(derive(parameters, key, 512, [&] { return ++asked < 3; }));
  EXPECT_EQ(asked, 3);
}

TEST(Signature, of_the_wrong_size_is_wrong_and_no_error) {
  Algorithm algorithm;
  algorithm.name = "ECDSA";
  algorithm.curve = "P-256";
  algorithm.hash = "SHA-256";
  const auto pair = generate_pair(algorithm, true, possible_usages("ECDSA"));
  ASSERT_TRUE(pair);
  const auto is_right = verify(algorithm, pair->public_key, "short", "text");
  ASSERT_TRUE(is_right);
  EXPECT_FALSE(*is_right);
}

}  // namespace
}  // namespace gauntlet::engine::crypto
