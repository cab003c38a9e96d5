#include "base/text.hpp"

#include "base/utf8.hpp"

namespace gauntlet::base {

bool is_text(std::string_view bytes) { return bytes.find('\0') == std::string_view::npos && is_utf8(bytes); }

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
