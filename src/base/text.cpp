#include "base/text.hpp"

#include <cstdint>

namespace gauntlet::base {

bool is_text(std::string_view bytes) {
  std::size_t i = 0;
  const auto byte_at = [&](std::size_t at) { return static_cast<unsigned char>(bytes[at]); };
  while (i < bytes.size()) {
    const unsigned char first = byte_at(i);
    if (first == 0) return false;
    if (first < 0x80) {
      ++i;
      continue;
    }
    const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || i + length > bytes.size()) return false;
    std::uint32_t code = first & (0x7fU >> length);
    for (std::size_t k = 1; k < length; ++k) {
      if ((byte_at(i + k) & 0xc0U) != 0x80) return false;
      code = code << 6 | (byte_at(i + k) & 0x3fU);
    }
    if (length == 3 && (code < 0x800 || (code >= 0xd800 && code <= 0xdfff))) return false;
    if (length == 4 && (code < 0x10000 || code > 0x10ffff)) return false;
    i += length;
  }
  return true;
}

std::size_t json_depth(std::string_view text) {
  std::size_t depth = 0;
  std::size_t deepest = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    switch (text[i]) {
      case '"':
        while (++i < text.size() && text[i] != '"') {
          if (text[i] == '\\') ++i;
        }
        break;
      case '[':
      case '{': deepest = std::max(deepest, ++depth); break;
      case ']':
      case '}': depth -= depth > 0 ? 1 : 0; break;
      default: break;
    }
  }
  return deepest;
}

}  // namespace gauntlet::base
