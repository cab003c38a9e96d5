#include "engine/api/crypto/certificate.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cstring>
#include <ctime>
#include <iterator>
#include <memory>
#include <optional>

#include "base/base64.hpp"

namespace gauntlet::engine::crypto {
namespace {

struct Free {
  void operator()(X509* value) const { X509_free(value); }
  void operator()(BIGNUM* value) const { BN_free(value); }
  void operator()(GENERAL_NAMES* value) const { GENERAL_NAMES_free(value); }
  void operator()(RSA_PSS_PARAMS* value) const { RSA_PSS_PARAMS_free(value); }
  void operator()(char* value) const { OPENSSL_free(value); }
  void operator()(unsigned char* value) const { OPENSSL_free(value); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

tl::unexpected<base::Error> refuse(std::string message) {
  ERR_clear_error();
  return base::fail(base::ErrorKind::invalid_argument, std::move(message));
}

/// The next line of `text`, which loses it, without its end.
std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  std::string_view line = text.substr(0, end);
  text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  const std::size_t last = line.find_last_not_of(" \t\r");
  return line.substr(0, last == std::string_view::npos ? 0 : last + 1);
}

/// The bytes of the first block between BEGIN and END that is well-formed, whatever it is called (RFC 7468, and the headers
/// of RFC 1421, which OpenSSL's own reader knows only for encrypted keys).
std::optional<std::string> first_pem_block(std::string_view text) {
  constexpr std::string_view kBegin = "-----BEGIN ";
  constexpr std::string_view kDashes = "-----";
  int tries_left = 16;  // each looks through the rest of the text for its end
  while (!text.empty() && tries_left > 0) {
    const std::string_view line = take_line(text);
    if (!line.starts_with(kBegin) || !line.ends_with(kDashes) || line.size() < kBegin.size() + kDashes.size()) continue;
    --tries_left;
    const std::string end = fmt::format("-----END {}-----", line.substr(kBegin.size(), line.size() - kBegin.size() - kDashes.size()));
    std::string body;
    std::string_view rest = text;
    bool ended = false;
    while (!rest.empty() && !ended) {
      const std::string_view inner = take_line(rest);
      ended = inner == end;
      if (!ended && inner.find(':') == std::string_view::npos)
        std::copy_if(inner.begin(), inner.end(), std::back_inserter(body), [](char c) { return c != ' ' && c != '\t'; });
    }
    if (!ended) continue;
    if (auto bytes = base::decode_base64(body)) return bytes;
  }
  return std::nullopt;
}

/// How far Go comes with bytes that are no certificate: what is inside the outer sequence is its second look.
std::string_view what_is_malformed(std::string_view der) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  long length = 0;
  int tag = 0;
  int kind = 0;
  const auto enters_sequence = [&](long most) {
    const int outcome = ASN1_get_object(&at, &length, &tag, &kind, most);
    return (outcome & 0x80) == 0 && tag == V_ASN1_SEQUENCE;  // 0x80: no header, or one that promises more than there is
  };
  if (!enters_sequence(static_cast<long>(der.size()))) return "malformed certificate";
  return enters_sequence(length) ? "malformed certificate" : "malformed tbs certificate";
}

std::string utf8_of(const ASN1_STRING* text) {
  unsigned char* bytes = nullptr;
  const int length = ASN1_STRING_to_UTF8(&bytes, text);
  if (length < 0) return "";
  const Owned<unsigned char> owned(bytes);
  return std::string(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(length));
}

std::string digits_of(const ASN1_OBJECT* object) {
  std::string digits(80, '\0');
  const int length = OBJ_obj2txt(digits.data(), static_cast<int>(digits.size()), object, 1);
  digits.resize(static_cast<std::size_t>(std::clamp(length, 0, 79)));
  return digits;
}

DistinguishedName name_of(const X509_NAME* given) {
  DistinguishedName name;
  const auto first = [](std::string& field, const std::string& value) {
    if (field.empty()) field = value;
  };
  for (int i = 0; i < X509_NAME_entry_count(given); ++i) {
    const X509_NAME_ENTRY* const entry = X509_NAME_get_entry(given, i);
    const ASN1_OBJECT* const type = X509_NAME_ENTRY_get_object(entry);
    std::string value = utf8_of(X509_NAME_ENTRY_get_data(entry));
    switch (OBJ_obj2nid(type)) {
      case NID_commonName: name.common_name = value; break;
      case NID_countryName: first(name.country, value); break;
      case NID_postalCode: first(name.postal_code, value); break;
      case NID_stateOrProvinceName: first(name.state, value); break;
      case NID_localityName: first(name.locality, value); break;
      case NID_streetAddress: first(name.street, value); break;
      case NID_organizationName: first(name.organization, value); break;
      case NID_organizationalUnitName: name.organizational_units.push_back(value); break;
      default: break;
    }
    name.attributes.push_back({digits_of(type), std::move(value)});
  }
  return name;
}

std::optional<std::string> time_of(const ASN1_TIME* time) {
  std::tm moment{};
  if (ASN1_TIME_to_tm(time, &moment) != 1) return std::nullopt;
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", moment.tm_year + 1900, moment.tm_mon + 1, moment.tm_mday, moment.tm_hour,
                     moment.tm_min, moment.tm_sec);
}

std::string address_of(const ASN1_OCTET_STRING* bytes) {
  const unsigned char* data = ASN1_STRING_get0_data(bytes);
  const int length = ASN1_STRING_length(bytes);
  constexpr unsigned char kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};  // an IPv4 address in IPv6, which Go writes as IPv4
  const bool mapped = length == 16 && std::memcmp(data, kMapped, sizeof kMapped) == 0;
  if (length != 4 && length != 16) return "";
  char text[INET6_ADDRSTRLEN] = "";
  if (mapped) data += sizeof kMapped;
  inet_ntop(length == 4 || mapped ? AF_INET : AF_INET6, data, text, sizeof text);
  return text;
}

