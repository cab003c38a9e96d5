#include "engine/wire/http/ntlm_auth.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/provider.h>

#include <array>
#include <vector>

#include "base/base64.hpp"
#include "base/text.hpp"

namespace gauntlet::engine::wire {
namespace {

constexpr std::string_view kSignature("NTLMSSP\0", 8);
constexpr std::uint32_t kUnicode = 0x00000001;
constexpr std::uint32_t kNegotiated = 0xa0888201;  // unicode, NTLM, always sign, extended security, target info, version, 128, 56
constexpr std::uint64_t kUnixEpochAsFileTime = 116'444'736'000'000'000;
constexpr std::uint16_t kTimestampPair = 7;

void append_little_endian(std::string& out, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i));
}

std::uint64_t little_endian(std::string_view bytes, std::size_t at, std::size_t count) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < count; ++i) value |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[at + i])) << (8 * i);
  return value;
}

/// UTF-8 to UTF-16LE; `upper` as the user's name enters the hash (ASCII only, as it is compared by most servers).
std::string utf16(std::string_view text, bool upper = false) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const auto first = static_cast<unsigned char>(text[i]);
    const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;
    std::uint32_t point = length == 1 ? first : first & (0xffU >> (length + 1));
    for (std::size_t k = 1; k < length && i + k < text.size(); ++k) point = point << 6 | (static_cast<unsigned char>(text[i + k]) & 0x3fU);
    i += length;
    if (upper && point >= 'a' && point <= 'z') point -= 0x20;
    if (point >= 0x10000) {
      append_little_endian(out, 0xd800 + ((point - 0x10000) >> 10), 2);
      append_little_endian(out, 0xdc00 + ((point - 0x10000) & 0x3ff), 2);
    } else {
      append_little_endian(out, point, 2);
    }
  }
  return out;
}

/// Empty when this machine's OpenSSL has no MD4 (its legacy provider is missing).
std::string md4(std::string_view data) {
  static const EVP_MD* const algorithm = [] {
    OSSL_LIB_CTX* const own = OSSL_LIB_CTX_new();
    OSSL_PROVIDER_load(own, "legacy");
    return EVP_MD_fetch(own, "MD4", nullptr);
  }();
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (algorithm == nullptr || EVP_Digest(data.data(), data.size(), digest.data(), &size, algorithm, nullptr) != 1) return {};
  return {reinterpret_cast<const char*>(digest.data()), size};
}

std::string hmac_md5(std::string_view key, std::string_view data) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  HMAC(EVP_md5(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(data.data()), data.size(), digest.data(),
       &size);
  return {reinterpret_cast<const char*>(digest.data()), size};
}

struct Challenge {
  std::uint32_t flags = 0;
  std::string_view server_nonce;
  std::string_view target_info;
  std::optional<std::uint64_t> timestamp;
};

std::optional<Challenge> parse_challenge(std::string_view message) {
  constexpr std::size_t kHeaderBytes = 48;
  if (message.size() < kHeaderBytes || !message.starts_with(kSignature) || little_endian(message, 8, 4) != 2) return std::nullopt;
  Challenge challenge;
  challenge.flags = static_cast<std::uint32_t>(little_endian(message, 20, 4));
  challenge.server_nonce = message.substr(24, 8);
  const auto length = static_cast<std::size_t>(little_endian(message, 40, 2));
  const auto offset = static_cast<std::size_t>(little_endian(message, 44, 4));
  if (offset > message.size() || length > message.size() - offset) return std::nullopt;
  challenge.target_info = message.substr(offset, length);
  for (std::string_view rest = challenge.target_info; rest.size() >= 4;) {
    const auto id = little_endian(rest, 0, 2);
    const auto size = static_cast<std::size_t>(little_endian(rest, 2, 2));
    if (id == 0 || size > rest.size() - 4) break;
    if (id == kTimestampPair && size == 8) challenge.timestamp = little_endian(rest, 4, 8);
    rest.remove_prefix(4 + size);
  }
  return challenge;
}

}  // namespace

std::optional<std::string_view> ntlm_scheme(std::string_view header) {
  const std::string_view word = header.substr(0, header.find(' '));
  if (base::equals_ignoring_case(word, "ntlm")) return "NTLM";
  if (base::equals_ignoring_case(word, "negotiate")) return "Negotiate";
  return std::nullopt;
}

std::string begin_ntlm(std::string_view scheme) {
  std::string message(kSignature);
  append_little_endian(message, 1, 4);
  append_little_endian(message, kNegotiated, 4);
  for (int i = 0; i < 2; ++i) {  // neither domain nor workstation
    append_little_endian(message, 0, 4);
    append_little_endian(message, 40, 4);
  }
  message += std::string_view("\x06\x01\xb1\x1d\x00\x00\x00\x0f", 8);  // a version of Windows that all servers know
  return std::string(scheme) + ' ' + base::encode_base64(message);
}

std::optional<std::string> answer_ntlm_challenge(std::string_view header, const NtlmCredentials& credentials, std::string_view nonce,
                                                 std::uint64_t now) {
  const auto scheme = ntlm_scheme(header);
  if (!scheme || header.size() <= scheme->size()) return std::nullopt;
  const auto message = base::decode_base64(header.substr(scheme->size() + 1));
  if (!message) return std::nullopt;
  const auto challenge = parse_challenge(*message);
  if (!challenge || (challenge->flags & kUnicode) == 0) return std::nullopt;

  const auto divider = credentials.user.find('\\');
  const std::string_view domain = divider == std::string_view::npos ? std::string_view() : credentials.user.substr(0, divider);
  const std::string_view user = divider == std::string_view::npos ? credentials.user : credentials.user.substr(divider + 1);
  const std::string password_hash = md4(utf16(credentials.password));
  if (password_hash.empty()) return std::nullopt;
  const std::string key = hmac_md5(password_hash, utf16(user, true) + utf16(domain));

  std::string blob("\x01\x01\x00\x00\x00\x00\x00\x00", 8);
  append_little_endian(blob, challenge->timestamp.value_or(now + kUnixEpochAsFileTime), 8);
  blob.append(nonce).append(4, '\0').append(challenge->target_info).append(4, '\0');
  const std::string nt_answer = hmac_md5(key, std::string(challenge->server_nonce) + blob) + blob;
  // A server that tells its time does not want the older answer.
  std::string lm_answer;
  if (!challenge->timestamp) lm_answer = hmac_md5(key, std::string(challenge->server_nonce).append(nonce)).append(nonce);

  const std::array<std::string, 5> fields{lm_answer, nt_answer, utf16(domain), utf16(user), {}};
  constexpr std::size_t kHeaderBytes = 64;
  std::string answer(kSignature);
  append_little_endian(answer, 3, 4);
  std::size_t offset = kHeaderBytes;
  for (const std::string& field : fields) {
    append_little_endian(answer, field.size(), 2);
    append_little_endian(answer, field.size(), 2);
    append_little_endian(answer, offset, 4);
    offset += field.size();
  }
  append_little_endian(answer, 0, 8);  // no session key
  append_little_endian(answer, challenge->flags, 4);
  for (const std::string& field : fields) answer += field;
  return std::string(*scheme) + ' ' + base::encode_base64(answer);
}

}  // namespace gauntlet::engine::wire
