#pragma once
// Base64 with padding (RFC 4648, section 4), as HTTP's headers use it.
#include <optional>
#include <string>
#include <string_view>

namespace gauntlet::engine::net {

std::string encode_base64(std::string_view bytes);
/// Nothing for what is not base64.
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace gauntlet::engine::net