std::vector<std::string> alt_names_of(const X509* certificate) {
  const Owned<GENERAL_NAMES> names(static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  std::vector<std::string> found;
  if (names == nullptr) return found;
  const auto take = [&](int type, auto&& text_of) {
    for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
      const GENERAL_NAME* const name = sk_GENERAL_NAME_value(names.get(), i);
      if (name->type == type) found.push_back(text_of(name));
    }
  };
  const auto text = [](const ASN1_STRING* string) {
    return std::string(reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)), static_cast<std::size_t>(ASN1_STRING_length(string)));
  };
  take(GEN_DNS, [&](const GENERAL_NAME* name) { return text(name->d.dNSName); });
  take(GEN_EMAIL, [&](const GENERAL_NAME* name) { return text(name->d.rfc822Name); });
  take(GEN_IPADD, [&](const GENERAL_NAME* name) { return address_of(name->d.iPAddress); });
  take(GEN_URI, [&](const GENERAL_NAME* name) { return text(name->d.uniformResourceIdentifier); });
  return found;
}

/// Go knows PSS only where hash and mask are the same and the salt is as long as the hash.
std::string pss_name(const X509_ALGOR* algorithm) {
  const Owned<RSA_PSS_PARAMS> parameters(
      static_cast<RSA_PSS_PARAMS*>(ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(RSA_PSS_PARAMS), algorithm->parameter)));
  if (parameters == nullptr || parameters->hashAlgorithm == nullptr || parameters->saltLength == nullptr) return "";
  const long salt_bytes = ASN1_INTEGER_get(parameters->saltLength);
  switch (OBJ_obj2nid(parameters->hashAlgorithm->algorithm)) {
    case NID_sha256: return salt_bytes == 32 ? "SHA256-RSAPSS" : "";
    case NID_sha384: return salt_bytes == 48 ? "SHA384-RSAPSS" : "";
    case NID_sha512: return salt_bytes == 64 ? "SHA512-RSAPSS" : "";
    default: return "";
  }
}

