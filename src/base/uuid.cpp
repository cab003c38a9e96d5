#include "base/uuid.hpp"

#include "base/hex.hpp"
#include "base/text.hpp"

namespace gauntlet::base {

std::optional<Uuid> parse_uuid(std::string_view text) {
  const bool dashed = text.size() == 36;
  if (!dashed && text.size() != 32) return std::nullopt;
  Uuid uuid;
  std::size_t nibble = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (dashed && (i == 8 || i == 13 || i == 18 || i == 23)) {
      if (text[i] != '-') return std::nullopt;
      continue;
    }
    const int digit = hex_value(text[i]);
    if (digit < 0) return std::nullopt;
    uuid.bytes[nibble / 2] = static_cast<unsigned char>(uuid.bytes[nibble / 2] << 4 | digit);
    ++nibble;
  }
  return uuid;
}

std::string format_uuid(const Uuid& uuid) {
  std::string text;
  text.reserve(36);
  for (std::size_t i = 0; i < uuid.bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    append_hex(text, uuid.bytes[i]);
  }
  return text;
}

}  // namespace gauntlet::base
