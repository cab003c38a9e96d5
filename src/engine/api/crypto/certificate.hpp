#pragma once
// What is written in an X.509 certificate (RFC 5280), read by OpenSSL and given in the terms of k6/crypto/x509. Nothing is
// verified: neither signature nor dates nor who issued it. Knows nothing of scripts. Thread-safe.
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.hpp"

namespace gauntlet::engine::crypto {

/// A subject or issuer. Of an attribute that stands several times the fields have the first one, but the common name
/// is the last, as Go has it; empty when there is none. Texts are UTF-8.
struct DistinguishedName {
  struct Attribute {
    std::string type;  ///< as digits: "2.5.4.3"
    std::string value;
  };
  std::string common_name, country, postal_code, state, locality, street, organization;
  std::vector<std::string> organizational_units;
  std::vector<Attribute> attributes;  ///< all, in the certificate's order
};

/// Whole numbers in hexadecimal digits, without sign or prefix.
struct RsaKey {
  std::string modulus, exponent;
};
struct EllipticKey {
  std::string curve;  ///< "P-256"
  std::string x, y;
};
struct DsaKey {
  std::string p, q, g, y;
};

struct Certificate {
  DistinguishedName subject;
  DistinguishedName issuer;
  std::string not_before, not_after;         ///< "2026-11-28T19:52:14Z"
  std::vector<std::string> alt_names;        ///< DNS names, then mail addresses, IP addresses, URIs
  std::string signature_algorithm;           ///< "SHA256-RSA", "ECDSA-SHA384"; "UnknownSignatureAlgorithm" for rare ones
  std::array<std::uint8_t, 20> fingerprint;  ///< SHA-1 of the whole
  /// Nothing for other kinds of keys, such as Ed25519.
  std::variant<std::monostate, RsaKey, EllipticKey, DsaKey> public_key;
};

/// The certificate that the first PEM block of a text holds, or k6's message.
base::Expected<Certificate> parse_certificate(std::string_view pem);

}  // namespace gauntlet::engine::crypto