std::string signature_algorithm_of(const X509* certificate) {
  const X509_ALGOR* algorithm = nullptr;
  X509_get0_signature(nullptr, &algorithm, certificate);
  std::string name;
  switch (OBJ_obj2nid(algorithm->algorithm)) {
    case NID_md5WithRSAEncryption: name = "MD5-RSA"; break;
    case NID_sha1WithRSAEncryption: name = "SHA1-RSA"; break;
    case NID_sha256WithRSAEncryption: name = "SHA256-RSA"; break;
    case NID_sha384WithRSAEncryption: name = "SHA384-RSA"; break;
    case NID_sha512WithRSAEncryption: name = "SHA512-RSA"; break;
    case NID_rsassaPss: name = pss_name(algorithm); break;
    case NID_dsaWithSHA1: name = "DSA-SHA1"; break;
    case NID_dsa_with_SHA256: name = "DSA-SHA256"; break;
    case NID_ecdsa_with_SHA1: name = "ECDSA-SHA1"; break;
    case NID_ecdsa_with_SHA256: name = "ECDSA-SHA256"; break;
    case NID_ecdsa_with_SHA384: name = "ECDSA-SHA384"; break;
    case NID_ecdsa_with_SHA512: name = "ECDSA-SHA512"; break;
    case NID_ED25519: name = "Ed25519"; break;
    default: break;
  }
  return name.empty() ? "UnknownSignatureAlgorithm" : name;
}

std::string number_of(const EVP_PKEY* key, const char* parameter) {
  BIGNUM* number = nullptr;
  if (EVP_PKEY_get_bn_param(key, parameter, &number) != 1) return "0";
  const Owned<BIGNUM> owned(number);
  const Owned<char> digits(BN_bn2hex(number));
  return digits == nullptr ? "0" : digits.get();
}

std::string curve_of(const EVP_PKEY* key) {
  char name[64] = "";
  std::size_t length = 0;
  if (EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, name, sizeof name, &length) != 1) return "";
  const char* const nist = EC_curve_nid2nist(OBJ_txt2nid(name));
  return nist == nullptr ? std::string(name, length) : std::string(nist);
}

void read_public_key(const X509* certificate, Certificate& into) {
  const EVP_PKEY* const key = X509_get0_pubkey(certificate);
  if (key == nullptr) return;
  switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA: into.public_key = RsaKey{number_of(key, OSSL_PKEY_PARAM_RSA_N), number_of(key, OSSL_PKEY_PARAM_RSA_E)}; break;
    case EVP_PKEY_EC:
      into.public_key = EllipticKey{curve_of(key), number_of(key, OSSL_PKEY_PARAM_EC_PUB_X), number_of(key, OSSL_PKEY_PARAM_EC_PUB_Y)};
      break;
    case EVP_PKEY_DSA:
      into.public_key = DsaKey{number_of(key, OSSL_PKEY_PARAM_FFC_P), number_of(key, OSSL_PKEY_PARAM_FFC_Q),
                               number_of(key, OSSL_PKEY_PARAM_FFC_G), number_of(key, OSSL_PKEY_PARAM_PUB_KEY)};
      break;
    default: break;
  }
}

}  // namespace

base::Expected<Certificate> parse_certificate(std::string_view pem) {
  const auto der = first_pem_block(pem);
  if (!der) return refuse("failed to decode certificate PEM file");
  const auto* at = reinterpret_cast<const unsigned char*>(der->data());
  const Owned<X509> parsed(d2i_X509(nullptr, &at, static_cast<long>(der->size())));
  if (parsed == nullptr) return refuse(fmt::format("failed to parse certificate: x509: {}", what_is_malformed(*der)));
  if (at != reinterpret_cast<const unsigned char*>(der->data()) + der->size())
    return refuse("failed to parse certificate: x509: trailing data");
  const auto not_before = time_of(X509_get0_notBefore(parsed.get()));
  const auto not_after = time_of(X509_get0_notAfter(parsed.get()));
  if (!not_before || !not_after) return refuse("failed to parse certificate: x509: malformed validity");

  Certificate certificate;
  certificate.subject = name_of(X509_get_subject_name(parsed.get()));
  certificate.issuer = name_of(X509_get_issuer_name(parsed.get()));
  certificate.not_before = *not_before;
  certificate.not_after = *not_after;
  certificate.alt_names = alt_names_of(parsed.get());
  certificate.signature_algorithm = signature_algorithm_of(parsed.get());
  unsigned length = 0;
  unsigned char digest[EVP_MAX_MD_SIZE];
  if (X509_digest(parsed.get(), EVP_sha1(), digest, &length) != 1 || length != certificate.fingerprint.size()) {
    return refuse("failed to parse certificate: no SHA-1 on this machine");
  }
  std::copy_n(digest, length, certificate.fingerprint.begin());
  read_public_key(parsed.get(), certificate);
  ERR_clear_error();  // of extensions and keys that were tried in vain
  return certificate;
}

}  // namespace gauntlet::engine::crypto
