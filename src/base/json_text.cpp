#include "base/json_text.hpp"

#include "base/hex.hpp"
#include "base/utf8.hpp"

namespace gauntlet::base {

void append_json_string(std::string& out, std::string_view text, BrokenUtf8 broken) {
  out += '"';
  std::size_t plain = 0;  // begin of what needs no escape
  for (std::size_t at = 0; at < text.size();) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte >= 0x80) {
      const std::size_t length = broken == BrokenUtf8::kept ? 1 : utf8_length(text, at);
      at += length == 0 ? 1 : length;
      if (length != 0) continue;
      out.append(text, plain, at - 1 - plain).append("\\ufffd");
      plain = at;
      continue;
    }
    ++at;
    if (byte >= 0x20 && byte != '"' && byte != '\\') continue;
    out.append(text, plain, at - 1 - plain) += '\\';
    plain = at;
    switch (byte) {
      case '\n': out += 'n'; break;
      case '\r': out += 'r'; break;
      case '\t': out += 't'; break;
      case '\b': out += 'b'; break;
      case '\f': out += 'f'; break;
      case '"':
      case '\\': out += static_cast<char>(byte); break;
      default: append_hex(out += "u00", byte);
    }
  }
  out.append(text, plain) += '"';
}

}  // namespace gauntlet::base
