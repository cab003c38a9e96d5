#pragma once
// The few JSON scalars that responses are written with.
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

namespace gauntlet::service {

/// Appends `text` (UTF-8) as a JSON string with its quotes. Escapes what must be; everything else stays as it is.
void append_json_string(std::string& out, std::string_view text);

inline void append_json_integer(std::string& out, std::int64_t value) {
  char digits[20];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}

}  // namespace gauntlet::service
