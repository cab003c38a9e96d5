// Tokens and key sets from outside: no text makes a token that verifies with keys that did not sign it.
#include "ags/json_web_token.hpp"
#include "base/base64.hpp"
#include "fuzz/bytes.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gauntlet;
  fuzz::Bytes bytes(data, size);
  const std::string_view text = bytes.line();
  const auto keys = ags::KeySet::parse(bytes.rest());
  const auto token = ags::SignedToken::parse(text);
  if (token) {
    fuzz::require(!token->verify(ags::KeySet()), "no key, no verdict");
    if (keys) static_cast<void>(token->verify(*keys));
  }
  static_cast<void>(base::decode_base64(text, base::kBase64Url));
  return 0;
}
