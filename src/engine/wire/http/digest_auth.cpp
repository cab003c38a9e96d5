#include "engine/wire/http/digest_auth.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <array>
#include <map>

#include "base/hex.hpp"
#include "base/text.hpp"
#include "engine/wire/http_head.hpp"

namespace gauntlet::engine::wire {
namespace {

/// name=value pairs divided by commas; values may be quoted.
std::map<std::string, std::string> parse_parameters(std::string_view text) {
  std::map<std::string, std::string> out;
  std::size_t i = 0;
  while (i < text.size()) {
    while (i < text.size() && (text[i] == ' ' || text[i] == ',' || text[i] == '\t')) ++i;
    const auto equals = text.find('=', i);
    if (equals == std::string_view::npos) break;
    const std::string name = base::lower_case(base::trimmed(text.substr(i, equals - i), " "));
    i = equals + 1;
    std::string value;
    if (i < text.size() && text[i] == '"') {
      for (++i; i < text.size() && text[i] != '"'; ++i) {
        if (text[i] == '\\' && i + 1 < text.size()) ++i;
        value += text[i];
      }
      ++i;
    } else {
      while (i < text.size() && text[i] != ',') value += text[i++];
      while (!value.empty() && value.back() == ' ') value.pop_back();
    }
    out[name] = value;
  }
  return out;
}

}  // namespace

std::string random_cnonce() {
  std::array<unsigned char, 16> bytes{};
  RAND_bytes(bytes.data(), static_cast<int>(bytes.size()));
  return base::to_hex({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

std::optional<std::string> answer_digest_challenge(std::string_view challenge, const DigestCredentials& with) {
  if (challenge.size() < 7 || !base::equals_ignoring_case(challenge.substr(0, 7), "digest ")) return std::nullopt;
  auto parameters = parse_parameters(challenge.substr(7));
  std::string algorithm = parameters["algorithm"];
  if (algorithm.empty()) algorithm = "MD5";
  const bool is_session = algorithm.ends_with("-sess");
  const std::string_view base = std::string_view(algorithm).substr(0, algorithm.size() - (is_session ? 5 : 0));
  const EVP_MD* digest = base == "MD5" ? EVP_md5() : base == "SHA-256" ? EVP_sha256() : base == "SHA-512-256" ? EVP_sha512_256() : nullptr;
  if (digest == nullptr) return std::nullopt;
  const auto hash = [&](std::string_view text) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
    unsigned size = 0;
    EVP_Digest(text.data(), text.size(), bytes.data(), &size, digest, nullptr);
    return base::to_hex({reinterpret_cast<const char*>(bytes.data()), size});
  };

  std::string qop;
  if (list_has_token(parameters["qop"], "auth")) qop = "auth";
  else if (list_has_token(parameters["qop"], "auth-int")) qop = "auth-int";
  const std::string& realm = parameters["realm"];
  const std::string& nonce = parameters["nonce"];
  std::string secret = hash(fmt::format("{}:{}:{}", with.user, realm, with.password));
  if (is_session) secret = hash(fmt::format("{}:{}:{}", secret, nonce, with.cnonce));
  std::string request = fmt::format("{}:{}", with.method, with.uri);
  if (qop == "auth-int") request += ':' + hash(with.body);
  const std::string response = qop.empty() ? hash(fmt::format("{}:{}:{}", secret, nonce, hash(request)))
                                           : hash(fmt::format("{}:{}:00000001:{}:{}:{}", secret, nonce, with.cnonce, qop, hash(request)));

  std::string out = fmt::format("Digest username=\"{}\", realm=\"{}\", nonce=\"{}\", uri=\"{}\", response=\"{}\"", with.user, realm, nonce,
                                with.uri, response);
  if (parameters.contains("algorithm")) out += fmt::format(", algorithm=\"{}\"", algorithm);
  if (!parameters["opaque"].empty()) out += fmt::format(", opaque=\"{}\"", parameters["opaque"]);
  if (!qop.empty()) out += fmt::format(", qop={}, nc=00000001, cnonce=\"{}\"", qop, with.cnonce);
  return out;
}

}  // namespace gauntlet::engine::wire
