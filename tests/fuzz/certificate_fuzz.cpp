// Certificates that scripts read: as text, or the bytes as they are inside of a PEM block.
#include "engine/api/crypto/certificate.hpp"

#include <string>

#include "base/base64.hpp"
#include "fuzz/bytes.hpp"

using namespace gauntlet;
using namespace gauntlet::engine;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Bytes bytes(data, size);
  std::string text;
  if (bytes.choice(2) == 1) {
    const std::string body = base::encode_base64(bytes.rest());
    text = "-----BEGIN CERTIFICATE-----\n";
    for (std::size_t at = 0; at < body.size(); at += 64) text.append(body, at, 64).append("\n");
    text += "-----END CERTIFICATE-----\n";
  } else {
    text = bytes.rest();
  }
  const auto certificate = crypto::parse_certificate(text);
  if (!certificate) {
    fuzz::require(certificate.error().message.starts_with("failed to "), "a refusal has k6's words");
    return 0;
  }
  fuzz::require(!certificate->signature_algorithm.empty(), "a signature has a name");
  fuzz::require(certificate->not_before.ends_with('Z') && certificate->not_after.ends_with('Z'), "a certificate has its times");
  for (const auto& [type, value] : certificate->subject.attributes) fuzz::require(!type.empty(), "an attribute has a type");
  return 0;
}
