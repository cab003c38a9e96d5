#pragma once
// Base64 (RFC 4648), standard and URL alphabet, with and without padding.
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace gauntlet::base {

struct Base64Form {
  bool is_url = false;    ///< "-_" instead of "+/"
  bool is_padded = true;  ///< with "=" up to a multiple of four
};

std::string encode_base64(std::string_view bytes, Base64Form form = {});

/// Line breaks are skipped, nothing else is. Nothing on text that is not of this form; `wrong_at`, when given, is then
/// the index of the first byte that does not belong there.
std::optional<std::string> decode_base64(std::string_view text, Base64Form form = {}, std::size_t* wrong_at = nullptr);

}  // namespace gauntlet::base
