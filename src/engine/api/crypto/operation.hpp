#pragma once
// What is done with keys: the operations of the Web Cryptography API on OpenSSL. `parameters` is the dictionary that
// the script passed to the call; the key's own algorithm says the rest. All run on the caller's thread.
#include <functional>
#include <string>
#include <string_view>

#include "engine/api/crypto/key.hpp"

namespace gauntlet::engine::crypto {

Result<std::string> digest(std::string_view algorithm, std::string_view data);

/// AES-CBC, AES-CTR, AES-GCM (the tag follows the text), RSA-OAEP.
Result<std::string> encrypt(const Algorithm& parameters, const Key& key, std::string_view data);
Result<std::string> decrypt(const Algorithm& parameters, const Key& key, std::string_view data);

/// HMAC, ECDSA (r and s in fixed width, as IEEE P1363 has it), RSASSA-PKCS1-v1_5, RSA-PSS.
Result<std::string> sign(const Algorithm& parameters, const Key& key, std::string_view data);
Result<bool> verify(const Algorithm& parameters, const Key& key, std::string_view signature, std::string_view data);

/// PBKDF2, HKDF. The former may be asked for days of work: `may_go_on` is asked after every thousand rounds, and false ends it
/// with an error.
Result<std::string> derive(const Algorithm& parameters, const Key& key, std::size_t length_bits, const std::function<bool()>& may_go_on);
/// ECDH: the shared point's x; all of it when `length_bits` is 0.
Result<std::string> agree(const Key& private_key, const Key& public_key, std::size_t length_bits);

}  // namespace gauntlet::engine::crypto
