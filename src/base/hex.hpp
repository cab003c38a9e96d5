#pragma once
// Numbers and bytes as hexadecimal digits; base/text.hpp has what reads one (hex_value).
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace gauntlet::base {

enum class HexCase { lower, upper };

/// Appends two digits.
inline void append_hex(std::string& out, unsigned char byte, HexCase letters = HexCase::lower) {
  const char* const digits = letters == HexCase::lower ? "0123456789abcdef" : "0123456789ABCDEF";
  out += digits[byte >> 4U];
  out += digits[byte & 15U];
}

/// Two digits a byte, in lower case.
inline std::string to_hex(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const char c : bytes) append_hex(text, static_cast<unsigned char>(c));
  return text;
}

/// Writes sixteen digits.
inline void write_hex(char* to, std::uint64_t number) {
  for (std::size_t i = 16; i > 0; --i, number >>= 4U) to[i - 1] = "0123456789abcdef"[number & 15U];
}

}  // namespace gauntlet::base
