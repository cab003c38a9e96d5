#include "base/percent.hpp"

#include "base/hex.hpp"
#include "base/text.hpp"

namespace gauntlet::base {

std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      if (i + 2 >= text.size()) return std::nullopt;
      const int high = hex_value(text[i + 1]);
      const int low = hex_value(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      decoded.push_back(static_cast<char>(high * 16 + low));
      i += 2;
    } else {
      decoded.push_back(text[i] == '+' && plus_is_space ? ' ' : text[i]);
    }
  }
  return decoded;
}

namespace {

template <class IsPlain>
std::string encoded(std::string_view text, IsPlain is_plain) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (is_plain(c)) out += c;
    else append_percent_encoded(out, c);
  }
  return out;
}

}  // namespace

void append_percent_encoded(std::string& out, char c) { append_hex(out += '%', static_cast<unsigned char>(c), HexCase::upper); }

std::string percent_encode(std::string_view text) {
  return encoded(text, [](char c) { return is_letter(c) || is_digit(c) || c == '-' || c == '.' || c == '_' || c == '~'; });
}

std::string percent_encode_grpc_message(std::string_view text) {
  return encoded(text, [](char c) { return c >= ' ' && c <= '~' && c != '%'; });
}

std::string percent_decode_grpc_message(std::string_view text) {
  std::string message;
  message.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 && hex_value(text[i + 2]) >= 0) {
      message += static_cast<char>(hex_value(text[i + 1]) << 4 | hex_value(text[i + 2]));
      i += 2;
    } else {
      message += text[i];
    }
  }
  return message;
}

}  // namespace gauntlet::base
