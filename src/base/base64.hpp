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
  // Of a text that is read:
  bool may_have_line_breaks = true;  ///< they are skipped; nothing else is
  bool is_canonical = false;         ///< bits left over must be zero, so that a value has one text
};
/// As JSON Web Tokens and Keys have it (RFC 7515, section 2).
inline constexpr Base64Form kBase64Url{.is_url = true, .is_padded = false, .may_have_line_breaks = false, .is_canonical = true};

std::string encode_base64(std::string_view bytes, Base64Form form = {});

/// Nothing on text that is not of this form; `wrong_at`, when given, is then the index of the first byte that does not
/// belong there, or the text's size when it ends wrongly.
std::optional<std::string> decode_base64(std::string_view text, Base64Form form = {}, std::size_t* wrong_at = nullptr);

}  // namespace gauntlet::base
