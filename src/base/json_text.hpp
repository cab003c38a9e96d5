#pragma once
// The JSON scalars that are written by hand, where a document would cost too much.
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

namespace gauntlet::base {

/// Of a text's bytes that are no UTF-8.
enum class BrokenUtf8 { replaced /* by U+FFFD each */, kept };

/// Appends `text` as a JSON string with its quotes. Escapes what must be; everything else stays as it is.
void append_json_string(std::string& out, std::string_view text, BrokenUtf8 broken = BrokenUtf8::replaced);

inline void append_json_integer(std::string& out, std::int64_t value) {
  char digits[20];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}

}  // namespace gauntlet::base
